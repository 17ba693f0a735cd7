"""Bounds of values: numbers, or the dates and moments that ISO 8601 texts name."""

import operator
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

import polars as pl
from pydantic import PlainValidator, WithJsonSchema

from headgate.pipelines.checks.moments import MOMENT
from headgate.pipelines.checks.operands import moment_of, number_of, parse_moment
from headgate.pipelines.types import is_text
from headgate.storage.columns import MAX_SAFE_INTEGER

INT128_LIMIT = 2**126
"""Beyond any integer of a column, and still an integer that Polars compares with."""


def _bound(value: object) -> object:
    if isinstance(value, str):
        parse_moment(value)
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
        raise ValueError("give a finite number, or text with a date such as 2024-12-31")
    return value


def _moment_bound(value: object) -> object:
    if not isinstance(value, str):
        raise ValueError("give text with a date such as 2024-12-31")
    return _bound(value)


Bound = Annotated[int | float | str, PlainValidator(_bound), WithJsonSchema({"type": ["number", "string"]})]
"""A number, or text that holds an ISO 8601 date or moment."""
MomentBound = Annotated[str, PlainValidator(_moment_bound), WithJsonSchema({"type": "string"})]
"""Text that holds an ISO 8601 date or moment."""

Value = int | float | date | datetime
Operator = Callable[[pl.Expr, pl.Expr], pl.Expr]
Compare = Callable[[Operator, Value], pl.Expr]
"""Makes the comparison of a cell with a bound."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Where values may lie: from `low` to `high`, either of which may be open, or not be there."""

    low: Value | None = None
    high: Value | None = None
    above_low: bool = False
    below_high: bool = False

    @classmethod
    def of(cls, low: Any, high: Any, *, above_low: bool = False, below_high: bool = False) -> "Interval":
        """The interval between two bounds. Raises ValueError where none is given, or no value lies between them."""
        if low is None and high is None:
            raise ValueError("give min, max or both")
        if low is not None and high is not None:
            _check_order(_value(low), _value(high), is_open=above_low or below_high)
        return cls(_value(low), _value(high), above_low, below_high)

    @property
    def is_of_moments(self) -> bool:
        """Whether it bounds dates and moments."""
        return isinstance(self.low if self.low is not None else self.high, date)

    def misses(self, compare: Compare) -> pl.Expr:
        """Whether a value lies outside; `compare` holds it against a bound."""
        outside: list[pl.Expr] = []
        if self.low is not None:
            outside.append(compare(operator.le if self.above_low else operator.lt, self.low))
        if self.high is not None:
            outside.append(compare(operator.ge if self.below_high else operator.gt, self.high))
        return pl.any_horizontal(outside)

    def __str__(self) -> str:
        low = None if self.low is None else f"{'above' if self.above_low else 'at least'} {self.low}"
        high = None if self.high is None else f"{'below' if self.below_high else 'at most'} {self.high}"
        return " and ".join(part for part in (low, high) if part)


def _value(bound: Any) -> Any:
    return parse_moment(bound) if isinstance(bound, str) else bound


def _check_order(low: Value, high: Value, *, is_open: bool) -> None:
    if isinstance(low, date) != isinstance(high, date):
        raise ValueError("min and max are both numbers, or both dates")
    first, last = (_moment(low), _moment(high)) if isinstance(low, date) else (low, high)
    if first > last or (is_open and first == last):  # type: ignore[operator]
        raise ValueError(f"no value lies between min, {low}, and max, {high}")


def _moment(value: Value) -> Value:
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    return value


def comparing_numbers(column: str, dtype: pl.DataType) -> Compare:
    """Hold the number of a cell against bounds: exactly where both are integers, else as doubles."""
    number = number_of(column, dtype)

    def compare(holds: Operator, bound: Value) -> pl.Expr:
        assert isinstance(bound, int | float)
        by_double = holds(number, pl.lit(float(bound), pl.Float64))
        if abs(bound) <= MAX_SAFE_INTEGER or not (is_text(dtype) or dtype.is_integer()):
            return by_double
        integer = pl.col(column).cast(pl.Int128, strict=False)
        limit = max(-INT128_LIMIT, min(int(bound), INT128_LIMIT))
        exactly = holds(integer, pl.lit(limit, pl.Int128))
        return pl.when(integer.is_not_null()).then(exactly).otherwise(by_double)

    return compare


def comparing_moments(column: str, dtype: pl.DataType, form: str | None = None) -> Compare:
    """Hold the moment of a cell against bounds: against a date, its day in UTC."""
    moment = moment_of(column, dtype, form)

    def compare(holds: Operator, bound: Value) -> pl.Expr:
        if isinstance(bound, datetime):
            return holds(moment, pl.lit(bound, MOMENT))
        return holds(moment.dt.date(), pl.lit(bound, pl.Date))

    return compare
