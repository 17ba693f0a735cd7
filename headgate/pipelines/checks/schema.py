"""The check `schema`."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import polars as pl
from pandera.polars import Column, DataFrameSchema
from pydantic import Field, field_validator

from headgate.pipelines.checks import keys
from headgate.pipelines.checks.check import Check, Table, missing_column
from headgate.pipelines.checks.operands import cast_to
from headgate.pipelines.checks.questions import Question, ask
from headgate.pipelines.checks.scans import watched
from headgate.pipelines.checks.unique import unique_rule
from headgate.pipelines.prepared import ROW_INDEX
from headgate.pipelines.rules import Finding, Rule
from headgate.pipelines.schemas import load_schema
from headgate.storage.columns import column_type


@dataclass(frozen=True, slots=True)
class _Cell:
    """A column of the table as the schema has it: `said` says what must hold, `value` is a cell in its type."""

    name: str
    said: Column
    dtype: pl.DataType
    value: pl.Expr


class Schema(Check):
    """Rows fit a Pandera schema that a package has registered under the entry point `headgate.schemas`.

    Its types, nullability, uniqueness and checks count; parsers, coercion and defaults change nothing. Types and
    uniqueness hold over all rows. Its checks are asked about blocks of 100,000 rows: one that compares rows, or gives
    one answer for all of them, holds for each block. One that only raises a warning in Pandera only warns here.
    """

    kind: ClassVar[str] = "schema"
    looks_further: ClassVar[bool] = True
    example: ClassVar[dict[str, Any]] = {"schema": "contacts"}
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"email": "ann.lee@example.org", "name": "Ann Lee", "signed_up": "2024-03-01"},
        {"email": "bob", "name": "Bob", "signed_up": None},
    ]

    schema_: str = Field(
        alias="schema", min_length=1, description="The name under which the schema is registered."
    )

    @field_validator("schema_")
    @classmethod
    def _check_schema(cls, name: str) -> str:
        load_schema(name)
        return name

    @cached_property
    def _loaded(self) -> DataFrameSchema:
        return load_schema(self.schema_)

    def rules(self, table: Table) -> Iterable[Rule | Finding]:
        """Rows fit, column by column and as a whole. Raises JobFault where a check of the schema fails itself."""
        cells = self._cells(table.schema)
        missing = list(self._missing(cells))
        yield from missing
        yield from self._unknown(table.schema, cells)
        for cell in cells:
            yield from self._cell_rules(table, cell)
        yield from self._unique_rules(table, cells)
        yield from self._check_rules(table, cells, is_whole=not missing)

    def _cells(self, schema: pl.Schema) -> list[_Cell]:
        names = [name for name in schema if name != ROW_INDEX]
        return [
            _cell(name, said, schema[name], self._loaded)
            for key, said in self._loaded.columns.items()
            for name in names
            if (re.search(key, name) if said.regex else key == name)
        ]

    def _missing(self, cells: Sequence[_Cell]) -> Iterator[Finding]:
        for key, said in self._loaded.columns.items():
            if said.required and all(cell.said is not said for cell in cells):
                yield missing_column(self, key)

    def _unknown(self, schema: pl.Schema, cells: Sequence[_Cell]) -> Iterator[Finding]:
        known = list(dict.fromkeys(cell.name for cell in cells))
        if self._loaded.strict is True:
            for name in schema:
                if name not in (ROW_INDEX, *known):
                    yield self.finding(
                        "UNKNOWN_COLUMN", name, f"The schema {self.schema_} has no column {name}."
                    )
        if self._loaded.ordered and known != [name for name in schema if name in known]:
            message = f"The schema {self.schema_} has these columns in another order: {', '.join(known)}."
            yield self.finding("SCHEMA", None, message)

    def _cell_rules(self, table: Table, cell: _Cell) -> Iterator[Rule]:
        if cell.dtype != table.schema[cell.name]:
            unlike = cell.value.is_null() & pl.col(cell.name).is_not_null()
            message = (
                f"The schema {self.schema_} wants a value of type {column_type(cell.dtype)}; this is none."
            )
            yield self.rule("TYPE", cell.name, unlike, message)
        if not cell.said.nullable:
            message = f"The schema {self.schema_} wants a value here, and there is none."
            yield self.rule("SCHEMA", cell.name, pl.col(cell.name).is_null(), message)

    def _unique_rules(self, table: Table, cells: Sequence[_Cell]) -> Iterator[Rule]:
        types = {cell.name: cell.dtype for cell in cells}
        groups = [[cell.name] for cell in cells if cell.said.unique]
        together = self._loaded.unique
        groups += [[together] if isinstance(together, str) else list(together)] if together else []
        for columns in groups:
            if types.keys() >= {*columns}:
                found = keys.repeats(
                    keys.keys_of(table, columns, types, read=cast_to), columns, table.records
                )
                yield unique_rule(self, "SCHEMA", table, columns, found)

    def _check_rules(
        self, table: Table, cells: Sequence[_Cell], *, is_whole: bool
    ) -> Iterator[Rule | Finding]:
        """What the checks of the schema find; those of whole rows only where no column is missing."""
        questions = [Question(cell.name, check) for cell in cells for check in cell.said.checks]
        questions += [Question(None, check) for check in self._loaded.checks if is_whole]
        if not questions:
            return
        names = [name for name in table.schema if name != ROW_INDEX]
        values: Mapping[str, pl.Expr] = {cell.name: cell.value.alias(cell.name) for cell in cells}
        rows = watched(table, *names).select(ROW_INDEX, *(values.get(name, pl.col(name)) for name in names))
        for answer in ask(questions, rows, self.schema_):
            message = f"The schema {self.schema_} asks for {answer.question.wanted}."
            severity = answer.question.severity or self.severity
            column, columns = answer.question.column, [cell.name for cell in cells]
            if len(answer.failing):
                rule = self.rule("SCHEMA", column, keys.among(answer.failing), message, columns=columns)
                yield replace(rule, severity=severity)
            if answer.fails_whole:
                yield replace(self.finding("SCHEMA", column, message), severity=severity)


def _cell(name: str, said: Column, given: pl.DataType, schema: DataFrameSchema) -> _Cell:
    """A column of the table as a schema has it; of a type that is none of Polars' it stays what it is."""
    wanted = schema.dtype or said.dtype
    dtype = _polars_type(getattr(wanted, "type", None)) or given
    return _Cell(name, said, dtype, cast_to(name, given, dtype))


def _polars_type(given: Any) -> pl.DataType | None:
    is_type = isinstance(given, pl.DataType) or (isinstance(given, type) and issubclass(given, pl.DataType))
    return pl.Schema({"": given})[""] if is_type else None
