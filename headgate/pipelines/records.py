"""Finds the records of delimited text: where each begins and ends, how many cells it has, and what is broken.

The scan works on whole windows of bytes with NumPy. Quotes are paired by parity, which is right as long as every
opening quote stands at the start of a cell and every closing one at its end; at the first quote that doesn't, the
window is cut and that one record is read byte by byte. Grammar: RFC 4180, with any one-byte delimiter and quote,
and a quote inside an unquoted cell taken literally.
"""

from dataclasses import dataclass, replace

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
    """The bytes that structure a file; `newline` is CR where no LF ends the lines.

    A delimiter has one byte or two different ones; quotes inside quoted cells are doubled, or stand behind `escape`.
    """

    delimiter: bytes
    quote: int | None
    newline: int
    escape: int | None = None

    def structures(self, window: bytes) -> bool:
        """Whether quotes or escapes stand in a window, so that not all of its delimiters and newlines count."""
        return (self.quote is not None and self.quote in window) or (
            self.escape is not None and self.escape in window
        )


@dataclass(frozen=True, slots=True)
class Window:
    """The complete, regular records at the start of a window of bytes.

    Record i is `starts[i]:ends[i]`, its terminator included, and has `widths[i]` cells. `broken` says that
    the record behind the last one has a stray quote and wants `read_record`. `delimiters` is where those of two bytes
    begin, in the whole window.
    """

    starts: Positions
    ends: Positions
    widths: Positions
    newlines: Positions
    broken: bool
    delimiters: Positions | None = None

    def before(self, index: int) -> "Window":
        """The records before one of them."""
        return replace(
            self, starts=self.starts[:index], ends=self.ends[:index], widths=self.widths[:index], broken=True
        )

    @property
    def consumed(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0


def scan(window: bytes, grammar: Grammar) -> Window:
    """The regular records of a window that begins where a record begins."""
    data = np.frombuffer(window, np.uint8)
    if grammar.structures(window):
        return _scan_structured(data, grammar)
    newlines = np.flatnonzero(data == grammar.newline)
    marked = _delimiters(data, grammar)
    widths = np.diff(_ranks(marked, newlines), prepend=0) + 1
    long = np.flatnonzero(marked) if len(grammar.delimiter) > 1 else None
    return Window(_starts(newlines + 1), newlines + 1, widths, newlines, broken=False, delimiters=long)


def _delimiters(data: Bytes, grammar: Grammar) -> Mask:
    """Where delimiters begin."""
    marked: Mask = data == grammar.delimiter[0]
    if len(grammar.delimiter) > 1:
        marked[:-1] &= data[1:] == grammar.delimiter[1]
        marked[-1:] = False
    return marked


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


def _scan_structured(data: Bytes, grammar: Grammar) -> Window:
    is_newline = data == grammar.newline
    newlines = np.flatnonzero(is_newline)
    marks = _delimiters(data, grammar) | is_newline
    quotes = np.zeros(len(data), np.bool_) if grammar.quote is None else data == grammar.quote
    if grammar.escape is not None:
        plain = ~escaped(data, grammar.escape)
        marks &= plain
        quotes &= plain
    at, stray = _outside_quotes(data, marks, quotes, grammar)
    last_marks = np.flatnonzero(data[at] == grammar.newline)
    ends = at[last_marks] + 1
    trusted = int(np.searchsorted(ends, stray, side="right"))
    ends, widths = ends[:trusted], np.diff(last_marks, prepend=-1)[:trusted]
    long = at[data[at] != grammar.newline] if len(grammar.delimiter) > 1 else None
    return Window(_starts(ends), ends, widths, newlines, broken=stray < len(data), delimiters=long)


def escaped(data: Bytes, escape: int) -> Mask:
    """Which bytes stand behind an escape that is not escaped itself."""
    result = np.zeros(len(data), np.bool_)
    at = np.flatnonzero(data == escape)
    if len(at):
        begins = np.concatenate(([True], np.diff(at) > 1))
        run_start = at[begins][np.cumsum(begins) - 1]
        odd = at[((at - run_start) & 1) == 0] + 1
        result[odd[odd < len(data)]] = True
    return result


def _outside_quotes(data: Bytes, marks: Mask, quotes: Mask, grammar: Grammar) -> tuple[Positions, int]:
    """The delimiters and newlines outside quoted cells, and where the first stray quote stands."""
    at = np.flatnonzero(marks | quotes)
    is_quote = quotes[at]
    outside = (np.cumsum(is_quote) & 1) == 0
    return at[~is_quote & outside], _first_stray(data, marks, quotes, at[is_quote], grammar)


def _first_stray(data: Bytes, marks: Mask, quotes: Mask, at: Positions, grammar: Grammar) -> int:
    opening, closing = at[0::2], at[1::2]
    edges = marks | quotes
    good_opening = (opening == 0) | _ends_mark(data, edges, opening - 1, grammar)
    good_closing = _begins_edge(data, edges, closing + 1, grammar)
    strays = np.concatenate((opening[~good_opening][:1], closing[~good_closing][:1]))
    return int(strays.min()) if len(strays) else len(data)


def _ends_mark(data: Bytes, edges: Mask, at: Positions, grammar: Grammar) -> Mask:
    """Whether a delimiter, newline or quote ends at each position."""
    if len(grammar.delimiter) == 1:
        return edges[at]
    long = data == grammar.delimiter[0]
    long &= edges
    ends: Mask = (edges[at] & ~long[at]) | ((at > 0) & long[at - 1])
    return ends


def _begins_edge(data: Bytes, edges: Mask, at: Positions, grammar: Grammar) -> Mask:
    """Whether a delimiter, newline or quote begins at each position; the window's end counts as one."""
    last = len(data) - 1
    here, next_ = np.minimum(at, last), np.minimum(at + 1, last)
    ends_line = (data[here] == CARRIAGE_RETURN) & ((data[next_] == grammar.newline) | (at >= last))
    begins: Mask = edges[here] | ends_line | (at > last)
    return begins


def blank_records(window: bytes, found: Window) -> Mask:
    """Which of a window's records are blank lines: they are no records at all."""
    sizes = found.ends - found.starts
    data = np.frombuffer(window, np.uint8)
    blank: Mask = (sizes == 1) | ((sizes == 2) & (data[found.starts] == CARRIAGE_RETURN))
    return blank
