"""What a text means as a value of a type that was asked for, whatever its spelling; null where it means none."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Literal

import polars as pl

from headgate.storage.columns import ColumnType

NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
WHOLE_NUMBER = r"^[+-]?[0-9]+$"
DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME = "[0-9]{2}:[0-9]{2}(:[0-5][0-9]({fraction})?)?"
ISO_DATE = f"^{DAY}$"
ISO_TIME = f"^{TIME.replace('{fraction}', '[.][0-9]{1,9}')}$"
ISO_MOMENT = f"^{DAY}[T ]{TIME.replace('{fraction}', '[.][0-9]{1,6}0*')}(Z|[+-][0-9]{{2}}:?[0-9]{{2}})?$"
"""Finer moments than microseconds are kept by no dataset."""
ZONE_CODES = ("%z", "%:z", "%#z", "%+")
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
    (form,) = _forms(format, ("%Y-%m-%d",))
    value = text.str.to_date(form, strict=False, cache=False)
    return _as_spelled(text, format, ISO_DATE, _within_years(value))


def as_time(text: pl.Expr, format: str | None = None) -> pl.Expr:
    """Times of day, by default as HH:MM or HH:MM:SS."""
    times = (text.str.to_time(form, strict=False) for form in _forms(format, TIMES))
    return _as_spelled(text, format, ISO_TIME, pl.coalesce(*times))


def as_moment(text: pl.Expr, format: str | None = None) -> pl.Expr:
    """Moments of a clock on the wall, by default as ISO 8601 writes them; those with an offset are none."""
    moments = (
        text.str.to_datetime(form, strict=False, time_unit=MICROSECONDS, cache=False)
        for form in _forms(format, MOMENTS)
    )
    return _as_spelled(text, format, ISO_MOMENT, _within_years(pl.coalesce(*moments)))


def as_instant(text: pl.Expr, format: str | None = None) -> pl.Expr:
    """Moments in UTC, of texts that end with Z or an offset."""
    offset = text.str.replace("Z$", "+0000")
    instants = (
        offset.str.to_datetime(form, strict=False, time_unit=MICROSECONDS, cache=False, time_zone="UTC")
        for form in _forms(format, tuple(f"{form}%z" for form in MOMENTS))
    )
    return _as_spelled(text, format, ISO_MOMENT, _within_years(pl.coalesce(*instants)))


def _forms(format: str | None, usual: tuple[str, ...]) -> tuple[str, ...]:
    """The formats to try; a fraction of a second is to mean in them what it means in Python's."""
    return usual if format is None else (format.replace(".%f", "%.f"),)


def _as_spelled(text: pl.Expr, format: str | None, usual: str, value: pl.Expr) -> pl.Expr:
    """The value where the text is as the pattern `usual` says: to read it alone forgives blanks and missing digits."""
    return value if format is not None else pl.when(text.str.contains(usual)).then(value)


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
        return any(code in format for code in ZONE_CODES)
    first = sample.drop_nulls().head(1)
    return bool(first.str.contains(ZONED).any())


PROBES = (datetime(2023, 11, 28, 17, 46, 39), datetime(2003, 1, 2, 5, 4, 3))


def tells(format: str, type: ColumnType) -> bool:
    """Whether texts in this format tell a DATE, the day of a DATETIME, or the hour and minute of a TIME."""
    if "%f" in format.replace(".%f", ""):
        return False
    zone = "UTC" if has_zone(pl.Series([], dtype=pl.String), format) else None
    wanted, parse = INSTANT if zone and type is ColumnType.DATETIME else PARSERS[type]
    probes = pl.Series("text", PROBES, pl.Datetime(MICROSECONDS, zone))
    try:
        texts = probes.dt.to_string(*_forms(format, ())).to_frame()
        found = texts.select(parse(pl.col("text"), format)).to_series()
    except pl.exceptions.PolarsError:
        return False
    return found.dtype == wanted and [_told(value) for value in found] == [
        _told(PARTS[type](probe)) for probe in PROBES
    ]


PARTS: Mapping[ColumnType, Callable[[datetime], date | time]] = {
    ColumnType.DATE: datetime.date,
    ColumnType.DATETIME: datetime.date,
    ColumnType.TIME: datetime.time,
}


def _told(value: date | time | None) -> date | tuple[int, int] | None:
    if isinstance(value, time):
        return value.hour, value.minute
    return value.date() if isinstance(value, datetime) else value
