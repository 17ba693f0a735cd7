"""Reads one record of delimited text byte by byte: where the scan of whole windows can't be trusted."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from headgate.pipelines.records import CARRIAGE_RETURN, MAX_RECORD_BYTES, Grammar

NEVER_CLOSED = "is opened by a quote that is never closed"
GOES_ON = "goes on after its closing quote"
APOSTROPHE = re.compile(rb"(?<=[^\W_])'(?=[^\W_])")


@dataclass(frozen=True, slots=True)
class SlowRecord:
    """One record read byte by byte: its cells, None where nothing stands; those before the faulty one at a `fault`."""

    end: int
    cells: tuple[bytes | None, ...]
    fault: str | None = None


def read_record(window: bytes, start: int, grammar: Grammar, *, final: bool) -> SlowRecord | None:
    """The record at `start`; None where the window ends before it does and more may come.

    A broken record ends at its first newline, so that one stray quote costs one line.
    """
    quote = _mark(grammar.quote)
    cells: list[bytes | None] = []
    at, line_end = start, -1
    while True:
        if line_end < at:
            line_end = _line_end(window, at, grammar)
        is_quoted = bool(quote) and window.startswith(quote, at)
        cell = _quoted(window, at, grammar) if is_quoted else _plain(window, at, line_end, grammar)
        if cell is None:
            if not final and len(window) - start < MAX_RECORD_BYTES:
                return None
            return _broken(window, start, cells, grammar, NEVER_CLOSED)
        content, at = cell
        cells.append(content)
        if not final and _is_cut(window[at : at + 2], grammar):
            return None
        if window.startswith(grammar.delimiter, at):
            at += len(grammar.delimiter)
            continue
        end = _record_end(window, at, grammar)
        if end is None:
            return _broken(window, start, cells[:-1], grammar, GOES_ON)
        return SlowRecord(end, tuple(cells))


def _mark(byte: int | None) -> bytes:
    return b"" if byte is None else bytes([byte])


def _is_cut(rest: bytes, grammar: Grammar) -> bool:
    """Whether what follows a cell is perhaps only the first byte of a delimiter or of a line's end."""
    return rest in (b"", b"\r", grammar.delimiter[:1]) and rest not in (
        _mark(grammar.newline),
        grammar.delimiter,
    )


def _broken(window: bytes, start: int, cells: list[bytes | None], grammar: Grammar, fault: str) -> SlowRecord:
    newline = window.find(_mark(grammar.newline), start)
    return SlowRecord(len(window) if newline < 0 else newline + 1, tuple(cells), fault)


def _line_end(window: bytes, at: int, grammar: Grammar) -> int:
    newline = window.find(_mark(grammar.newline), at)
    return len(window) if newline < 0 else newline


def _plain(window: bytes, at: int, line_end: int, grammar: Grammar) -> tuple[bytes | None, int]:
    if grammar.escape is not None:
        return _plain_escaped(window, at, grammar, grammar.escape)
    delimiter = window.find(grammar.delimiter, at, line_end)
    if delimiter >= 0:
        return window[at:delimiter] or None, delimiter
    end = line_end - 1 if window[line_end - 1 : line_end] == b"\r" and line_end > at else line_end
    return window[at:end] or None, end


def _plain_escaped(window: bytes, at: int, grammar: Grammar, escape: int) -> tuple[bytes | None, int]:
    patterns = _patterns(grammar)
    match = patterns.plain.match(window, at)
    assert match is not None
    text, end = match.group(), match.end()
    is_last = window[end : end + 1] in (b"", _mark(grammar.newline))
    if is_last and text.endswith(b"\r"):
        run = len(text) - 1 - len(text[:-1].rstrip(_mark(escape)))
        text, end = (text[:-1], end - 1) if run % 2 == 0 else (text, end)
    return (patterns.structural.sub(rb"\1", text) if escape in text else text) or None, end


def _quoted(window: bytes, at: int, grammar: Grammar) -> tuple[bytes, int] | None:
    quote = _mark(grammar.quote)
    if grammar.escape is not None:
        patterns = _patterns(grammar)
        match = patterns.quoted.match(window, at)
        return (patterns.quoting.sub(rb"\1", match.group(1)), match.end()) if match else None
    search = at + 1
    while True:
        closing = window.find(quote, search)
        if closing < 0:
            return None
        if window[closing + 1 : closing + 2] != quote:
            return window[at + 1 : closing].replace(quote * 2, quote), closing + 1
        search = closing + 2


@dataclass(frozen=True, slots=True)
class _Patterns:
    """What cells look like where there is an escape; an escape before a byte that it doesn't concern is text."""

    plain: re.Pattern[bytes]
    quoted: re.Pattern[bytes]
    structural: re.Pattern[bytes]
    quoting: re.Pattern[bytes]


@lru_cache(maxsize=16)
def _patterns(grammar: Grammar) -> _Patterns:
    escape, newline = re.escape(_mark(grammar.escape)), re.escape(_mark(grammar.newline))
    delimiter, quote = re.escape(grammar.delimiter), re.escape(_mark(grammar.quote) or b'"')
    marks = b"".join((escape, quote, newline, re.escape(grammar.delimiter[:1]), rb"\r\n"))
    return _Patterns(
        plain=re.compile(rb"(?:%b.?|(?!%b)[^%b%b])*+" % (escape, delimiter, escape, newline), re.DOTALL),
        quoted=re.compile(
            rb"%b((?:%b.|%b%b|[^%b%b])*+)%b" % (quote, escape, quote, quote, escape, quote, quote), re.DOTALL
        ),
        structural=re.compile(rb"%b([%b])" % (escape, marks)),
        quoting=re.compile(rb"(?:%b|%b(?=%b))([%b%b])" % (escape, quote, quote, escape, quote)),
    )


def _record_end(window: bytes, at: int, grammar: Grammar) -> int | None:
    newline = _mark(grammar.newline)
    for ending in (newline, b"\r" + newline):
        if window.startswith(ending, at):
            return at + len(ending)
    return at if at >= len(window) else None


def mend(line: bytes, grammar: Grammar, width: int) -> tuple[bytes | None, ...] | None:
    """The cells of a line with quotes that nobody escaped, such as `"say "hi" now",2`; None where that is a guess.

    One reading is left where each cell that opens with a quote has an even number of them inside, none beside a
    delimiter, doubled or escaped, the other cells have none, and there are `width` cells. Apostrophes don't count.
    """
    quote = _mark(grammar.quote)
    if not quote or grammar.escape is not None:
        return None
    line = line.removesuffix(_mark(grammar.newline)).removesuffix(bytes([CARRIAGE_RETURN]))
    cells: list[bytes | None] = []
    for quoted, plain in _pieces(line, grammar):
        if len(cells) == width or (quoted is None and quote in plain):
            return None
        if quoted is not None and not _is_plainly_quoting(quoted, quote, grammar):
            return None
        cells.append(plain or None if quoted is None else quoted)
    return tuple(cells) if len(cells) == width else None


def _is_plainly_quoting(text: bytes, quote: bytes, grammar: Grammar) -> bool:
    """Whether the quotes inside a cell come in pairs, none where it may be a delimiter's or an escape's."""
    inside = APOSTROPHE.sub(b"", text) if quote == b"'" else text
    beside = (quote * 2, grammar.delimiter + quote, b"\\" + quote)
    return inside.count(quote) % 2 == 0 and not any(marks in text for marks in beside)


def _pieces(line: bytes, grammar: Grammar) -> Iterator[tuple[bytes | None, bytes]]:
    """The cells of a line, quoted or plain; one opened by a quote ends with the first quote before a delimiter."""
    quote, delimiter = _mark(grammar.quote), grammar.delimiter
    line += delimiter
    at, closing = 0, 0
    while at < len(line):
        opened = line.startswith(quote, at) and closing >= 0
        if opened:
            closing = line.find(quote + delimiter, at + 1)
        if opened and closing >= 0:
            yield line[at + 1 : closing], b""
            at = closing + 1 + len(delimiter)
        else:
            end = line.index(delimiter, at)
            yield None, line[at:end]
            at = end + len(delimiter)
