"""What cells mean: the number, moment or text of a cell, whether its column is text or typed."""

from datetime import UTC, date, datetime

import polars as pl

from headgate.pipelines.checks.moments import MOMENT, iso_moments
from headgate.pipelines.parsing import PARSERS
from headgate.pipelines.types import conforming, is_text
from headgate.storage.columns import column_type, plain_text

PROBE = datetime(2001, 2, 3, 4, 5, 6)
"""No two of its parts are equal, so that only a format that names a day gives its day back."""


def text_of(column: str, dtype: pl.DataType) -> pl.Expr:
    """A cell as text: of nested values JSON, of dates and times ISO 8601."""
    cell = pl.col(column)
    if dtype == pl.String:
        return cell
    if dtype.is_nested() or dtype == pl.Binary:
        return cell.map_elements(plain_text, return_dtype=pl.String)
    if dtype.is_temporal():
        return cell.dt.to_string("iso")
    return cell.cast(pl.String)


def number_of(column: str, dtype: pl.DataType) -> pl.Expr:
    """The finite number that a cell is or spells, as a double; null where it is none."""
    if is_text(dtype):
        return _finite(_as_string(column, dtype).cast(pl.Float64, strict=False))
    if dtype.is_numeric():
        return _finite(pl.col(column).cast(pl.Float64))
    return pl.lit(None, pl.Float64)


def _as_string(column: str, dtype: pl.DataType) -> pl.Expr:
    """A text as one of the usual type; where it is that already nothing stands between it and what is made of it.

    So Polars sees where others, such as the type of the column, make the same of it, and makes it once.
    """
    return pl.col(column) if dtype == pl.String else pl.col(column).cast(pl.String)


def _finite(number: pl.Expr) -> pl.Expr:
    return pl.when(number.is_finite()).then(number)


def moment_of(column: str, dtype: pl.DataType, form: str | None = None) -> pl.Expr:
    """The moment that a cell is or spells, in UTC; null where it is none.

    A date is its first moment, and what names no zone is in UTC. Text is ISO 8601, or of the strftime format `form`.
    """
    cell = pl.col(column)
    if is_text(dtype):
        text = _as_string(column, dtype)
        return iso_moments(text) if form is None else _in_calendar(_moment_in(text, form))
    if isinstance(dtype, pl.Datetime):
        return _in_utc(cell, zoned=dtype.time_zone is not None)
    return cell.cast(MOMENT) if dtype == pl.Date else pl.lit(None, MOMENT)


def _in_utc(moment: pl.Expr, *, zoned: bool) -> pl.Expr:
    if zoned:
        moment = moment.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return moment.cast(MOMENT)


def _moment_in(text: pl.Expr, form: str) -> pl.Expr:
    if _probed(form) == "date":
        return text.str.to_date(form, strict=False, cache=False).cast(MOMENT)
    moment = text.str.to_datetime(form, strict=False, time_unit="us", cache=False)
    return _in_utc(moment, zoned=_probed(form) == "zoned")


def _in_calendar(moment: pl.Expr) -> pl.Expr:
    """Leave out years that Python's calendar, among others, doesn't have."""
    return pl.when(moment.dt.year().is_between(1, 9999)).then(moment)


def _probed(form: str) -> str | None:
    """What texts of a format name: a "date", a "moment", or a moment with its zone, "zoned"; None for neither."""
    text = pl.Series([PROBE.replace(tzinfo=UTC)], dtype=pl.Datetime("us", "UTC"))
    try:
        text = text.dt.strftime(form)
        moment = text.str.to_datetime(form, strict=False, time_unit="us")
        day = text.str.to_date(form, strict=False)
    except pl.exceptions.PolarsError:
        return None
    if moment[0] is not None and moment[0].replace(tzinfo=None, second=0, microsecond=0) == PROBE.replace(
        second=0
    ):
        return "moment" if moment[0].tzinfo is None else "zoned"
    return "date" if day[0] == PROBE.date() else None


def cast_to(column: str, dtype: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    """A cell as a value of another type; null where it is none, or would lose something."""
    cell = pl.col(column)
    if dtype == wanted:
        return cell
    if not is_text(dtype):
        return conforming(dtype, wanted).exact(cell)
    if isinstance(wanted, pl.Datetime):
        moment = moment_of(column, dtype)
        return (moment.dt.replace_time_zone("UTC") if wanted.time_zone else moment).cast(wanted)
    if wanted.is_nested():
        return pl.lit(None, wanted)
    text = _as_string(column, dtype)
    _, parse = PARSERS.get(column_type(wanted), (wanted, None))
    return (text if parse is None else parse(text, None)).cast(wanted, strict=False)


def checked_form(form: str) -> str:
    """A strftime format that names a day. Raises ValueError for another one."""
    if _probed(form) is None:
        raise ValueError(
            f"{form!r} is no strftime format that names a day, such as %d.%m.%Y or %Y-%m-%d %H:%M:%S."
        )
    return form


def parse_moment(text: str) -> date | datetime:
    """The date or the moment in UTC that an ISO 8601 text names. Raises ValueError."""
    cells = pl.DataFrame({"text": [text]})
    value = cells.select(moment_of("text", pl.String())).item()
    if value is None:
        raise ValueError(
            f"{text!r} is no date such as 2024-12-31, nor a moment such as 2024-12-31T23:59:59Z."
        )
    assert isinstance(value, datetime)
    return value.date() if len(text) == 10 else value


def names_moment(text: str) -> bool:
    """Whether a text is an ISO 8601 date or moment."""
    try:
        parse_moment(text)
    except ValueError:
        return False
    return True
