"""The check `range`."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar, Self

import polars as pl
from pydantic import Field, model_validator

from headgate.pipelines import suggestions
from headgate.pipelines.checks.bounds import Bound, Interval, comparing_moments, comparing_numbers
from headgate.pipelines.checks.check import ColumnCheck, Table
from headgate.pipelines.checks.operands import moment_of, number_of
from headgate.pipelines.rules import Rule


class Range(ColumnCheck):
    """Each value lies between bounds: numbers, or dates and moments where the bounds are texts that hold such.

    Numbers are compared as numbers in a text column too. A date as bound is compared with the day of each value, a
    moment with the moment; what names no zone is in UTC. A value that is no number, or no date, is of the wrong type.
    """

    kind: ClassVar[str] = "range"
    example: ClassVar[dict[str, Any]] = {"columns": ["spend"], "min": 0, "max": 10_000}
    records: ClassVar[Sequence[Mapping[str, Any]]] = [
        {"spend": 12.5},
        {"spend": -1},
    ]

    min: Bound | None = Field(
        default=None, description="The lowest value: a number, or text with an ISO 8601 date or moment."
    )
    max: Bound | None = Field(
        default=None, description="The highest value: a number, or text with an ISO 8601 date or moment."
    )
    exclusive_min: bool = Field(
        default=False, description="Whether values must be above `min`, and not equal it."
    )
    exclusive_max: bool = Field(
        default=False, description="Whether values must be below `max`, and not equal it."
    )

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        _ = self.interval
        return self

    @cached_property
    def interval(self) -> Interval:
        """Where values may lie."""
        return Interval.of(self.min, self.max, above_low=self.exclusive_min, below_high=self.exclusive_max)

    def column_rules(self, table: Table, column: str) -> Iterable[Rule]:
        """A value can be compared, and lies between the bounds."""
        dtype, interval = table.schema[column], self.interval
        if interval.is_of_moments:
            value, compare = moment_of(column, dtype), comparing_moments(column, dtype)
            wanted, propose = "date or moment of ISO 8601", suggestions.date_as()
        else:
            value, compare = number_of(column, dtype), comparing_numbers(column, dtype)
            wanted, propose = "finite number", suggestions.number
        unlike = value.is_null() & pl.col(column).is_not_null()
        suggest = suggestions.suggesting(propose)
        yield self.rule("TYPE", column, unlike, f"The value is not a {wanted}.", suggest=suggest)
        yield self.rule("RANGE", column, interval.misses(compare), f"The value must be {interval}.")
