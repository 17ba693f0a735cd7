"""The step `flatten`."""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any, ClassVar

import polars as pl
from polars import selectors
from pydantic import Field

from headgate.errors import JobFault
from headgate.pipelines.readers.naming import check_keys
from headgate.pipelines.rules import Rule
from headgate.pipelines.steps.columns import ColumnStep
from headgate.pipelines.steps.jsonobjects import are_objects, found_objects
from headgate.pipelines.steps.naming import require_free
from headgate.pipelines.steps.step import HIDDEN, StepTable, Transform
from headgate.pipelines.types import is_text
from headgate.storage.columns import column_type, fields_of

MAX_DEPTH = 32
OPENED = f"{HIDDEN}opened__:"
"""What begins the names of columns that are still to be opened."""

Level = Mapping[str, list[str]]
"""Columns of structs, and the names that their fields get."""


class Flatten(ColumnStep):
    """Puts columns for the fields in the place of a column of structs, or of texts that hold JSON objects.

    The new columns are named like address_city, and those of a field within a field like address_geo_lat. Where the
    column is null, so are they. A field that is an integer in some rows and another number in others is a FLOAT; one
    that is of different types otherwise is a STRING. A text that is no JSON object rejects its row.
    """

    kind: ClassVar[str] = "flatten"
    example: ClassVar[dict[str, Any]] = {"columns": ["address"], "depth": 2}
    records: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"name": "Ada", "address": {"city": "London", "geo": {"lat": 51.5, "lon": -0.1}}},
        {"name": "Bob", "address": None},
    )

    separator: str = Field(
        default="_",
        min_length=1,
        max_length=10,
        description="What stands between the names of column and field.",
    )
    depth: int = Field(
        default=5,
        ge=1,
        le=MAX_DEPTH,
        description="So many levels of fields become columns; what is nested more deeply stays a struct, or JSON text.",
    )

    def rules(self, table: StepTable) -> Iterator[Rule]:
        """Texts hold JSON objects."""
        table.require(self.columns)
        for column in self.columns:
            if is_text(table.schema[column]):
                yield self.rule("TYPE", column, ~are_objects(column), "The value is no JSON object.")

    def prepare(self, table: StepTable) -> Transform:
        """Open columns. Raises JobFault: NOT_STRUCT, TOO_MANY_FIELDS, COLUMN_EXISTS, INVALID_COLUMN_NAME."""
        table.require(self.columns)
        names: list[str] = []
        values: list[pl.Expr] = []
        structs: dict[str, pl.Struct] = {}
        for column in self.columns:
            if is_text(table.schema[column]):
                objects = found_objects(table, column, self.depth)
                named = [self.separator.join((column, *path)) for path in objects.paths]
                values += [objects.opened(named).alias(OPENED + column)] if named else []
                names += named
            else:
                structs[column] = _struct(table, column)
        levels = [*self._levels(structs, names)]
        require_free((name for name in table.schema if name not in self.columns), names)
        check_keys(names)
        hidden = {column: OPENED + column for column in structs}
        texts = [column for column in self.columns if column not in structs]

        def flatten(rows: pl.LazyFrame) -> pl.LazyFrame:
            opened = rows.with_columns(values).drop(texts).unnest(selectors.starts_with(OPENED))
            return reduce(_open, levels, opened.rename(hidden))

        return flatten

    def _levels(self, structs: Mapping[str, pl.Struct], names: list[str]) -> Iterator[Level]:
        """The structs to open one level after the other; adds to `names` those of the columns that come of them."""
        for level in range(1, self.depth + 1):
            opened: dict[str, list[str]] = {}
            inner: dict[str, pl.Struct] = {}
            for column, dtype in structs.items():
                fields = {
                    self.separator.join((column, name)): each for name, each in fields_of(dtype).items()
                }
                deeper = (
                    {}
                    if level == self.depth
                    else {name: each for name, each in fields.items() if isinstance(each, pl.Struct)}
                )
                inner |= deeper
                names += [name for name in fields if name not in deeper]
                opened[OPENED + column] = [OPENED + name if name in deeper else name for name in fields]
            yield opened
            structs = inner


def _open(rows: pl.LazyFrame, level: Level) -> pl.LazyFrame:
    """To take each field out of its struct by itself would take time by the square of their number."""
    renamed = [pl.col(column).struct.rename_fields(names) for column, names in level.items() if names]
    empty = [column for column, names in level.items() if not names]
    return rows.drop(empty).with_columns(renamed).unnest([column for column, names in level.items() if names])


def _struct(table: StepTable, column: str) -> pl.Struct:
    dtype = table.schema[column]
    if isinstance(dtype, pl.Struct):
        return dtype
    if dtype == pl.Null:
        return pl.Struct([])
    message = f"The column {column} holds {column_type(dtype)} values, and structs are wanted."
    raise JobFault("NOT_STRUCT", message, "CONFIG", details={"column": column})
