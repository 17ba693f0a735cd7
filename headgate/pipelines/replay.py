"""The rows of a source that an earlier job rejected, to be read again as if there were no others."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from headgate.errors import JobFault
from headgate.pipelines.rowmap import Numbers

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

    def count_up_to(self, row: int) -> int:
        """How many rows of the set are not behind this one."""
        return int(np.unpackbits(self._bits, count=min(row + 1, self._end), bitorder="little").sum())


def rejected_rows(ledger: Path) -> RowSet:
    """The rows that a job's error ledger says it rejected. Raises JobFault NOTHING_TO_REPLAY where it names none."""
    rows = _rows(ledger) if ledger.exists() else np.empty(0, np.int64)
    if not len(rows):
        message = "The job has no rejected rows that could be read again. Retry all of it, or send new data."
        raise JobFault("NOTHING_TO_REPLAY", message, "DATA")
    return RowSet(rows)


def _rows(ledger: Path) -> Numbers:
    faults = pl.scan_parquet(ledger, glob=False).filter(pl.col("severity") == "ERROR")
    found = faults.select(pl.col("row").drop_nulls()).collect(engine="streaming")
    rows: Numbers = found["row"].to_numpy()
    return rows
