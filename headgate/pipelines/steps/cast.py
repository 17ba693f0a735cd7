"""The step `cast`."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, ClassVar, Self

import polars as pl
from pydantic import Field, model_validator

from headgate.pipelines.arrangement import suggest_fitting
from headgate.pipelines.checks.operands import text_of
from headgate.pipelines.contract import FORMATTED
from headgate.pipelines.kinds import Settings
from headgate.pipelines.parsing import INSTANT, MICROSECONDS, PARSERS, has_zone, tells
from headgate.pipelines.rules import Rule
from headgate.pipelines.steps.columns import ColumnName, require_flat
from headgate.pipelines.steps.naming import checked_names
from headgate.pipelines.steps.step import Step, StepTable, Transform
from headgate.pipelines.types import DECIMAL_PRECISION, MAX_SCALE, Candidate, conforming, is_text
from headgate.storage.columns import ColumnType, column_type

TYPES = (*PARSERS, ColumnType.DECIMAL)


class CastErrors(StrEnum):
    """What becomes of a value that can't be cast."""

    REJECT = "REJECT"
    NULL = "NULL"


class CastColumn(Settings):
    """A column and the type that it gets."""

    name: ColumnName = Field(description="The column's name.")
    type: ColumnType = Field(description=f"Its new type: {', '.join(sorted(TYPES))}.")
    format: str | None = Field(
        default=None,
        max_length=100,
        description="How a text writes a DATE, DATETIME or TIME, in the codes of strftime; ISO 8601 by default.",
    )
    scale: int | None = Field(
        default=None,
        ge=0,
        le=MAX_SCALE,
        description=f"How many decimal places a DECIMAL has; {MAX_SCALE} by default.",
    )

    @model_validator(mode="after")
    def _check_type(self) -> Self:
        if self.type not in TYPES:
            raise ValueError(f"nothing can be cast to {self.type}, only to {', '.join(sorted(TYPES))}")
        if self.scale is not None and self.type is not ColumnType.DECIMAL:
            raise ValueError(f"scale is for DECIMAL, and {self.name} is to be {self.type}")
        if self.format is not None and self.type not in FORMATTED:
            raise ValueError(
                f"format is for {', '.join(sorted(FORMATTED))}, and {self.name} is to be {self.type}"
            )
        if self.format is not None and not tells(self.format, self.type):
            example = FORMATTED[self.type]
            raise ValueError(
                f"{self.format!r} is no format that tells a {self.type} in full, as {example} does"
            )
        return self


class Cast(Step):
    """Gives columns other types. A value that can't be cast rejects its row, or becomes null.

    Text is cast where it spells a value of the type: integers within 64 bits, finite numbers, true and false in any
    case, and dates, times and moments of ISO 8601 or of a format. Numbers are cast where nothing of them is lost, true
    is 1 and false 0, a moment has a date and a time, and a date is its first moment. Everything can be a STRING; of
    lists and structs that is JSON.
    """

    kind: ClassVar[str] = "cast"
    example: ClassVar[dict[str, Any]] = {
        "columns": [
            {"name": "clicks", "type": "INTEGER"},
            {"name": "day", "type": "DATE", "format": "%d.%m.%Y"},
        ],
        "onError": "NULL",
    }
    records: ClassVar[Sequence[Mapping[str, Any]]] = (
        {"clicks": "12", "day": "31.12.2024"},
        {"clicks": "many", "day": "01.01.2025"},
    )

    columns: list[CastColumn] = Field(min_length=1, description="The columns, each with its new type.")
    on_error: CastErrors = Field(
        default=CastErrors.REJECT,
        description="Whether a value that can't be cast makes REJECT of its row, or becomes NULL.",
    )

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        checked_names(column.name for column in self.columns)
        return self

    def rules(self, table: StepTable) -> Iterator[Rule]:
        """Values can be cast, unless those that can't become null."""
        for column, candidate in self._casts(table) if self.on_error is CastErrors.REJECT else ():
            fails = pl.col(column.name).is_not_null() & candidate.exact(pl.col(column.name)).is_null()
            spelled = f" written as {column.format}" if column.format else ""
            suggest = suggest_fitting(
                _parsing(column, pl.Series([], dtype=pl.String)), column.type, column.format
            )
            message = f"The value can't be cast: it is no {column.type}{spelled}."
            yield self.rule("TYPE", column.name, fails, message, suggest)

    def keeps_text(self, texts: frozenset[str]) -> frozenset[str]:
        """What is cast has the type that was asked for, also where this is text."""
        return texts.difference(column.name for column in self.columns)

    def prepare(self, table: StepTable) -> Transform:
        """Cast columns. Raises JobFault (NESTED_COLUMN) where a list or a struct is to be anything but a STRING."""
        cast = [
            candidate.exact(pl.col(column.name)).alias(column.name)
            for column, candidate in self._casts(table)
        ]
        return lambda rows: rows.with_columns(cast)

    def _casts(self, table: StepTable) -> Iterable[tuple[CastColumn, Candidate]]:
        """The columns that are of another type, with what casts them."""
        table.require(column.name for column in self.columns)
        require_flat(table, (column.name for column in self.columns if column.type is not ColumnType.STRING))
        for column in self.columns:
            dtype = table.schema[column.name]
            if column_type(dtype) is not column.type or column.scale is not None:
                yield column, _casting(column, dtype, table.sample[column.name])


def _casting(column: CastColumn, dtype: pl.DataType, sample: pl.Series) -> Candidate:
    if column.type is ColumnType.STRING:
        return Candidate(pl.String(), None, lambda cell: text_of(column.name, dtype))
    if is_text(dtype):
        return _parsing(column, sample.cast(pl.String))
    wanted = _dtype(column)
    if dtype.is_numeric() and wanted == pl.Boolean:
        return Candidate(wanted, None, lambda cell: pl.when(cell == 1).then(True).when(cell == 0).then(False))
    if dtype == pl.Boolean and wanted.is_numeric():
        return Candidate(wanted, None, lambda cell: cell.cast(pl.Int64).cast(wanted))
    direct = DIRECT.get((column_type(dtype), column.type))
    return conforming(dtype, wanted) if direct is None else Candidate(wanted, None, direct)


DIRECT: Mapping[tuple[ColumnType, ColumnType], Callable[[pl.Expr], pl.Expr]] = {
    (ColumnType.DATETIME, ColumnType.DATE): lambda cell: cell.dt.date(),
    (ColumnType.DATETIME, ColumnType.TIME): lambda cell: cell.dt.time(),
    (ColumnType.DATE, ColumnType.DATETIME): lambda cell: cell.cast(pl.Datetime(MICROSECONDS)),
}


def _parsing(column: CastColumn, sample: pl.Series) -> Candidate:
    """How texts become values of a type."""
    if column.type is ColumnType.DECIMAL:
        return conforming(pl.Categorical(), _dtype(column))
    wanted, parse = PARSERS[column.type]
    if column.type is ColumnType.DATETIME and has_zone(sample, column.format):
        wanted, parse = INSTANT
    return Candidate(wanted, None, lambda text: parse(text.cast(pl.String), column.format))


def _dtype(column: CastColumn) -> pl.DataType:
    if column.type is ColumnType.DECIMAL:
        return pl.Decimal(DECIMAL_PRECISION, MAX_SCALE if column.scale is None else column.scale)
    return PARSERS[column.type][0]
