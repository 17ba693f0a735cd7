"""The step `derive`."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, reduce
from typing import Any, ClassVar, Self

import polars as pl
from pydantic import Field, field_validator, model_validator

from headgate.pipelines.expressions import MAX_CHARACTERS, Expression, parse
from headgate.pipelines.kinds import Settings
from headgate.pipelines.steps.binding import Bound, bind, read_as_values, roots
from headgate.pipelines.steps.naming import checked_name, checked_names, refuse_alike
from headgate.pipelines.steps.step import Step, StepTable, Transform


class DerivedColumn(Settings):
    """A column and the expression that its values come from."""

    name: str = Field(
        min_length=1, description="The name of the column; one that is there gets other values."
    )
    sql: str = Field(
        min_length=1,
        max_length=MAX_CHARACTERS,
        description="The value, in the SQL of PostgreSQL; names with blanks or dots are in double quotes.",
    )

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        return checked_name(name)

    @field_validator("sql")
    @classmethod
    def _check_sql(cls, sql: str) -> str:
        parse(sql, fields=True)
        return sql

    @cached_property
    def parsed(self) -> Expression:
        """The expression."""
        return parse(self.sql, fields=True)


class Derive(Step):
    """Adds columns whose values are expressions in SQL over the other columns of the row, or replaces columns so.

    A later expression may use what an earlier one has made. A division by zero, and whatever else has no finite number
    as outcome, is null. Columns of text take part as the check `expression` says: as numbers, dates or booleans where
    they hold such. A field of a column is named behind a dot, as in metrics.clicks, and is null where it is not there.
    Two dates apart are a number of days. DATE_TRUNC gives a moment; cast it to DATE for a date.
    """

    kind: ClassVar[str] = "derive"
    example: ClassVar[dict[str, Any]] = {
        "columns": [
            {"name": "net_spend", "sql": "ROUND(spend * 0.85, 2)"},
            {"name": "net_cpc", "sql": "net_spend / clicks"},
        ]
    }
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"campaign": "Spring", "spend": 12.5, "clicks": 5},
        {"campaign": "Summer", "spend": 3.0, "clicks": 0},
    ]

    columns: list[DerivedColumn] = Field(
        min_length=1, description="The columns, each with its expression, one after the other."
    )

    missing_as_null: bool = Field(
        default=False,
        description="Whether a column that is not there is null in every row; else the job fails.",
    )

    @model_validator(mode="after")
    def _check_columns(self) -> Self:
        checked_names(column.name for column in self.columns)
        return self

    def reads(self, table: StepTable) -> Iterable[str]:
        """The columns that no expression reads as text, but for those that an earlier one has made."""
        made: set[str] = set()
        given: list[Expression] = []
        for column in self.columns:
            names = tuple(name for name in column.parsed.columns if name not in made)
            given.append(Expression(column.parsed.tree, names))
            made.add(column.name)
        return read_as_values(given, table.sample)

    def keeps_text(self, texts: frozenset[str]) -> frozenset[str]:
        """What is derived has its type, text too."""
        return texts - {column.name for column in self.columns}

    def prepare(self, table: StepTable) -> Transform:
        """Raises JobFault: UNKNOWN_COLUMN, COLUMN_EXISTS, INVALID_EXPRESSION where one can't be evaluated."""
        refuse_alike(table.schema, (column.name for column in self.columns))
        made: set[str] = set()
        definitions: list[tuple[Bound, str]] = []
        sample = table.sample
        for column in self.columns:
            if not self.missing_as_null:
                table.require(name for name in roots(column.parsed, sample.schema) if name not in made)
            bound = bind(column.parsed, column.sql, sample, table.now)
            sample = bound.over(sample.lazy(), column.name).collect()
            definitions.append((bound, column.name))
            made.add(column.name)
        return lambda rows: reduce(_define, definitions, rows)


def _define(rows: pl.LazyFrame, definition: tuple[Bound, str]) -> pl.LazyFrame:
    bound, name = definition
    return bound.over(rows, name)
