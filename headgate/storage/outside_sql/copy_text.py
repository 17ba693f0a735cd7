"""Rows in the text form of PostgreSQL's COPY, made by Polars column by column."""

from collections.abc import Sequence

import polars as pl

from headgate.storage.columns import Column, json_text

NULL = "\\N"
SPECIAL = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
"""What means something else in that form than itself."""
HAS_SPECIAL = r"[\\\t\n\r]"


def copy_text(batch: pl.DataFrame, columns: Sequence[Column]) -> bytes:
    """The values of these columns: tabs between them, a line for each row."""
    values = batch.select(_spelled(batch[column.name], column.dtype) for column in columns)
    text = values.write_csv(
        include_header=False,
        separator="\t",
        null_value=NULL,
        quote_style="never",
        datetime_format="%Y-%m-%d %H:%M:%S%.6f",
        time_format="%H:%M:%S%.6f",
    )
    assert text is not None
    return text.encode()


def _spelled(values: pl.Series, dtype: pl.DataType) -> pl.Series:
    """The values as PostgreSQL reads them."""
    match dtype:
        case pl.Float32():
            return values.cast(pl.Float64)
        case pl.Datetime():
            return in_utc(values)
        case pl.Binary():
            return "\\\\x" + values.bin.encode("hex")
        case pl.Duration():
            return values.dt.total_microseconds().cast(pl.String) + " microseconds"
    if dtype.is_numeric() or dtype in (pl.Boolean, pl.Date, pl.Time):
        return values
    return _escaped(as_json(values) if dtype.is_nested() else values.cast(pl.String))


def in_utc(values: pl.Series) -> pl.Series:
    """Moments as UTC has them, without a zone; others as they are."""
    zone = getattr(values.dtype, "time_zone", None)
    moments = values if zone is None else values.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return moments.dt.cast_time_unit("us")


def as_json(values: pl.Series) -> pl.Series:
    """Lists and structs as JSON that loses nothing."""
    texts = [None if value is None else json_text(value) for value in values.to_list()]
    return pl.Series(values.name, texts, pl.String)


def _escaped(texts: pl.Series) -> pl.Series:
    if texts.str.contains(HAS_SPECIAL).any():
        return texts.str.replace_many(list(SPECIAL), list(SPECIAL.values()))
    return texts
