"""The step `datetime`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

import polars as pl
from pydantic import Field, field_validator

from headgate.errors import JobFault
from headgate.pipelines.checks.natural import natural_type
from headgate.pipelines.parsing import (
    INSTANT,
    MICROSECONDS,
    PARSERS,
    as_date,
    as_instant,
    as_moment,
    has_zone,
    tells,
)
from headgate.pipelines.rules import Rule
from headgate.pipelines.steps.columns import ColumnStep
from headgate.pipelines.steps.naming import require_free
from headgate.pipelines.steps.step import StepTable, Transform
from headgate.pipelines.types import is_text
from headgate.storage.columns import ColumnType, column_type

UTC = "UTC"


class DatetimePart(StrEnum):
    """A part of a moment."""

    YEAR = "YEAR"
    QUARTER = "QUARTER"
    MONTH = "MONTH"
    WEEK = "WEEK"
    DAY = "DAY"
    WEEKDAY = "WEEKDAY"
    DAY_OF_YEAR = "DAY_OF_YEAR"
    HOUR = "HOUR"
    MINUTE = "MINUTE"
    SECOND = "SECOND"
    DATE = "DATE"
    TIME = "TIME"


OF_A_CLOCK = frozenset(
    {DatetimePart.HOUR, DatetimePart.MINUTE, DatetimePart.SECOND, DatetimePart.DATE, DatetimePart.TIME}
)
"""Parts that Polars gives of moments, and not of days."""
PARTS: Mapping[DatetimePart, Callable[[pl.Expr], pl.Expr]] = {
    DatetimePart.YEAR: lambda moment: moment.dt.year(),
    DatetimePart.QUARTER: lambda moment: moment.dt.quarter(),
    DatetimePart.MONTH: lambda moment: moment.dt.month(),
    DatetimePart.WEEK: lambda moment: moment.dt.week(),
    DatetimePart.DAY: lambda moment: moment.dt.day(),
    DatetimePart.WEEKDAY: lambda moment: moment.dt.weekday(),
    DatetimePart.DAY_OF_YEAR: lambda moment: moment.dt.ordinal_day(),
    DatetimePart.HOUR: lambda moment: moment.dt.hour(),
    DatetimePart.MINUTE: lambda moment: moment.dt.minute(),
    DatetimePart.SECOND: lambda moment: moment.dt.second(),
    DatetimePart.DATE: lambda moment: moment.dt.date(),
    DatetimePart.TIME: lambda moment: moment.dt.time(),
}


@dataclass(frozen=True, slots=True)
class _Read:
    """The date or moment that a cell is or spells, and its type."""

    value: pl.Expr
    dtype: pl.DataType


class Datetime(ColumnStep):
    """Reads dates and moments from text, moves them to another time zone, and writes parts of them into new columns.

    Text is ISO 8601 or of a format; a text that is neither rejects its row. A column of days without times becomes
    dates, unless a time zone is given. Moments that name no zone are in `fromTimezone`: of an hour that the clocks go
    through twice it is the first, and a moment that they skip rejects its row. `toTimezone` says in which zone the
    moments are told, and their parts counted; it is UTC by default for those that have one. A dataset keeps moments in
    UTC. The new columns are named like created_year or created_day_of_year; weekdays go from 1, Monday, to 7, weeks are
    those of ISO 8601.
    """

    kind: ClassVar[str] = "datetime"
    example: ClassVar[dict[str, Any]] = {
        "columns": ["created"],
        "format": "%d.%m.%Y %H:%M",
        "fromTimezone": "Europe/Berlin",
        "parts": ["YEAR", "WEEKDAY"],
    }
    records: ClassVar[Sequence[Mapping[str, Any]]] = ({"created": "31.12.2024 23:30"}, {"created": None})

    format: str | None = Field(
        default=None,
        max_length=100,
        description="How a text writes a date or moment, in the codes of strftime; ISO 8601 by default.",
    )
    from_timezone: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="The time zone of moments that name none, such as Europe/Berlin.",
    )
    to_timezone: str | None = Field(
        default=None,
        max_length=100,
        description="The time zone to tell moments in; what names none is in UTC.",
    )
    parts: list[DatetimePart] = Field(
        default_factory=list, description="The parts to write into columns of their own."
    )

    @field_validator("format")
    @classmethod
    def _check_format(cls, form: str | None) -> str | None:
        if form is not None and not tells(form, ColumnType.DATETIME):
            raise ValueError(f"{form!r} is no format that tells a day in full, as %d.%m.%Y does")
        return form

    @field_validator("from_timezone", "to_timezone")
    @classmethod
    def _check_timezone(cls, zone: str | None) -> str | None:
        try:
            pl.Series([datetime(2000, 1, 1)]).dt.replace_time_zone(zone)
        except pl.exceptions.PolarsError as error:
            raise ValueError(
                f"there is no time zone {zone!r}; give one such as UTC or Europe/Berlin"
            ) from error
        return zone

    @field_validator("parts")
    @classmethod
    def _check_parts(cls, parts: list[DatetimePart]) -> list[DatetimePart]:
        if len(set(parts)) < len(parts):
            raise ValueError("a part is named twice")
        return parts

    def rules(self, table: StepTable) -> Iterator[Rule]:
        """Texts spell dates or moments, and the moments are there in their time zone."""
        table.require(self.columns)
        for column in self.columns:
            if is_text(table.schema[column]) or self.from_timezone:
                fails = pl.col(column).is_not_null() & self._read(table, column).value.is_null()
                spelled = f" written as {self.format}" if self.format else " of ISO 8601"
                zone = f" in {self.from_timezone}" if self.from_timezone else ""
                yield self.rule("TYPE", column, fails, f"The value is no date or moment{spelled}{zone}.")

    def prepare(self, table: StepTable) -> Transform:
        """Read columns and add their parts. Raises JobFault: NOT_TEMPORAL, COLUMN_EXISTS."""
        table.require(self.columns)
        read = {column: self._read(table, column) for column in self.columns}
        values = [each.value.alias(column) for column, each in read.items()]
        parts = {
            f"{column}_{part.lower()}": _part(part, column, each.dtype)
            for column, each in read.items()
            for part in self.parts
        }
        require_free(table.schema, parts)
        # The parts are those of the values that the first of the two has made.
        return lambda rows: rows.with_columns(values).with_columns(**parts)

    def _read(self, table: StepTable, column: str) -> _Read:
        read = self._as_written(table, column)
        if self.from_timezone is None and self.to_timezone is None:
            return read
        zone = read.dtype.time_zone if isinstance(read.dtype, pl.Datetime) else None
        value = read.value
        if zone is None:
            value = value.cast(pl.Datetime(MICROSECONDS)).dt.replace_time_zone(
                self.from_timezone or UTC, ambiguous="earliest", non_existent="null"
            )
        told = self.to_timezone or UTC
        return _Read(value.dt.convert_time_zone(told), pl.Datetime(MICROSECONDS, told))

    def _as_written(self, table: StepTable, column: str) -> _Read:
        dtype = table.schema[column]
        if is_text(dtype):
            sample = table.sample[column].cast(pl.String)
            return self._parsed(
                pl.col(column).cast(pl.String) if dtype != pl.String else pl.col(column), sample
            )
        if dtype == pl.Null:
            return _Read(pl.col(column).cast(pl.Datetime(MICROSECONDS)), pl.Datetime(MICROSECONDS))
        if not isinstance(dtype, pl.Date | pl.Datetime):
            message = (
                f"The column {column} holds {column_type(dtype)} values, and dates or moments are wanted."
            )
            raise JobFault("NOT_TEMPORAL", message, "CONFIG", details={"column": column})
        return _Read(pl.col(column), dtype)

    def _parsed(self, text: pl.Expr, sample: pl.Series) -> _Read:
        if has_zone(sample, self.format):
            return _Read(as_instant(text, self.format), INSTANT[0])
        moment = PARSERS[ColumnType.DATETIME][0]
        if self.format is not None:
            has_time = tells(self.format, ColumnType.TIME) or not tells(self.format, ColumnType.DATE)
            return (
                _Read(as_moment(text, self.format), moment)
                if has_time
                else _Read(as_date(text, self.format), pl.Date())
            )
        if natural_type(sample) == pl.Date:
            return _Read(as_date(text), pl.Date())
        return _Read(pl.coalesce(as_moment(text), as_date(text).cast(moment)), moment)


def _part(part: DatetimePart, column: str, dtype: pl.DataType) -> pl.Expr:
    is_of_days = dtype == pl.Date and part not in OF_A_CLOCK
    moment = (
        pl.col(column) if is_of_days or dtype != pl.Date else pl.col(column).cast(pl.Datetime(MICROSECONDS))
    )
    return PARTS[part](moment)
