"""Checkpoints: places in the one scan where rows that break rules are rejected before steps see them."""

import threading
from collections.abc import Mapping, Sequence

import polars as pl

from headgate.pipelines.batches import looked_at
from headgate.pipelines.faults import FAULTY, REJECTED, RULE, FaultyRows, masks, verdicts
from headgate.pipelines.rejections import RejectionLog
from headgate.pipelines.rowmap import RowMap
from headgate.pipelines.rules import Rule

MISFIT = "__headgate_misfit__:"
"""What begins the names of columns that say in which rows the type of a column was guessed wrong."""


class Tap:
    """Counts the rows that flow through it."""

    def __init__(self) -> None:
        self.rows = 0
        self._lock = threading.Lock()

    def over(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """The same rows, counted as they come."""
        return looked_at(rows, self._count, all_columns=False)

    def _count(self, batch: pl.DataFrame) -> pl.DataFrame:
        with self._lock:
            self.rows += batch.height
        return batch


class Checkpoint:
    """Holds rows against rules in the middle of the scan; those that break a rule of severity ERROR go no further.

    `originals` say which columns hold a record's values as they came. `misfits` are conditions by column: where one
    holds of any row, the column's type was guessed wrong, and it is among the `misfitting`. After the scan `rejected`
    counts rows, and `failed` those that broke each rule.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        originals: Mapping[str, str],
        numbers: RowMap | None,
        log: RejectionLog,
        misfits: Mapping[str, pl.Expr],
    ) -> None:
        self.rejected = 0
        self.failed = [0] * len(rules)
        self.misfitting: set[str] = set()
        self._rules, self._misfits = rules, misfits
        self._faulty = FaultyRows(rules, originals, numbers, log.take)
        self._lock = threading.Lock()

    def over(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """The rows that get past."""
        before = rows.collect_schema().names()
        passed = looked_at(self._judged(rows), self._pass, all_columns=True)
        return passed.filter(~pl.col(REJECTED)).select(before)

    def _judged(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        misfits = [fails.fill_null(False).alias(MISFIT + column) for column, fails in self._misfits.items()]
        return rows.with_columns(*masks(self._rules), *misfits).with_columns(verdicts(self._rules))

    def _pass(self, batch: pl.DataFrame) -> pl.DataFrame:
        misfitting = {column for column in self._misfits if batch[MISFIT + column].any()}
        with self._lock:
            self.misfitting |= misfitting
            self.rejected += int(batch[REJECTED].sum())
            for number in range(len(self._rules)):
                self.failed[number] += int(batch[f"{RULE}{number}"].sum())
        if not self.misfitting and (faulty := batch[FAULTY]).any():
            self._faulty.add(batch.filter(faulty))
        return batch

    def finish(self) -> None:
        """Record the faults that the scan has left over."""
        self._faulty.finish()
