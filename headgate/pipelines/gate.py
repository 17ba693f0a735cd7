"""The gate: every batch of the scan passes here, typed; rows that break a rule are rejected, all faults recorded."""

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import reduce
from operator import or_

import polars as pl

from headgate.pipelines.arrangement import Arranged, suggest_fitting
from headgate.pipelines.batches import looked_at
from headgate.pipelines.faults import FAULTY, REJECTED, RULE, FaultyRows, masks, verdicts
from headgate.pipelines.prepared import ROW_INDEX, Watch
from headgate.pipelines.rejections import RejectionLog
from headgate.pipelines.rules import Rule
from headgate.pipelines.screening import Rulebook
from headgate.pipelines.types import Candidate, TypePlan, conforming
from headgate.storage.columns import Column, column_type
from headgate.storage.partitions import MAX_TEXT_BYTES, tells_none, tells_partitions

BEFORE = "__headgate_before__:"
"""What begins the names of columns that hold the values as they were before they got the type that is stored."""
MISFITTING = "__headgate_misfitting__"
"""A column that says which good rows lost a value."""
READ_SHARE = 0.35
"""How much of a job's time the first sweep takes, for its progress."""
NO_PARTITION = (
    "The value can't tell a partition: it is an empty text, one of more than "
    f"{MAX_TEXT_BYTES:,} bytes, or a date beyond the years 1 to 9999."
)
LOST = "The dataset's column is {}; this value is none, or would be changed to become one."
KEY_MISSING = "The row has no value for a key column, so it can't be matched to existing rows."


class Gate:
    """Holds the rows of a source against rules and types, in one lazy scan.

    Columns of `fixed` have the name and type of an existing dataset's: a row with a value that it can't hold, or
    without one of the `keys`, is rejected, and so is one whose value in a column of `partition_by` can tell no
    partition. The other columns have the type that `plan` takes them to have;
    those whose values break it are collected in `misfits`: then the scan is repeated with another plan.
    Where there is no plan, as nothing is stored, values keep the type that they have.

    After the scan `rows` counts all rows, `rejected` those of them that were, and `failed` those that failed each
    check with a limit.
    """

    def __init__(
        self,
        rows: Arranged,
        book: Rulebook,
        log: RejectionLog,
        watch: Watch,
        *,
        plan: TypePlan | None = None,
        fixed: Mapping[str, tuple[Column, Candidate]] | None = None,
        keys: Collection[str] = (),
        partition_by: Collection[str] = (),
    ) -> None:
        self.misfits: set[str] = set()
        self.rows = self.rejected = 0
        self.failed = [0] * len(book.limits)
        self._rows, self._book, self._watch = rows, book, watch
        self._plan, self._fixed = plan, dict(fixed or {})
        self._spelling = {name: column.name for name, (column, _) in self._fixed.items()}
        self._typed = {name: typed for name in rows.names if (typed := self._candidate(name)) is not None}
        self._rules = [*book.rules, *self._dataset_rules(keys), *self._partition_rules(partition_by)]
        originals = {name: self._before(column) for name, column in rows.originals.items()}
        values = {**{name: self._before(name) for name in rows.names}, **originals}
        self._faulty = FaultyRows(self._rules, originals, rows.prepared.rows, log.take, values)
        shown = dict.fromkeys((ROW_INDEX, *originals.values(), *values.values()))
        self._shown = [*shown, *(f"{RULE}{n}" for n in range(len(self._rules)))]
        self._lock = threading.Lock()

    @property
    def _loose(self) -> list[str]:
        """The columns that get a type which some of their values may not fit."""
        return [name for name in self._typed if name not in self._fixed]

    def _candidate(self, name: str) -> Candidate | None:
        """The type that a column gets; None where it keeps its own."""
        if self._plan is None:
            return None
        chosen = self._fixed[name][1] if name in self._fixed else self._plan.chosen[name]
        return chosen if chosen.changes else None

    def _before(self, column: str) -> str:
        """Where a batch holds what was in a column before it got the type that is stored."""
        return BEFORE + column if column in self._typed else column

    def columns(self) -> list[Column]:
        """The columns that come out, in the order of the source."""
        return [self._stored(name) for name in self._rows.names]

    def _stored(self, name: str) -> Column:
        if name in self._fixed:
            return self._fixed[name][0]
        assert self._plan is not None
        chosen = self._plan.chosen[name]
        return Column(name, chosen.dtype, chosen.form)

    def frame(self) -> pl.LazyFrame:
        """ROW_INDEX and the typed columns of the good rows."""
        typed = [candidate.exact(pl.col(name)).alias(name) for name, candidate in self._typed.items()]
        before = [pl.col(name).alias(BEFORE + name) for name in self._typed]
        checked = self._rows.frame.with_columns(*typed, *before, *masks(self._book.rules))
        # What nobody looks at goes no further, nor does it come along from the source.
        judged = self._judged(checked).select(self._looked_at())
        passed = looked_at(judged, self._pass, all_columns=True)
        good = passed.filter(~pl.col(REJECTED)) if self._rules else passed
        return good.select(ROW_INDEX, *self._rows.names).rename(self._spelling)

    def _looked_at(self) -> list[str]:
        """The columns that are written, and those that faults are told by."""
        names = [ROW_INDEX, *self._rows.names, *(BEFORE + name for name in self._loose)]
        if self._rules:
            names += [*self._shown, FAULTY, REJECTED]
        return list(dict.fromkeys([*names, MISFITTING] if self._loose else names))

    def _judged(self, checked: pl.LazyFrame) -> pl.LazyFrame:
        """The rows with what is said of each: whether it breaks any rule, is rejected, and has lost values."""
        first = len(self._book.rules)
        judged = checked.with_columns(masks(self._rules[first:], first))
        loose = [_is_lost(name) for name in self._loose]
        if self._rules:
            judged = judged.with_columns(verdicts(self._rules))
            loose = [lost & ~pl.col(REJECTED) for lost in loose]
        return judged.with_columns(pl.any_horizontal(loose).alias(MISFITTING)) if loose else judged

    def _dataset_rules(self, keys: Iterable[str]) -> Iterator[Rule]:
        """The rules that the dataset itself makes: rows have their keys, and values that its columns can hold."""
        for name in keys:
            yield Rule("REQUIRED", name, pl.col(self._before(name)).is_null(), KEY_MISSING)
        for name in filter(self._fixed.__contains__, self._typed):
            dtype = self._fixed[name][0].dtype
            suggest = suggest_fitting(conforming(pl.String(), dtype), column_type(dtype))
            yield Rule("TYPE", name, _is_lost(name), LOST.format(column_type(dtype)), suggest=suggest)

    def _partition_rules(self, partition_by: Collection[str]) -> Iterator[Rule]:
        """Rows have values that the log of a partitioned dataset can spell."""
        # Where nothing is stored no types are chosen.
        for name in self._rows.names if partition_by else ():
            column = self._stored(name)
            if column.name in partition_by and tells_partitions(column.dtype):
                yield Rule("NO_PARTITION", name, tells_none(pl.col(name), column.dtype), NO_PARTITION)

    def _pass(self, batch: pl.DataFrame) -> pl.DataFrame:
        """Count the rows of a batch, and record what is wrong with them."""
        misfits = self._misfits(batch)
        with self._lock:
            self.misfits |= misfits
            self.rows += batch.height
            if self._rules:
                self.rejected += int(batch[REJECTED].sum())
            for number, (_, rules) in enumerate(self._book.limits):
                self.failed[number] += _count_any(batch[f"{RULE}{rule}"] for rule in rules)
            share = self.rows / max(self._rows.prepared.accepted, 1)
        self._watch("writing", rows_written=self.rows, fraction=READ_SHARE + (0.95 - READ_SHARE) * share)
        if self._rules and not self.misfits and (faulty := batch[FAULTY]).any():
            self._faulty.add(batch[self._shown].filter(faulty))
        return batch

    def _misfits(self, batch: pl.DataFrame) -> set[str]:
        """The columns whose type isn't fixed and which lost values of good rows to it."""
        if not self._loose or not batch[MISFITTING].any():
            return set()
        good = batch.filter(pl.col(MISFITTING))
        return {name for name in self._loose if good.select(_is_lost(name).any()).item()}

    def finish(self) -> None:
        """Record the faults that the scan has left over."""
        self._faulty.finish()


def _is_lost(name: str) -> pl.Expr:
    """Whether a row lost the value of a column to its type."""
    return pl.col(name).is_null() & pl.col(BEFORE + name).is_not_null()


def _count_any(masks: Iterable[pl.Series]) -> int:
    """In how many rows any of the masks is true."""
    return int(reduce(or_, masks).sum())
