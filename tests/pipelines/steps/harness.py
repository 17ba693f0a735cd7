"""Puts rows through steps as the engine does, without its reading and writing."""

from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from headgate.pipelines.checks.natural import natural_type, value_as
from headgate.pipelines.rowmap import ROW_INDEX
from headgate.pipelines.rules import Rule
from headgate.pipelines.steps.registry import step_kinds
from headgate.pipelines.steps.step import HIDDEN, Effect, Step, StepTable

Cell = tuple[int, str | None, str]
"""The row, the column and the code."""
Rows = pl.DataFrame | dict[str, Any]
MARK = f"{HIDDEN}mark__"
"""A hidden column: the row as it was numbered."""


@dataclass(frozen=True)
class Applied:
    """What became of rows: those that came out, their ROW_INDEX, and the cells that were rejected."""

    frame: pl.DataFrame
    indexes: list[int]
    rejected: list[Cell]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows as objects."""
        return self.frame.to_dicts()

    def __getitem__(self, column: str) -> list[Any]:
        return self.frame[column].to_list()


def _unheard(stage: str, **figures: Any) -> None:
    pass


def step(kind: str, /, **settings: Any) -> Step:
    """A step, set as a spec would."""
    return step_kinds()[kind].model_validate(settings)


def table_of(rows: Rows, **settings: Any) -> StepTable:
    """A table of these rows."""
    frame = pl.DataFrame(rows) if isinstance(rows, dict) else rows
    indexed = frame.with_row_index(ROW_INDEX).with_columns(pl.col(ROW_INDEX).alias(MARK))
    return StepTable(indexed.lazy(), _sample(indexed.lazy()), _unheard, **settings)


def with_frame(table: StepTable, frame: pl.LazyFrame) -> StepTable:
    """The same table with other rows."""
    return replace(table, frame=frame, sample=_sample(frame))


def _sample(frame: pl.LazyFrame) -> pl.DataFrame:
    return frame.head(1_000).collect().select(pl.exclude(f"^{HIDDEN}.*$"))


def run(step: Step, table: StepTable) -> Applied:
    """Put a table through a step: texts that it reads are typed, rows that break its rules left out before."""
    table, rejected = _read(step, table)
    table, broken = _held(table, list(step.rules(table)))
    changed = step.prepare(table)(table.frame)
    out = changed.collect(engine="streaming")
    assert dict(out.schema) == dict(changed.collect_schema())
    _check_hidden(step, out)
    indexes = out[ROW_INDEX].to_list()
    return Applied(out.select(pl.exclude(f"^{HIDDEN}.*$")), indexes, sorted(rejected + broken, key=str))


def _held(table: StepTable, rules: list[Rule]) -> tuple[StepTable, list[Cell]]:
    """The rows that break no rule, and what the others broke."""
    masks = [rule.fails.fill_null(False).alias(str(number)) for number, rule in enumerate(rules)]
    if not masks:
        return table, []
    held = table.frame.select(ROW_INDEX, *masks).collect()
    broken = [
        (row, rule.column, rule.code)
        for number, rule in enumerate(rules)
        for row in held[ROW_INDEX].filter(held[str(number)])
    ]
    return with_frame(table, table.frame.filter(~pl.any_horizontal(masks))), broken


def _read(step: Step, table: StepTable) -> tuple[StepTable, list[Cell]]:
    """The texts that a step reads as what they naturally are; a row in which one is not that is rejected."""
    read = [column for column in step.reads(table) if table.schema.get(column) == pl.String]
    natural = {column: natural_type(table.sample[column]) or pl.String() for column in read}
    values = {column: value_as(column, pl.String(), dtype) for column, dtype in natural.items()}
    rules = [
        Rule("TYPE", column, value.is_null() & pl.col(column).is_not_null(), "")
        for column, value in values.items()
    ]
    table, rejected = _held(table, rules)
    return with_frame(table, table.frame.with_columns(**values)), rejected


def _check_hidden(step: Step, out: pl.DataFrame) -> None:
    """ROW_INDEX is always there; other hidden columns go along but where rows are merged."""
    assert out.schema[ROW_INDEX].is_integer()
    assert not out[ROW_INDEX].has_nulls()
    if step.effect is not Effect.MERGES:
        assert out[MARK].to_list() == out[ROW_INDEX].to_list()


def apply(kind: str, rows: Rows, /, **settings: Any) -> Applied:
    """Put rows through a step that is set as a spec would."""
    return run(step(kind, **settings), table_of(rows))
