"""Steps, put into the one scan: what each needs to know is found out first, then all flow together.

Rows go through stages. A step is one; before it may come a checkpoint for what the step, or the contract, demands of
rows, and the reading of texts as what they spell.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import reduce

import polars as pl

from headgate.errors import JobFault
from headgate.pipelines.arrangement import ORIGINAL, Arranged
from headgate.pipelines.checkpoint import Checkpoint, Tap
from headgate.pipelines.checks.natural import NAMES, natural_type, value_as
from headgate.pipelines.endpoints.outside import Outside
from headgate.pipelines.expressions import first_line
from headgate.pipelines.parsing import WHOLE_NUMBER, as_integer
from headgate.pipelines.prepared import ROW_INDEX, Watch
from headgate.pipelines.rejections import RejectionLog
from headgate.pipelines.rules import Rule, Severity
from headgate.pipelines.steps.step import Effect, Step, StepTable, Transform, visible
from headgate.pipelines.types import is_text
from headgate.storage.tablefolders import TableFolder

POLARS_FAULTS = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
NO_RULES: Mapping[str, pl.Expr] = {}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What steps may look at beside the rows; the datasets are folders, and `now` is the same for all, in UTC."""

    watch: Watch
    datasets: Mapping[str, TableFolder] = field(default_factory=dict)
    outside: Outside = field(default_factory=Outside)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Stage:
    """A change of rows; or, where there are rules or misfits, a checkpoint that none but its good rows pass."""

    transform: Transform | None = None
    effect: Effect = Effect.KEEPS
    rules: Sequence[Rule] = ()
    misfits: Mapping[str, pl.Expr] = field(default_factory=lambda: NO_RULES)
    originals: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shaped:
    """The rows as they come out of the steps: `rows` can be scanned as often as is needed, `live` counts and records.

    `start` are the rows that go in, and `contract` the rules of the contract that a checkpoint holds them against.
    """

    start: pl.LazyFrame
    rows: Arranged
    stages: Sequence[Stage] = ()
    contract: Sequence[Rule] = ()

    def live(self, log: RejectionLog) -> "Flow":
        """The rows for the one scan that counts: what is rejected on the way goes to the log."""
        return Flow(self, log)


class Flow:
    """One scan through all stages; its counts hold once the scan is over.

    `made` rows were made by steps beyond those of the source, `filtered` and `merged` left out by them, `rejected` by
    checkpoints. Where any are `misfitting`, texts of these columns are no whole numbers, as they were taken for.
    """

    def __init__(self, shaped: Shaped, log: RejectionLog) -> None:
        self._taps: list[tuple[Effect, Tap, Tap]] = []
        self._checkpoints: list[tuple[Stage, Checkpoint]] = []
        self._numbers = shaped.rows.prepared.rows
        self.contract = shaped.contract
        frame = reduce(lambda rows, stage: self._through(stage, rows, log), shaped.stages, shaped.start)
        self.rows = replace(shaped.rows, frame=frame)

    def _through(self, stage: Stage, rows: pl.LazyFrame, log: RejectionLog) -> pl.LazyFrame:
        if stage.transform is None:
            checkpoint = Checkpoint(stage.rules, stage.originals, self._numbers, log, stage.misfits)
            self._checkpoints.append((stage, checkpoint))
            return checkpoint.over(rows)
        if stage.effect is Effect.KEEPS:
            return stage.transform(rows)
        before, after = Tap(), Tap()
        self._taps.append((stage.effect, before, after))
        return after.over(stage.transform(before.over(rows)))

    def finish(self) -> None:
        """Record the faults that the scan has left over."""
        for _, checkpoint in self._checkpoints:
            checkpoint.finish()

    @property
    def rejected(self) -> int:
        """Rows that did not get past a checkpoint."""
        return sum(checkpoint.rejected for _, checkpoint in self._checkpoints)

    @property
    def filtered(self) -> int:
        """Rows that steps left out."""
        return self._lost(Effect.FILTERS)

    @property
    def merged(self) -> int:
        """Rows that steps made part of others."""
        return self._lost(Effect.MERGES)

    @property
    def made(self) -> int:
        """Rows that steps made of others, beyond those that went in."""
        return -self._lost(Effect.EXPANDS)

    def _lost(self, effect: Effect) -> int:
        return sum(before.rows - after.rows for kind, before, after in self._taps if kind is effect)

    @property
    def misfitting(self) -> set[str]:
        """Columns whose texts were taken for whole numbers, and are other numbers too."""
        return {column for _, checkpoint in self._checkpoints for column in checkpoint.misfitting}

    def failed(self, rule: Rule) -> int:
        """How many rows broke a rule of a checkpoint."""
        return sum(
            checkpoint.failed[number]
            for stage, checkpoint in self._checkpoints
            for number, each in enumerate(stage.rules)
            if each is rule
        )


def shape(rows: Arranged, steps: Sequence[Step], around: Surroundings, floats: Set[str]) -> Shaped:
    """Find out what steps have to know, and put them together. The contract's rules are held before the first.

    Columns of `floats` hold other numbers than whole ones, though a sample of them doesn't. Raises JobFault.
    """
    if not steps:
        return Shaped(rows.frame, rows)
    shaping = _Shaping(rows, around, floats)
    for number, step in enumerate(steps):
        where = f"steps.{number}.{step.kind}"
        try:
            shaping.add(step)
        except JobFault as fault:
            raise _in_step(fault, where) from fault
        except POLARS_FAULTS as error:
            message = f"The step {step.kind} can't be carried out: {first_line(error)}"
            raise JobFault("STEP_FAILED", message, "CONFIG", step=where) from error
    return shaping.shaped()


@contextmanager
def blaming(steps: Sequence[Step]) -> Iterator[None]:
    """Where there are steps, what Polars can't carry out in the scan is their fault, and not the engine's."""
    try:
        yield
    except POLARS_FAULTS as error:
        if not steps:
            raise
        message = f"The steps can't be carried out: {first_line(error)}"
        raise JobFault("STEP_FAILED", message, "CONFIG", step="steps") from error


def _in_step(fault: JobFault, step: str) -> JobFault:
    return JobFault(fault.code, fault.message, fault.category, fault.retryable, fault.details, step)


class _Shaping:
    def __init__(self, rows: Arranged, around: Surroundings, floats: Set[str]) -> None:
        self._around, self._arranged, self._floats = around, rows, floats
        carried = {name: ORIGINAL + name for name, column in rows.originals.items() if column == name}
        copies = [pl.col(name).alias(copy) for name, copy in carried.items()]
        self._start = rows.frame.with_columns(copies)
        self._originals = {**rows.originals, **carried}
        self._frame = self._start
        self._sample = rows.sample.with_columns(copies).with_row_index(ROW_INDEX)
        self._texts = frozenset(rows.texts)
        self._stages: list[Stage] = []
        self._hold(rows.rules)

    def shaped(self) -> Shaped:
        schema = visible(self._frame.collect_schema())
        names = list(schema)
        rows = replace(
            self._arranged,
            frame=self._frame,
            sample=self._sample.select(names),
            names=names,
            originals=self._originals,
            texts=frozenset(name for name in self._texts if schema.get(name) == pl.String),
            rules=(),
        )
        return Shaped(self._start, rows, self._stages, self._arranged.rules)

    def add(self, step: Step) -> None:
        """Put a step behind the others."""
        self._read_texts(step)
        self._hold(list(step.rules(self._table())))
        transform = step.prepare(self._table())
        self._stages.append(Stage(transform, step.effect))
        self._frame, self._sample = transform(self._frame), transform(self._sample.lazy()).collect()
        self._texts = step.keeps_text(self._texts)
        if step.effect is Effect.MERGES:
            self._carry_anew()

    def _table(self) -> StepTable:
        sample = self._sample.select(visible(self._sample.schema).names())
        around = self._around
        return StepTable(self._frame, sample, around.watch, around.datasets, around.outside, around.now)

    def _hold(self, rules: Sequence[Rule], misfits: Mapping[str, pl.Expr] = NO_RULES) -> None:
        """Let none but rows that keep these rules go on."""
        if not rules and not misfits:
            return
        self._stages.append(Stage(rules=rules, misfits=misfits, originals=self._originals))
        fails = [rule.fails.fill_null(False) for rule in rules if rule.severity is Severity.ERROR]
        if fails:
            broken = pl.any_horizontal(fails)
            self._frame, self._sample = self._frame.filter(~broken), self._sample.filter(~broken)

    def _read_texts(self, step: Step) -> None:
        """Take the texts that a step reads for what they spell."""
        readings = list(self._readings(step))
        if not readings:
            return
        self._hold(
            [reading.rule for reading in readings],
            {reading.column: reading.misfit for reading in readings if reading.misfit is not None},
        )
        values = [reading.value.alias(reading.column) for reading in readings]
        self._stages.append(Stage(lambda rows: rows.with_columns(values)))
        self._frame, self._sample = self._frame.with_columns(values), self._sample.with_columns(values)
        self._texts -= {reading.column for reading in readings}

    def _readings(self, step: Step) -> Iterator["_Reading"]:
        table = self._table()
        for column in dict.fromkeys(step.reads(table)):
            if column in self._texts and is_text(table.schema[column]):
                natural = natural_type(table.sample[column])
                if natural is not None and natural != pl.String:
                    yield _Reading.of(column, natural, table, step.kind, is_float=column in self._floats)

    def _carry_anew(self) -> None:
        """Where rows are no records of the source any more, errors tell of them as they are by now."""
        schema = self._frame.collect_schema()
        if all(column in schema for column in self._originals.values()):
            return
        names = list(visible(schema))
        copies = [pl.col(name).alias(ORIGINAL + name) for name in names]
        self._originals = {name: ORIGINAL + name for name in names}
        self._stages.append(Stage(lambda rows: rows.with_columns(copies)))
        self._frame, self._sample = self._frame.with_columns(copies), self._sample.with_columns(copies)


@dataclass(frozen=True, slots=True)
class _Reading:
    """How the text of a column is read: its value, the rule that it spells one, and what tells that this is wrong."""

    column: str
    value: pl.Expr
    rule: Rule
    misfit: pl.Expr | None

    @classmethod
    def of(
        cls, column: str, natural: pl.DataType, table: StepTable, step: str, *, is_float: bool
    ) -> "_Reading":
        text = pl.col(column)
        value, misfit = value_as(column, table.schema[column], natural), None
        unread = value.is_null() & text.is_not_null()
        if natural == pl.Float64 and not is_float and _are_whole(table.sample[column]):
            value, number = as_integer(text), value
            misfit = number.is_not_null() & value.is_null()
        message = f"The step {step} takes the value for {NAMES[natural]}, which it is not."
        return cls(column, value, Rule("TYPE", column, unread, message, check=step), misfit)


def _are_whole(texts: pl.Series) -> bool:
    filled = texts.drop_nulls().to_frame("text")
    numbers = filled.filter(value_as("text", pl.String(), pl.Float64()).is_not_null())
    return bool(numbers["text"].str.contains(WHOLE_NUMBER).all()) and numbers.height > 0
