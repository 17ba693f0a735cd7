"""The check `expression`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import polars as pl
from pydantic import Field, field_validator

from headgate.errors import JobFault
from headgate.pipelines import expressions
from headgate.pipelines.checks.check import Check, Table, missing_column
from headgate.pipelines.checks.natural import NAMES, UNSEEN, fitted, takes_part_as, value_as
from headgate.pipelines.expressions import MAX_CHARACTERS, Expression
from headgate.pipelines.rules import Finding, Rule
from headgate.pipelines.types import is_text

Types = Mapping[str, pl.DataType]

TRIED_ROWS = 20


class Condition(Check):
    """A condition in SQL holds for each row, such as clicks <= impressions; where it is null, the row passes.

    A column of text takes part as what most of its values are: numbers (unless some have leading zeros), dates,
    moments, booleans, or text; a value that is none of that is of the wrong type. Column names are case-sensitive. Only
    the columns of the row can be used, with operators, CASE, CAST and functions on one row such as ABS, ROUND,
    COALESCE, LENGTH, LOWER, SUBSTRING, SPLIT_PART, EXTRACT, DATE_TRUNC and CURRENT_DATE.
    """

    kind: ClassVar[str] = "expression"
    example: ClassVar[dict[str, Any]] = {"sql": "clicks <= impressions"}
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"clicks": 12, "impressions": 480},
        {"clicks": 12, "impressions": 4},
    ]

    sql: str = Field(
        min_length=1,
        max_length=MAX_CHARACTERS,
        description="The condition, in the SQL of PostgreSQL; names with blanks or dots are in double quotes.",
    )

    @field_validator("sql")
    @classmethod
    def _check_sql(cls, sql: str) -> str:
        expressions.parse_condition(sql)
        return sql

    @cached_property
    def _parsed(self) -> Expression:
        return expressions.parse_condition(self.sql)

    def rules(self, table: Table) -> Iterable[Rule | Finding]:
        """The condition holds of values that fit into it. Raises JobFault where it can't be evaluated."""
        columns = self._parsed.columns
        if missing := [column for column in columns if column not in table.schema]:
            yield from (missing_column(self, column) for column in missing)
            return
        types, holds = self._bound(table)
        for column in columns:
            yield from self._type_rules(table, column, types[column])
        yield self.rule(
            "EXPRESSION",
            columns[0] if len(columns) == 1 else None,
            ~_evaluated(_values(table.schema, types), holds),
            f"The row does not meet {self.sql}.",
            columns=columns,
        )

    def _type_rules(self, table: Table, column: str, natural: pl.DataType) -> Iterator[Rule]:
        dtype = table.schema[column]
        if is_text(dtype) and natural != pl.String:
            unlike = value_as(column, dtype, natural).is_null() & pl.col(column).is_not_null()
            message = f"{self.sql} takes the value for {NAMES[natural]}, which it is not."
            yield self.rule("TYPE", column, unlike, message)

    def _bound(self, table: Table) -> tuple[Types, Expression]:
        """The types that the columns take part as, and the condition over values of these."""
        known = {
            column: takes_part_as(self._parsed.tree, table.sample.get_column(column))
            for column in self._parsed.columns
        }
        fault = ""
        for unseen in UNSEEN if None in known.values() else UNSEEN[:1]:
            types = {column: unseen if dtype is None else dtype for column, dtype in known.items()}
            tree = fitted(self._parsed.tree, types, table.now)
            holds = Expression(tree, self._parsed.columns)
            if not (fault := _fault(table, types, holds)):
                return types, holds
        raise JobFault("INVALID_EXPRESSION", f"{self.sql} can't be evaluated: {fault}", "CONFIG")


def _values(schema: pl.Schema, types: Types) -> list[pl.Expr]:
    return [value_as(column, schema[column], natural).alias(column) for column, natural in types.items()]


def _evaluated(values: list[pl.Expr], holds: Expression) -> pl.Expr:
    """The condition over values that are made of the cells: SQL names columns, and can't say how to read them."""

    def evaluate(rows: pl.Series) -> pl.Series:
        return holds.value(rows.struct.unnest()).cast(pl.Boolean)

    return pl.struct(values).map_batches(evaluate, return_dtype=pl.Boolean, is_elementwise=True)


def _fault(table: Table, types: Types, holds: Expression) -> str:
    """What is wrong with the condition for values of these types, tried on some; empty where nothing is."""
    nothing = pl.DataFrame({column: pl.Series([None], dtype=table.schema[column]) for column in types})
    rows = pl.concat([table.sample.select(list(types)).head(TRIED_ROWS), nothing])
    try:
        result = holds.value(rows.select(_values(table.schema, types)))
    except pl.exceptions.PolarsError as error:
        return expressions.first_line(error)
    return (
        "" if result.dtype in (pl.Boolean, pl.Null) else f"it is neither true nor false, but {result.dtype}"
    )
