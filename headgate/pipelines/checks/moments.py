"""Dates and moments of ISO 8601 in text, each spelling read by the cheapest parser that can.

Nothing but expressions of Polars: what several checks ask of one column is then found out once.
"""

import polars as pl

MOMENT = pl.Datetime("us")
"""A moment in UTC."""
YEAR = r"(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
"""Python's calendar, among others, has no year 0."""
DAY = rf"{YEAR}-[0-9]{{2}}-[0-9]{{2}}"
MINUTE = rf"{DAY}[T ][0-9]{{2}}:[0-9]{{2}}"
SECOND = rf"{MINUTE}:[0-9]{{2}}"
FRACTION = rf"{SECOND}\.[0-9]{{1,9}}"
OFFSET = r"[+-][0-9]{2}:?[0-9]{2}"
DAY_CHARACTERS, MINUTE_CHARACTERS, SECOND_CHARACTERS = 10, 16, 19


def iso_moments(text: pl.Expr) -> pl.Expr:
    """The moments that texts name, and null for a text that names none.

    They are spelled as RFC 3339 restricts ISO 8601, but that the time, its seconds and its zone may be missing: a date
    is its first moment, and what names no zone is in UTC.
    """
    length = text.str.len_bytes()
    is_day, is_second = length == DAY_CHARACTERS, length.is_between(SECOND_CHARACTERS, SECOND_CHARACTERS + 1)
    return pl.coalesce(
        _days(pl.when(is_day).then(text)),
        _seconds(pl.when(is_second).then(text)),
        *_others(pl.when(~is_day & ~is_second).then(text)),
    )


def _days(text: pl.Expr) -> pl.Expr:
    return _only(text, DAY).str.to_date("%Y-%m-%d", strict=False, cache=False).cast(MOMENT)


def _seconds(text: pl.Expr) -> pl.Expr:
    return _read(_only(text, f"{SECOND}Z?").str.head(SECOND_CHARACTERS), "%Y-%m-%dT%H:%M:%S")


def _others(text: pl.Expr) -> list[pl.Expr]:
    minutes = _only(text, f"{MINUTE}(?:Z|{OFFSET})?")
    whole = minutes.str.head(MINUTE_CHARACTERS) + ":00" + minutes.str.slice(MINUTE_CHARACTERS)
    offset = pl.coalesce(_only(text, f"(?:{SECOND}|{FRACTION}){OFFSET}"), _only(whole, f"{SECOND}{OFFSET}"))
    moment = _read(offset, "%Y-%m-%dT%H:%M:%S%.f%#z").dt.replace_time_zone(None)
    return [
        _read(_only(text, f"{FRACTION}Z?").str.strip_suffix("Z"), "%Y-%m-%dT%H:%M:%S%.f"),
        # An offset can lead out of the calendar.
        pl.when(moment.dt.year().is_between(1, 9999)).then(moment),
        _seconds(whole),
    ]


def _only(text: pl.Expr, regex: str) -> pl.Expr:
    return pl.when(text.str.contains(f"^(?:{regex})$")).then(text)


def _read(text: pl.Expr, form: str) -> pl.Expr:
    clock = text.str.replace(" ", "T", literal=True)
    return clock.str.to_datetime(form, strict=False, time_unit="us", cache=False)
