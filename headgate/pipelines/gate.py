"""The gate: every batch of the scan passes here, typed; rows that break a rule are rejected, and all faults recorded."""

import threading
from collections.abc import Collection, Iterable, Iterator, Mapping

import polars as pl

from headgate.pipelines.arrangement import Arranged
from headgate.pipelines.faults import Broken, fault_lines
from headgate.pipelines.prepared import ROW_INDEX, Watch
from headgate.pipelines.rejections import RejectionLog
from headgate.pipelines.rules import Rule, Severity
from headgate.pipelines.screening import Rulebook
from headgate.pipelines.types import Candidate, TypePlan
from headgate.storage.columns import Column, column_type

BEFORE = "__headgate_before__:"
"""What begins the names of columns that hold the values as they were before they got the type that is stored."""
RULE = "__headgate_rule__:"
READ_SHARE = 0.35
"""How much of a job's time the first sweep takes, for its progress."""
LOST = "{} is what the dataset's column is; this value is none, or would be changed to become one."
KEY_MISSING = "The row has no value for a key column, so it can't be matched to existing rows."


class Gate:
    """Holds the rows of a source against rules and types, in one lazy scan.

    Columns of `fixed` have the name and type of an existing dataset's: a row with a value that it can't hold, or
    without one of the `keys`, is rejected. The other columns have the type that `plan` takes them to have;
    those whose values break it are collected in `misfits`: then the scan is repeated with another plan.
    Where there is no plan, as nothing is stored, values keep the type that they have.
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
        self.rows = 0
        self.failed = [0] * len(book.limits)
        self._rows, self._book, self._log, self._watch = rows, book, log, watch
        self._plan, self._fixed, self._keys = plan, dict(fixed or {}), frozenset(keys)
        self._spelling = {name: column.name for name, (column, _) in self._fixed.items()}
        self._typed = {name: typed for name in rows.names if (typed := self._candidate(name)) is not None}
        self._lock = threading.Lock()

    def _candidate(self, name: str) -> Candidate | None:
        """The type that a column gets; None where it keeps its own."""
        if self._plan is None:
            return None
        chosen = self._fixed[name][1] if name in self._fixed else self._plan.chosen[name]
        return chosen if chosen.changes else None

    def columns(self) -> list[Column]:
        """The columns that come out, in the order of the source."""
        return [self._column(name) for name in self._rows.names]

    def _column(self, name: str) -> Column:
        if name in self._fixed:
            return self._fixed[name][0]
        assert self._plan is not None
        chosen = self._plan.chosen[name]
        return Column(name, chosen.dtype, chosen.form)

    def frame(self) -> pl.LazyFrame:
        """ROW_INDEX and the typed columns of the good rows."""
        names = self._rows.names
        typed = [self._typed[name].exact(pl.col(name)).alias(name) for name in self._typed]
        before = [pl.col(name).alias(BEFORE + name) for name in self._typed]
        rules = [
            rule.fails.fill_null(False).alias(f"{RULE}{number}")
            for number, rule in enumerate(self._book.rules)
        ]
        dtypes = {**self._rows.frame.collect_schema()}
        dtypes |= {name: candidate.dtype for name, candidate in self._typed.items()}
        schema = {self._spelling.get(name, name): dtypes[name] for name in (ROW_INDEX, *names)}
        return self._rows.frame.with_columns(*typed, *before, *rules).map_batches(
            self._pass, schema=schema, streamable=True, validate_output_schema=False
        )

    def _pass(self, batch: pl.DataFrame) -> pl.DataFrame:
        """The good rows of a batch; what is wrong with the others is recorded."""
        broken = [*self._broken_rules(batch), *self._lost(batch)]
        rejected = _any(each.rows for each in broken if each.rule.severity is Severity.ERROR)
        good = batch.select(ROW_INDEX, *self._rows.names).rename(self._spelling)
        misfits = self._misfitting(batch, rejected)
        self._count(batch, misfits)
        if broken and not self.misfits:
            originals = {name: self._before(column) for name, column in self._rows.originals.items()}
            lines = fault_lines(batch, broken, originals, self._rows.prepared.rows)
            self._log.take(lines, rejected=0 if rejected is None else int(rejected.sum()))
        return good if rejected is None else good.filter(~rejected)

    def _broken_rules(self, batch: pl.DataFrame) -> Iterator[Broken]:
        for number, rule in enumerate(self._book.rules):
            if (rows := batch[f"{RULE}{number}"]).any():
                yield Broken(rule, rows)

    def _lost(self, batch: pl.DataFrame) -> Iterator[Broken]:
        """Rows with a value that the dataset's column can't hold, or without a key."""
        for name in self._rows.names:
            if name in self._keys and (missing := batch[self._before(name)].is_null()).any():
                yield Broken(Rule("REQUIRED", name, pl.col(name), KEY_MISSING), missing)
            if name in self._fixed and (lost := self._nulled(batch, name)) is not None:
                message = LOST.format(column_type(self._fixed[name][0].dtype))
                yield Broken(Rule("TYPE", name, pl.col(name), message), lost)

    def _nulled(self, batch: pl.DataFrame, name: str) -> pl.Series | None:
        """Which rows lost the value of a column to its type; None where none did."""
        before = batch[self._before(name)]
        if batch[name].null_count() == before.null_count():
            return None
        return batch[name].is_null() & before.is_not_null()

    def _misfitting(self, batch: pl.DataFrame, rejected: pl.Series | None) -> set[str]:
        """The columns whose type isn't fixed and which lost values of good rows."""
        return {
            name
            for name in self._typed.keys() - self._fixed.keys()
            if (lost := self._nulled(batch, name)) is not None
            and (rejected is None or (lost & ~rejected).any())
        }

    def _before(self, column: str) -> str:
        """Where a batch holds what was in a column before it got the type that is stored."""
        return BEFORE + column if column in self._typed else column

    def _count(self, batch: pl.DataFrame, misfits: set[str]) -> None:
        with self._lock:
            self.misfits |= misfits
            self.rows += batch.height
            for number, (_, rules) in enumerate(self._book.limits):
                failed = _any(batch[f"{RULE}{rule}"] for rule in rules)
                self.failed[number] += 0 if failed is None else int(failed.sum())
            share = self.rows / max(self._rows.prepared.accepted, 1)
        self._watch("writing", rows_written=self.rows, fraction=READ_SHARE + (0.95 - READ_SHARE) * share)


def _any(masks: Iterable[pl.Series]) -> pl.Series | None:
    together: pl.Series | None = None
    for mask in masks:
        together = mask if together is None else together | mask
    return together
