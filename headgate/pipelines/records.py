"""Finds the records of delimited text: where each begins and ends, how many cells it has, and what is broken.

The scan works on whole windows of bytes with NumPy. Quotes are paired by parity, which is right as long as every
opening quote stands at the start of a cell and every closing one at its end; at the first quote that doesn't, the
window is cut and that one record is read byte by byte. Grammar: RFC 4180, with any one-byte delimiter and quote,
and a quote inside an unquoted cell taken literally.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CARRIAGE_RETURN = 13
LINE_FEED = 10
MAX_RECORD_BYTES = 8 << 20
"""A quoted cell that is still open after this many bytes counts as never closed."""

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Grammar:
    """The bytes that structure a file; `newline` is CR where no LF ends the lines."""

    delimiter: int
    quote: int
    newline: int


@dataclass(frozen=True, slots=True)
class Window:
    """The complete, regular records at the start of a window of bytes.

    Record i is `starts[i]:ends[i]`, its terminator included, and has `widths[i]` cells. `broken` says that
    the record behind the last one has a stray quote and wants `read_record`.
    """

    starts: Positions
    ends: Positions
    widths: Positions
    newlines: Positions
    broken: bool

    @property
    def consumed(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0


def scan(window: bytes, grammar: Grammar) -> Window:
    """The regular records of a window that begins where a record begins."""
    data = np.frombuffer(window, np.uint8)
    if grammar.quote in window:
        return _scan_quoted(data, grammar)
    newlines = np.flatnonzero(data == grammar.newline)
    delimiters = _ranks(data == grammar.delimiter, newlines)
    return Window(
        _starts(newlines + 1), newlines + 1, np.diff(delimiters, prepend=0) + 1, newlines, broken=False
    )


def _starts(ends: Positions) -> Positions:
    starts = np.empty_like(ends)
    starts[:1] = 0
    starts[1:] = ends[:-1]
    return starts


def _ranks(marked: Mask, at: Positions) -> Positions:
    """How many marks stand before each position: counted by 64 bits at a time, faster than listing them all."""
    words = np.packbits(np.pad(marked, (0, -len(marked) % 64)), bitorder="little").view("<u8")
    before = np.zeros(len(words) + 1, np.int64)
    np.cumsum(np.bitwise_count(words), out=before[1:])
    within = words[at >> 6] & ((np.uint64(1) << (at & 63).astype(np.uint64)) - np.uint64(1))
    ranks: Positions = before[at >> 6] + np.bitwise_count(within)
    return ranks


def _scan_quoted(data: Bytes, grammar: Grammar) -> Window:
    newlines = np.flatnonzero(data == grammar.newline)
    marks = (data == grammar.delimiter) | (data == grammar.newline)
    at, stray = _outside_quotes(data, marks, grammar)
    last_marks = np.flatnonzero(data[at] == grammar.newline)
    ends = at[last_marks] + 1
    trusted = int(np.searchsorted(ends, stray, side="right"))
    ends, widths = ends[:trusted], np.diff(last_marks, prepend=-1)[:trusted]
    return Window(_starts(ends), ends, widths, newlines, broken=stray < len(data))


def _outside_quotes(data: Bytes, marks: Mask, grammar: Grammar) -> tuple[Positions, int]:
    """The delimiters and newlines outside quoted cells, and where the first stray quote stands."""
    at = np.flatnonzero(marks | (data == grammar.quote))
    is_quote = data[at] == grammar.quote
    outside = (np.cumsum(is_quote) & 1) == 0
    return at[~is_quote & outside], _first_stray(data, at[is_quote], grammar)


def _first_stray(data: Bytes, quotes: Positions, grammar: Grammar) -> int:
    size = len(data)
    opening, closing = quotes[0::2], quotes[1::2]
    before = np.where(opening > 0, data[opening - 1], grammar.newline)
    after = np.where(closing + 1 < size, data[np.minimum(closing + 1, size - 1)], grammar.newline)
    second = np.where(closing + 2 < size, data[np.minimum(closing + 2, size - 1)], grammar.newline)
    edges = (grammar.delimiter, grammar.newline, grammar.quote)
    good_opening = np.isin(before, edges)
    good_closing = np.isin(after, edges) | ((after == CARRIAGE_RETURN) & (second == grammar.newline))
    strays = np.concatenate((opening[~good_opening][:1], closing[~good_closing][:1]))
    return int(strays.min()) if len(strays) else size


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
    quote = bytes([grammar.quote])
    cells: list[bytes | None] = []
    at = start
    while True:
        cell = _quoted(window, at, grammar) if window[at : at + 1] == quote else _plain(window, at, grammar)
        if cell is None:
            if not final and len(window) - start < MAX_RECORD_BYTES:
                return None
            return _broken(window, start, cells, grammar, "is opened by a quote that is never closed")
        content, at = cell
        cells.append(content)
        if at >= len(window) and not final:
            return None
        if window[at : at + 1] == bytes([grammar.delimiter]):
            at += 1
            continue
        end = _record_end(window, at, grammar)
        if end is None:
            return _broken(window, start, cells[:-1], grammar, "goes on after its closing quote")
        return SlowRecord(end, tuple(cells))


def _broken(window: bytes, start: int, cells: list[bytes | None], grammar: Grammar, fault: str) -> SlowRecord:
    newline = window.find(bytes([grammar.newline]), start)
    return SlowRecord(len(window) if newline < 0 else newline + 1, tuple(cells), fault)


def _plain(window: bytes, at: int, grammar: Grammar) -> tuple[bytes | None, int]:
    newline = window.find(bytes([grammar.newline]), at)
    newline = len(window) if newline < 0 else newline
    delimiter = window.find(bytes([grammar.delimiter]), at, newline)
    if delimiter >= 0:
        return window[at:delimiter] or None, delimiter
    end = newline - 1 if window[newline - 1 : newline] == b"\r" and newline > at else newline
    return window[at:end] or None, end


def _quoted(window: bytes, at: int, grammar: Grammar) -> tuple[bytes, int] | None:
    quote = bytes([grammar.quote])
    search = at + 1
    while True:
        closing = window.find(quote, search)
        if closing < 0:
            return None
        if window[closing + 1 : closing + 2] != quote:
            return window[at + 1 : closing].replace(quote * 2, quote), closing + 1
        search = closing + 2


def _record_end(window: bytes, at: int, grammar: Grammar) -> int | None:
    newline = bytes([grammar.newline])
    for ending in (newline, b"\r" + newline):
        if window.startswith(ending, at):
            return at + len(ending)
    return at if at >= len(window) else None
