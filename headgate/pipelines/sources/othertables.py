"""Notices where rows end that belong to a file's table: a header again, or one of another table."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import numpy.typing as npt

from headgate.pipelines.celltypes import is_mostly_typed, is_typed
from headgate.pipelines.records import Grammar, Window
from headgate.pipelines.trials import read_sample

SAMPLE_BYTES = 16 << 10
SAMPLE_RECORDS = 50

Mask = npt.NDArray[np.bool_]
CellsOf = Callable[[bytes], Sequence[str]]


class OtherTables:
    """What a table looks like: its header's line, its width, and which of its columns hold typed values.

    Where none does, a header can't be told from a row, and nothing is noticed but tables of another width.
    """

    def __init__(self, header: bytes, width: int, records: bytes, grammar: Grammar) -> None:
        head = records[:SAMPLE_BYTES]
        sample = read_sample(head[: head.rfind(bytes([grammar.newline])) + 1], grammar, SAMPLE_RECORDS)
        rows = [record.cells for record in sample if not record.broken and len(record.cells) == width]
        self._width, self._delimiter = width, grammar.delimiter
        self._typed = [
            index
            for index, column in enumerate(zip(*rows, strict=True))
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

    def begins_in(
        self, part: bytes, found: Window, blank: Mask, cells_of: CellsOf, *, gap_before: bool
    ) -> int | None:
        """The record of a window with which another table begins: a header behind a blank line or a title."""
        gaps = blank | ((found.widths == 1) & (self._width > 1))
        behind = np.concatenate(([gap_before], gaps[:-1])) & ~blank
        for index in np.flatnonzero(behind).tolist():
            raw = part[found.starts[index] : found.ends[index]]
            # Most rows begin with a number, and telling that costs less than to part them.
            if not raw.partition(self._delimiter)[0].isdigit() and self.begins_with(raw, cells_of(raw)):
                return int(index)
        return None

    def begins_with(self, raw: bytes, cells: Sequence[str]) -> bool:
        """Whether a record behind a gap is the header of another table."""
        if (
            len(cells) < 2
            or self.repeats_header(raw)
            or any(is_typed(cell) or not cell.strip() for cell in cells)
        ):
            return False
        return len(set(cells)) == len(cells) and (len(cells) != self._width or bool(self._typed))
