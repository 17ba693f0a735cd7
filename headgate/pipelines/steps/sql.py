"""The step `sql`."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import polars as pl
from pydantic import Field, field_validator
from sqlglot import exp

from headgate.errors import JobFault
from headgate.pipelines import queries
from headgate.pipelines.checks.moments import MOMENT
from headgate.pipelines.checks.natural import fitted, takes_part_as, value_as
from headgate.pipelines.expressions import first_line
from headgate.pipelines.prepared import ROW_INDEX
from headgate.pipelines.queries import MAX_CHARACTERS, Query
from headgate.pipelines.querying import carried_out
from headgate.pipelines.sqlwriting import rewritten
from headgate.pipelines.steps.binding import without_zero
from headgate.pipelines.steps.step import HIDDEN, Effect, Step, StepTable, Transform, visible
from headgate.pipelines.types import is_text

PLAIN = (exp.Select, exp.Alias, exp.Group, exp.Count, exp.Distinct, exp.Window, exp.Star)
"""In these a column is only taken along, told apart or counted."""


class Sql(Step):
    """Makes of all rows what a query in SQL does: one SELECT over the table `input`.

    WITH, WHERE, GROUP BY, HAVING, QUALIFY, ORDER BY, LIMIT, DISTINCT, aggregates and window functions are allowed.
    Joins, unions, other tables and functions that read or make tables are not: there are never more rows than before.
    Every value needs a name: give it one with AS. Columns of text take part as in the check `expression`, where more is
    done with them than to take them along. A division by zero is null. A row that several were made into counts as the
    first of them.
    """

    kind: ClassVar[str] = "sql"
    example: ClassVar[dict[str, Any]] = {
        "query": "SELECT campaign, SUM(spend) AS spend FROM input GROUP BY campaign ORDER BY spend DESC LIMIT 10"
    }
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"campaign": "Summer", "date": "2024-03-01", "spend": 3.0},
        {"campaign": "Spring", "date": "2024-03-01", "spend": 12.5},
        {"campaign": "Spring", "date": "2024-03-02", "spend": 7.5},
    ]

    query: str = Field(
        min_length=1,
        max_length=MAX_CHARACTERS,
        description="The query, in the SQL of PostgreSQL; names with blanks or dots are in double quotes.",
    )

    @field_validator("query")
    @classmethod
    def _check_query(cls, query: str) -> str:
        queries.parse(query)
        return query

    @cached_property
    def _parsed(self) -> Query:
        return queries.parse(self.query)

    @property
    def effect(self) -> Effect:
        """Rows become one where they are grouped or told apart; else some may be left out."""
        return Effect.MERGES if self._parsed.merges else Effect.FILTERS

    @property
    def sees_all(self) -> bool:
        """Whether windows, limits, groups or subqueries put rows in relation to others."""
        return self._parsed.sees_all

    def reads(self, table: StepTable) -> Iterable[str]:
        """The columns that the query doesn't read as text, nor only takes along."""
        return [name for name, dtype in self._types(table).items() if dtype != pl.String]

    def _types(self, table: StepTable) -> dict[str, pl.DataType]:
        """What the columns take part as, of which more is wanted than to be taken along."""
        tree = self._parsed.tree
        used = {column.name for column in tree.find_all(exp.Column) if not isinstance(column.parent, PLAIN)}
        names = [name for name in self._parsed.columns if name in used and name in table.sample.columns]
        types = {name: takes_part_as(tree, table.sample[name]) for name in names}
        return {name: dtype for name, dtype in types.items() if dtype is not None}

    def prepare(self, table: StepTable) -> Transform:
        """Raises JobFault: INVALID_QUERY where the query can't be carried out with the columns that there are."""
        types = self._types(table)
        values = [
            value_as(name, table.schema[name], dtype).alias(name)
            for name, dtype in types.items()
            if is_text(table.schema[name])
        ]
        moments = _zoned(table.schema)
        values += [value_as(name, table.schema[name], MOMENT).alias(name) for name in moments]
        tree = rewritten(fitted(self._parsed.tree, types, table.now), without_zero)
        assert isinstance(tree, exp.Select)
        query = Query(tree, self._parsed.columns, self._parsed.merges, self._parsed.sees_all)

        def transform(rows: pl.LazyFrame) -> pl.LazyFrame:
            hidden = [name for name in rows.collect_schema() if name.startswith(HIDDEN)]
            if query.merges:
                rows = rows.drop(name for name in hidden if name != ROW_INDEX)
                hidden = [ROW_INDEX]
            made = carried_out(query, rows.with_columns(values), hidden)
            return made.with_columns(_storable(made.collect_schema(), zoned=bool(moments)))

        self._try(transform, table)
        return transform

    def _try(self, transform: Transform, table: StepTable) -> None:
        try:
            out = transform(table.sample.lazy().with_row_index(ROW_INDEX)).collect()
        except pl.exceptions.PolarsError as error:
            message = f"The query {self.query} can't be carried out: {first_line(error)}"
            raise JobFault("INVALID_QUERY", message, "CONFIG") from error
        names = [name.casefold() for name in visible(out.schema)]
        if len(set(names)) < max(len(names), 1):
            message = f"The query {self.query} has no columns, or two whose names differ in case alone."
            raise JobFault("INVALID_QUERY", message, "CONFIG")


def _zoned(schema: pl.Schema) -> list[str]:
    """The columns of moments with a zone, where all moments have one: they take part in UTC, and come out so."""
    moments = {name: dtype for name, dtype in visible(schema).items() if isinstance(dtype, pl.Datetime)}
    return list(moments) if all(dtype.time_zone for dtype in moments.values()) else []


def _storable(schema: pl.Schema, *, zoned: bool) -> list[pl.Expr]:
    """Values without NaN and infinity, and moments with the zone that they had."""
    out: list[pl.Expr] = []
    for name, dtype in visible(schema).items():
        if dtype.is_float():
            out.append(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name))
        elif zoned and isinstance(dtype, pl.Datetime):
            out.append(pl.col(name).dt.replace_time_zone("UTC"))
    return out
