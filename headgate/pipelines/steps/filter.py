"""The step `filter`."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import polars as pl
from pydantic import Field, field_validator

from headgate.errors import JobFault
from headgate.pipelines.expressions import MAX_CHARACTERS, Expression, parse_condition
from headgate.pipelines.steps.binding import bind, read_as_values, roots
from headgate.pipelines.steps.step import HIDDEN, Effect, Step, StepTable, Transform

HOLDS = f"{HIDDEN}holds"


class Filter(Step):
    """Keeps the rows of which a condition in SQL is true; null counts as false, and so does a division by zero.

    What can stand in the condition, and what a column of text takes part as, is as in the check `expression`. A field
    of a column is named behind a dot, as in metrics.clicks.
    """

    kind: ClassVar[str] = "filter"
    example: ClassVar[dict[str, Any]] = {"sql": "spend > 0 AND status <> 'PAUSED'"}
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"campaign": "Spring", "status": "ACTIVE", "spend": 12.5},
        {"campaign": "Summer", "status": "PAUSED", "spend": 3.0},
        {"campaign": "Autumn", "status": "ACTIVE", "spend": 0.0},
    ]

    sql: str = Field(
        min_length=1,
        max_length=MAX_CHARACTERS,
        description="The condition, in the SQL of PostgreSQL; names with blanks or dots are in double quotes.",
    )

    @field_validator("sql")
    @classmethod
    def _check_sql(cls, sql: str) -> str:
        parse_condition(sql, fields=True)
        return sql

    @cached_property
    def _parsed(self) -> Expression:
        return parse_condition(self.sql, fields=True)

    @property
    def effect(self) -> Effect:
        """Rows are left out."""
        return Effect.FILTERS

    def reads(self, table: StepTable) -> Iterable[str]:
        """The columns that the condition doesn't read as text."""
        return read_as_values([self._parsed], table.sample)

    def prepare(self, table: StepTable) -> Transform:
        """Raises JobFault: UNKNOWN_COLUMN, INVALID_EXPRESSION where the condition can't be evaluated."""
        table.require(roots(self._parsed, table.schema))
        bound = bind(self._parsed, self.sql, table.sample, table.now)
        dtype = bound.over(table.sample.lazy(), HOLDS).collect_schema()[HOLDS]
        if dtype not in (pl.Boolean, pl.Null):
            message = f"{self.sql} can't be a filter: it is neither true nor false, but {dtype}"
            raise JobFault("INVALID_EXPRESSION", message, "CONFIG")
        return lambda rows: bound.over(rows, HOLDS).filter(pl.col(HOLDS).cast(pl.Boolean)).drop(HOLDS)
