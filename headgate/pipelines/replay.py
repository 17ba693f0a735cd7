"""The rows of a source that an earlier job rejected, to be read again as if there were no others."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from headgate.errors import JobFault
from headgate.pipelines.rowmap import Numbers
from headgate.storage.open_errors import OpenErrors

Mask = npt.NDArray[np.bool_]


class RowSet:
    """1-based record numbers of a source, as one bit for each record up to the last of them."""

    def __init__(self, rows: Numbers) -> None:
        bits = np.zeros(int(rows.max(initial=0)) + 1, np.bool_)
        bits[rows] = True
        self.count = int(np.count_nonzero(bits))
        self._end = len(bits)
        self._bits = np.packbits(bits, bitorder="little")
        self._bytes = self._bits.tobytes()

    def __contains__(self, row: int) -> bool:
        return row < self._end and bool(self._bytes[row >> 3] >> (row & 7) & 1)

    def mask(self, rows: Numbers) -> Mask:
        """Which of these rows are in the set."""
        known = np.minimum(rows, self._end - 1)
        chosen: Mask = ((self._bits[known >> 3] >> (known & 7)) & 1).astype(np.bool_)
        return chosen & (rows < self._end)

    def rows(self) -> Numbers:
        """The numbers of the set, in their order."""
        numbers: Numbers = np.flatnonzero(np.unpackbits(self._bits, count=self._end, bitorder="little"))
        return numbers

    def count_up_to(self, row: int) -> int:
        """How many rows of the set are not behind this one."""
        return int(np.unpackbits(self._bits, count=min(row + 1, self._end), bitorder="little").sum())


def rejected_rows(errors: OpenErrors) -> RowSet:
    """The rows that a job rejected and no later one has resolved. Raises JobFault NOTHING_TO_REPLAY for none."""
    rows: Numbers = errors.rejected_rows().to_numpy()
    if not len(rows):
        message = "The job has no rejected rows that could be read again. Retry all of it, or send new data."
        raise JobFault("NOTHING_TO_REPLAY", message, "DATA")
    return RowSet(rows)


def save_resolved(path: Path, taken: RowSet, ledger: Path) -> None:
    """Write the rows that passed, of those that were taken, at `path`: a Parquet file with the column `row`."""
    rejected = RowSet(OpenErrors(ledger).rejected_rows().to_numpy())
    rows = taken.rows()
    passed = rows[~rejected.mask(rows)]
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_suffix(".staged")
    pl.DataFrame({"row": passed}, schema={"row": pl.Int64}).write_parquet(staged)
    staged.rename(path)
