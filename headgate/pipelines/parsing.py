"""What a text means as a value of a type that was asked for, whatever its spelling; null where it means none."""

from collections.abc import Callable, Mapping
from typing import Literal

import polars as pl

from headgate.storage.columns import ColumnType

NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
WHOLE_NUMBER = r"^[+-]?[0-9]+$"
ZONED = r"(Z|[+-][0-9]{2}:?[0-9]{2})$"
MOMENTS = tuple(
    f"%Y-%m-%d{between}{time}" for between in "T " for time in ("%H:%M:%S%.f", "%H:%M:%S", "%H:%M")
)
TIMES = ("%H:%M:%S%.f", "%H:%M")
MICROSECONDS: Literal["us"] = "us"

Parser = Callable[[pl.Expr, str | None], pl.Expr]
"""Takes texts and a format of strftime, None for the usual ones."""


def as_integer(text: pl.Expr, format: str | None = None) -> pl.Expr:
    """Whole numbers within 64 bits; leading zeros and a plus don't matter."""
    return pl.when(text.str.contains(WHOLE_NUMBER)).then(text.cast(pl.Int64, strict=False))


def as_float(text: pl.Expr, format: str | None = None) -> pl.Expr:
    """Finite numbers, as near as a double comes; NaN and infinity are none."""
    value = text.cast(pl.Float64, strict=False)
    return pl.when(text.str.contains(NUMBER) & value.is_finite()).then(value)


def as_boolean(text: pl.Expr, format: str | None = None) -> pl.Expr:
    """true and false, in any case."""
    lower = text.str.to_lowercase()
    return pl.when(lower == "true").then(True).when(lower == "false").then(False)


def as_date(text: pl.Expr, format: str | None = None) -> pl.Expr:
    """Days of the years 1 to 9999, by default as YYYY-MM-DD."""
    value = text.str.to_date(format or "%Y-%m-%d", strict=False, cache=False)
    fits = value.dt.year().is_between(1, 9999)
    return pl.when(fits & (text.str.len_bytes() == 10) if format is None else fits).then(value)


def as_time(text: pl.Expr, format: str | None = None) -> pl.Expr:
    """Times of day, by default as HH:MM or HH:MM:SS."""
    return pl.coalesce(*(text.str.to_time(form, strict=False) for form in _forms(format, TIMES)))


def as_moment(text: pl.Expr, format: str | None = None) -> pl.Expr:
    """Moments of a clock on the wall, by default as ISO 8601 writes them; those with an offset are none."""
    moments = (
        text.str.to_datetime(form, strict=False, time_unit=MICROSECONDS, cache=False)
        for form in _forms(format, MOMENTS)
    )
    return _within_years(pl.coalesce(*moments))


def as_instant(text: pl.Expr, format: str | None = None) -> pl.Expr:
    """Moments in UTC, of texts that end with Z or an offset."""
    offset = text.str.replace("Z$", "+0000")
    instants = (
        offset.str.to_datetime(form, strict=False, time_unit=MICROSECONDS, cache=False, time_zone="UTC")
        for form in _forms(format, tuple(f"{form}%z" for form in MOMENTS))
    )
    return _within_years(pl.coalesce(*instants))


def _forms(format: str | None, usual: tuple[str, ...]) -> tuple[str, ...]:
    return usual if format is None else (format,)


def _within_years(moment: pl.Expr) -> pl.Expr:
    """Python's calendar, among others, has no other years."""
    return pl.when(moment.dt.year().is_between(1, 9999)).then(moment)


PARSERS: Mapping[ColumnType, tuple[pl.DataType, Parser]] = {
    ColumnType.STRING: (pl.String(), lambda text, format: text),
    ColumnType.INTEGER: (pl.Int64(), as_integer),
    ColumnType.FLOAT: (pl.Float64(), as_float),
    ColumnType.BOOLEAN: (pl.Boolean(), as_boolean),
    ColumnType.DATE: (pl.Date(), as_date),
    ColumnType.TIME: (pl.Time(), as_time),
    ColumnType.DATETIME: (pl.Datetime(MICROSECONDS), as_moment),
}
INSTANT: tuple[pl.DataType, Parser] = (pl.Datetime(MICROSECONDS, "UTC"), as_instant)


def has_zone(sample: pl.Series, format: str | None = None) -> bool:
    """Whether texts write moments with a zone: as their format says, or as the first of them does."""
    if format is not None:
        return "%z" in format
    first = sample.drop_nulls().head(1)
    return bool(first.str.contains(ZONED).any())
