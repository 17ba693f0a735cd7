"""The gate: every batch of the scan passes here, typed; rows that break a rule are rejected, all faults recorded."""

import threading
from collections.abc import Collection, Iterable, Mapping

import polars as pl

from headgate.pipelines.arrangement import Arranged, suggest_fitting
from headgate.pipelines.faults import RULE, FaultyRows
from headgate.pipelines.prepared import ROW_INDEX, Watch
from headgate.pipelines.rejections import RejectionLog
from headgate.pipelines.rules import Rule, Severity
from headgate.pipelines.screening import Rulebook
from headgate.pipelines.types import Candidate, TypePlan, conforming
from headgate.storage.columns import Column, column_type

BEFORE = "__headgate_before__:"
"""What begins the names of columns that hold the values as they were before they got the type that is stored."""
FAULTY = "__headgate_faulty__"
REJECTED = "__headgate_rejected__"
READ_SHARE = 0.35
"""How much of a job's time the first sweep takes, for its progress."""
LOST = "The dataset's column is {}; this value is none, or would be changed to become one."
KEY_MISSING = "The row has no value for a key column, so it can't be matched to existing rows."


class Gate:
    """Holds the rows of a source against rules and types, in one lazy scan.

    Columns of `fixed` have the name and type of an existing dataset's: a row with a value that it can't hold, or
    without one of the `keys`, is rejected. The other columns have the type that `plan` takes them to have;
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
    ) -> None:
        self.misfits: set[str] = set()
        self.rows = self.rejected = 0
        self.failed = [0] * len(book.limits)
        self._rows, self._book, self._watch = rows, book, watch
        self._plan, self._fixed = plan, dict(fixed or {})
        self._spelling = {name: column.name for name, (column, _) in self._fixed.items()}
        self._typed = {name: typed for name in rows.names if (typed := self._candidate(name)) is not None}
        of_dataset = _dataset_rules(self._fixed, keys)
        self._of_dataset = list(of_dataset)
        self._faulty = FaultyRows(
            [*book.rules, *of_dataset.values()],
            {name: self._before(column) for name, column in rows.originals.items()},
            rows.prepared.rows,
            log.take,
        )
        self._lock = threading.Lock()

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
        return self._rows.frame.with_columns(*typed, *before, *self._masks()).map_batches(
            self._pass, schema=self._schema(), streamable=True, validate_output_schema=False
        )

    def _masks(self) -> list[pl.Expr]:
        rules = self._book.rules
        fails = [rule.fails.fill_null(False) for rule in rules]
        rejects = [fail for fail, rule in zip(fails, rules, strict=True) if rule.severity is Severity.ERROR]
        return [
            *(fail.alias(f"{RULE}{number}") for number, fail in enumerate(fails)),
            *([pl.any_horizontal(fails).alias(FAULTY)] if fails else []),
            *([pl.any_horizontal(rejects).alias(REJECTED)] if rejects else []),
        ]

    def _schema(self) -> dict[str, pl.DataType]:
        dtypes = {**self._rows.frame.collect_schema()}
        dtypes |= {name: candidate.dtype for name, candidate in self._typed.items()}
        return {self._spelling.get(name, name): dtypes[name] for name in (ROW_INDEX, *self._rows.names)}

    def _pass(self, batch: pl.DataFrame) -> pl.DataFrame:
        """The good rows of a batch; what is wrong with the others is recorded."""
        lost = self._lost(batch)
        rejected = _any([*_found(batch, REJECTED), *lost.values()])
        faulty = _any([*_found(batch, FAULTY), *lost.values()])
        good, misfits = self._good(batch, rejected)
        self._count(batch, rejected, misfits)
        if faulty is not None and not self.misfits:
            with_lost = batch.with_columns(mask.alias(name) for name, mask in lost.items())
            self._faulty.add(with_lost.filter(faulty))
        return good

    def _lost(self, batch: pl.DataFrame) -> dict[str, pl.Series]:
        """By the column of a rule, rows with a value that the dataset can't hold, or without a key."""
        found = {}
        for number, (name, is_key) in enumerate(self._of_dataset, start=len(self._book.rules)):
            mask = self._keyless(batch, name) if is_key else self._nulled(batch, name)
            if mask is not None:
                found[f"{RULE}{number}"] = mask
        return found

    def _keyless(self, batch: pl.DataFrame, name: str) -> pl.Series | None:
        """Which rows have no value in a key column; None where all have."""
        before = batch[self._before(name)]
        return before.is_null() if before.null_count() else None

    def _nulled(self, batch: pl.DataFrame, name: str) -> pl.Series | None:
        """Which rows lost the value of a column to its type; None where none did."""
        if name not in self._typed or not _lost_some(batch, name):
            return None
        return batch[name].is_null() & batch[BEFORE + name].is_not_null()

    def _good(self, batch: pl.DataFrame, rejected: pl.Series | None) -> tuple[pl.DataFrame, set[str]]:
        """The rows that are not rejected, and the columns whose type isn't fixed and which lost values of theirs."""
        names = [ROW_INDEX, *self._rows.names]
        suspects = [name for name in self._typed if name not in self._fixed and _lost_some(batch, name)]
        good = batch.select(*names, *(BEFORE + name for name in suspects))
        if rejected is not None:
            good = good.filter(~rejected)
        misfits = {name for name in suspects if _lost_some(good, name)}
        return good.select(names).rename(self._spelling), misfits

    def _count(self, batch: pl.DataFrame, rejected: pl.Series | None, misfits: set[str]) -> None:
        with self._lock:
            self.misfits |= misfits
            self.rows += batch.height
            self.rejected += 0 if rejected is None else int(rejected.sum())
            for number, (_, rules) in enumerate(self._book.limits):
                failed = _any(batch[f"{RULE}{rule}"] for rule in rules)
                self.failed[number] += 0 if failed is None else int(failed.sum())
            share = self.rows / max(self._rows.prepared.accepted, 1)
        self._watch("writing", rows_written=self.rows, fraction=READ_SHARE + (0.95 - READ_SHARE) * share)

    def finish(self) -> None:
        """Record the faults that the scan has left over."""
        self._faulty.finish()


def _lost_some(batch: pl.DataFrame, name: str) -> bool:
    """Whether values of a column got lost to its type."""
    return batch[name].null_count() > batch[BEFORE + name].null_count()


def _found(batch: pl.DataFrame, name: str) -> list[pl.Series]:
    """A column of booleans, where it is there and any is true."""
    return [mask] if name in batch.columns and (mask := batch[name]).any() else []


def _any(masks: Iterable[pl.Series]) -> pl.Series | None:
    """Where any of the masks is true; None where there are none."""
    together: pl.Series | None = None
    for mask in masks:
        together = mask if together is None else together | mask
    return together


def _dataset_rules(
    fixed: Mapping[str, tuple[Column, Candidate]], keys: Iterable[str]
) -> dict[tuple[str, bool], Rule]:
    """The rules that the dataset itself makes, by the column and whether it is as a key."""
    of_keys = {(name, True): Rule("REQUIRED", name, pl.col(name), KEY_MISSING) for name in keys}
    of_types = {(name, False): _type_rule(name, column.dtype) for name, (column, _) in fixed.items()}
    return of_keys | of_types


def _type_rule(name: str, dtype: pl.DataType) -> Rule:
    type = column_type(dtype)
    suggest = suggest_fitting(conforming(pl.String(), dtype), type)
    return Rule("TYPE", name, pl.col(name), LOST.format(type), suggest=suggest)
