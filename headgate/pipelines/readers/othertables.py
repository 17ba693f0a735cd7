"""Notices what a file's table does not hold: its header again, another table, rows inside a cell."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from headgate.pipelines.celltypes import is_missing, is_mostly_typed, is_typed
from headgate.pipelines.records import Grammar, Window
from headgate.pipelines.trials import read_sample

SAMPLE_BYTES = 16 << 10
SAMPLE_RECORDS = 50
MIN_ROWS = 3
"""Of fewer rows nothing can be told."""
MIN_TYPED = 2
"""With fewer columns of values, a line of text that has the right number of cells may be text."""

Mask = npt.NDArray[np.bool_]
CellsOf = Callable[[bytes], Sequence[str]]


class OtherTables:
    """What a table looks like: its header's line, its width, and which of its columns hold typed values.

    Where none does, a header can't be told from a row, and nothing is noticed but tables of another width.
    """

    def __init__(self, header: bytes, width: int, records: bytes, grammar: Grammar) -> None:
        head = records[:SAMPLE_BYTES]
        sample = read_sample(head[: head.rfind(bytes([grammar.newline])) + 1], grammar, SAMPLE_RECORDS)
        # Behind a gap another table may begin already.
        gap = next(
            (at for at, record in enumerate(sample) if at >= MIN_ROWS and record.after_blank), len(sample)
        )
        rows = [record.cells for record in sample[:gap] if not record.broken and len(record.cells) == width]
        self._width, self._grammar = width, grammar
        self._typed = [
            index
            for index, column in enumerate(zip(*rows, strict=True) if len(rows) >= MIN_ROWS else ())
            if any(map(is_typed, column)) and is_mostly_typed(column)
        ]
        self._header = header.rstrip(b"\r\n") if self._typed and width > 1 else b""

    def repeats_header(self, raw: bytes) -> bool:
        """Whether a record is the header again."""
        return bool(self._header) and raw.rstrip(b"\r\n") == self._header

    def headers(self, part: bytes, found: Window) -> Iterator[int]:
        """The records of a window that are the header again."""
        if not self._header:
            return
        # Most records have another length or another first byte: telling these apart costs less than a search.
        sizes = found.ends - found.starts - len(self._header)
        alike = np.flatnonzero((sizes == 1) | (sizes == 2))
        firsts = np.frombuffer(part, np.uint8)[found.starts[alike]]
        for index in alike[firsts == self._header[0]].tolist():
            if self.repeats_header(part[found.starts[index] : found.ends[index]]):
                yield index

    def first_merged(self, part: bytes, found: Window) -> int | None:
        """The first record of a window in which a quoted cell seems to hold rows."""
        if len(found.newlines) == len(found.ends) or len(self._typed) < MIN_TYPED:
            return None
        lines = np.diff(np.searchsorted(found.newlines, found.ends), prepend=0)
        several = np.flatnonzero(lines > 1).tolist()
        return next((i for i in several if self.holds_rows(part[found.starts[i] : found.ends[i]])), None)

    def holds_rows(self, raw: bytes) -> bool:
        """Whether lines inside a record are rows by themselves: then a quote is missing, or there is one too many."""
        if len(self._typed) < MIN_TYPED:
            return False
        first, *inner = raw.rstrip(b"\r\n").split(bytes([self._grammar.newline]))
        if not inner:
            return False
        last = inner.pop()
        return any(map(self._is_like_a_row, inner)) or (
            self._is_like_a_row(first) and self._is_like_a_row(last)
        )

    def _is_like_a_row(self, line: bytes) -> bool:
        """Whether a line has as many cells as the table, and values where the table has values."""
        if line.count(self._grammar.delimiter) != self._width - 1:
            return False
        texts = line.decode("utf-8", "replace").split(self._grammar.delimiter.decode())
        cells = [_unquoted(texts[index].strip()) for index in self._typed]
        return any(map(is_typed, cells)) and all(is_typed(cell) or is_missing(cell) for cell in cells)

    def begins_in(
        self, part: bytes, found: Window, blank: Mask, cells_of: CellsOf, *, gap_before: bool
    ) -> int | None:
        """The record of a window with which another table begins: a header behind a blank line or a title."""
        gaps = blank | ((found.widths == 1) & (self._width > 1))
        behind = np.concatenate(([gap_before], gaps[:-1])) & ~blank
        for index in np.flatnonzero(behind).tolist():
            raw = part[found.starts[index] : found.ends[index]]
            # Most rows begin with a number, and telling that costs less than to part them.
            if not raw.partition(self._grammar.delimiter)[0].isdigit() and self.begins_with(
                raw, cells_of(raw)
            ):
                return int(index)
        return None

    def begins_with(self, raw: bytes, cells: Sequence[str]) -> bool:
        """Whether a record behind a gap is the header of another table: words, and none that the table may hold."""
        if len(cells) < 2 or len(set(cells)) < len(cells) or self.repeats_header(raw):
            return False
        if any(is_typed(cell) or is_missing(cell) for cell in cells):
            return False
        return len(cells) != self._width or len(self._typed) >= min(MIN_TYPED, self._width)

    def goes_on(self, part: bytes, found: Window, first: int) -> int:
        """Behind a table of another width: the record of a window with which rows of this one go on, if any do."""
        for index in (np.flatnonzero(found.widths[first:] == self._width) + first).tolist():
            if self.is_row(part[found.starts[index] : found.ends[index]]):
                return int(index)
        return len(found.starts)

    def is_row(self, raw: bytes) -> bool:
        """Whether a record of the right width is one of the table's, by the values in it where it has any."""
        return len(self._typed) < MIN_TYPED or self._is_like_a_row(raw)


def _unquoted(cell: str) -> str:
    """The cell without the quotes around it; with a single one it is no value."""
    return cell[1:-1] if len(cell) > 1 and cell[0] == cell[-1] and cell[0] in "\"'" else cell
