"""The check `date`."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Self

import polars as pl
from pydantic import Field, field_validator, model_validator

from headgate.pipelines.checks.bounds import Interval, MomentBound, comparing_moments
from headgate.pipelines.checks.check import ColumnCheck, Table
from headgate.pipelines.checks.operands import checked_form, moment_of
from headgate.pipelines.rules import Rule
from headgate.pipelines.suggestions import date_as, suggesting


class Date(ColumnCheck):
    """Each value is a date or a moment, and lies between bounds where they are given.

    Text is ISO 8601, 2024-12-31 or 2024-12-31T23:59:59Z, unless `format` says otherwise; the check `type` tells dates
    from moments. A date as bound is compared with the day of each value; what names no zone is in UTC.
    """

    kind: ClassVar[str] = "date"
    example: ClassVar[dict[str, Any]] = {"columns": ["date"], "min": "2024-01-01"}
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"date": "2024-03-01"},
        {"date": "01.03.2024"},
    ]

    format: str | None = Field(
        default=None, max_length=100, description="How text spells it, as strftime says it, such as %d.%m.%Y."
    )
    min: MomentBound | None = Field(
        default=None, description="The first that passes: an ISO 8601 date or moment."
    )
    max: MomentBound | None = Field(
        default=None, description="The last that passes: an ISO 8601 date or moment."
    )

    @field_validator("format")
    @classmethod
    def _check_format(cls, form: str | None) -> str | None:
        return None if form is None else checked_form(form)

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        _ = self.interval
        return self

    @cached_property
    def interval(self) -> Interval | None:
        """Where values may lie; None for anywhere."""
        return None if self.min is None and self.max is None else Interval.of(self.min, self.max)

    def column_rules(self, table: Table, column: str) -> Iterable[Rule]:
        """A value is a date, and lies between the bounds."""
        dtype = table.schema[column]
        unlike = moment_of(column, dtype, self.format).is_null() & pl.col(column).is_not_null()
        wanted = "date of ISO 8601" if self.format is None else f"date of the format {self.format}"
        suggest = suggesting(date_as(self.format or "%Y-%m-%d"))
        yield self.rule("TYPE", column, unlike, f"The value is not a {wanted}.", suggest=suggest)
        if self.interval is not None:
            outside = self.interval.misses(comparing_moments(column, dtype, self.format))
            yield self.rule("RANGE", column, outside, f"The date must be {self.interval}.")
