"""Dates and moments of ISO 8601 in text, each spelling read by the cheapest parser that can."""

import polars as pl

MOMENT = pl.Datetime("us")
"""A moment in UTC."""
DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
SECONDS = rf"^{DAY}[T ][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}Z?$"
FRACTIONS = rf"^{DAY}[T ][0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}\.[0-9]{{1,9}}Z?$"
PARTS = (
    rf"^({DAY})[T ]([0-9]{{2}}:[0-9]{{2}})(:[0-9]{{2}}(?:\.[0-9]{{1,9}})?)?(Z|[+-][0-9]{{2}}:?[0-9]{{2}})?$"
)
"""As RFC 3339 restricts ISO 8601, but that seconds and zone may be missing."""


def iso_moments(text: pl.Expr) -> pl.Expr:
    """The moments that texts name, and null for a text that names none.

    A date is its first moment, and what names no zone is in UTC.
    """
    return text.map_batches(_parsed, return_dtype=MOMENT, is_elementwise=True)


def _parsed(texts: pl.Series) -> pl.Series:
    """Each parser gets what the ones before it left over: most columns have one spelling, and need one parser."""
    moments = _days(texts)
    for parse in (_seconds, _fractions, _others):
        left = moments.is_null() & texts.is_not_null()
        if left.any():
            moments = moments.zip_with(~left, parse(texts.zip_with(left, _NOTHING)))
    return moments


_NOTHING = pl.Series([None], dtype=pl.String)


def _days(texts: pl.Series) -> pl.Series:
    days = _only(texts, f"^{DAY}$").str.to_date("%Y-%m-%d", strict=False, cache=False)
    return days.cast(MOMENT)


def _seconds(texts: pl.Series) -> pl.Series:
    clocks = _only(texts, SECONDS).str.head(19).str.replace(" ", "T", literal=True)
    return clocks.str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us", cache=False)


def _fractions(texts: pl.Series) -> pl.Series:
    clocks = _only(texts, FRACTIONS).str.strip_suffix("Z").str.replace(" ", "T", literal=True)
    return clocks.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", strict=False, time_unit="us", cache=False)


def _others(texts: pl.Series) -> pl.Series:
    parts = texts.str.extract_groups(PARTS).struct.unnest()
    whole = parts.select(
        pl.format("{}T{}{}{}", "1", "2", pl.col("3").fill_null(":00"), pl.col("4").fill_null("Z"))
    ).to_series()
    moments = whole.str.to_datetime("%Y-%m-%dT%H:%M:%S%.f%#z", strict=False, time_unit="us", cache=False)
    return moments.dt.replace_time_zone(None)


def _only(texts: pl.Series, regex: str) -> pl.Series:
    return texts.zip_with(texts.str.contains(regex).fill_null(False), _NOTHING)
