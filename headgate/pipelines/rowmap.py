"""Where accepted rows stood in the source: their record numbers and physical lines."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

ROW_INDEX = "__headgate_row__"
"""The 0-based index of an accepted row, carried through the scan beside the source's columns."""
Numbers = npt.NDArray[np.int64]


class RowMap:
    """Maps the 0-based index of an accepted row to its 1-based record number and line.

    Both run along with the index except where rows were rejected, lines were blank or a cell held newlines, so only
    the places where the distance changes are kept.
    """

    def __init__(self) -> None:
        self._changes: list[tuple[Numbers, Numbers, Numbers]] = []
        self._last = (-1, -1)

    def add(self, index: int, rows: Numbers, lines: Numbers) -> None:
        """Record consecutive accepted rows, the first of which has this index."""
        if not len(rows):
            return
        indexes = np.arange(index, index + len(rows))
        row_offsets, line_offsets = rows - indexes, lines - indexes
        changed = (np.diff(row_offsets) != 0) | (np.diff(line_offsets) != 0)
        first = (int(row_offsets[0]), int(line_offsets[0])) != self._last
        at = np.flatnonzero(np.concatenate(([first], changed)))
        self._changes.append((indexes[at], row_offsets[at], line_offsets[at]))
        self._last = (int(row_offsets[-1]), int(line_offsets[-1]))

    def add_run(self, index: int, row: int, line: int) -> None:
        """Record accepted rows that run along with their records and lines, from this index on."""
        offsets = (row - index, line - index)
        if offsets != self._last:
            self._changes.append((np.array([index]), np.array([offsets[0]]), np.array([offsets[1]])))
            self._last = offsets

    def locate(self, indexes: Numbers) -> tuple[Numbers, Numbers]:
        """The record numbers and lines of accepted rows."""
        starts, rows, lines = (np.concatenate(parts) for parts in zip(*self._changes, strict=True))
        at = np.searchsorted(starts, indexes, side="right") - 1
        return indexes + rows[at], indexes + lines[at]


class JoinedRows(RowMap):
    """Maps the rows of several sources, one behind the other; `parts` are how many rows come before each, and its map.

    The indexes of a part begin with that number too. Rows of a part without a map run along with their indexes and
    have no lines, which is 0.
    """

    def __init__(self, parts: Sequence[tuple[int, RowMap | None]]) -> None:
        super().__init__()
        self._befores = np.array([before for before, _ in parts], np.int64)
        self._maps = [rows for _, rows in parts]

    def locate(self, indexes: Numbers) -> tuple[Numbers, Numbers]:
        """The record numbers through all sources, and the lines in each."""
        rows, lines = indexes + 1, np.zeros_like(indexes)
        of_part = np.searchsorted(self._befores, indexes, side="right") - 1
        for part in np.unique(of_part):
            known, before = self._maps[part], self._befores[part]
            if known is not None:
                at = of_part == part
                rows[at], lines[at] = known.locate(indexes[at] - before)
                rows[at] += before
        return rows, lines
