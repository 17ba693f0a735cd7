"""Partitions of a Delta Lake table: which values they may have, and how its log spells these."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl

MAX_TEXT_BYTES = 1024
"""The longest text that a partition is told by: the log says it once for each of the partition's files."""


def tells_partitions(dtype: pl.DataType) -> bool:
    """Whether values of a type may tell partitions apart: texts, whole and exact numbers, booleans and moments do."""
    return dtype.is_integer() or dtype.is_decimal() or dtype.base_type() in _TYPES


_TYPES = (pl.String, pl.Boolean, pl.Date, pl.Datetime)


def tells_none(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Whether a value of such a column can't be a partition's.

    An empty text means null in the log, and a date beyond the years from 1 to 9999 has no spelling there.
    """
    if dtype == pl.String:
        return ~column.str.len_bytes().is_between(1, MAX_TEXT_BYTES)
    if dtype.base_type() in (pl.Date, pl.Datetime):
        return ~column.dt.year().is_between(1, 9999)
    return pl.lit(False)


def partition_text(value: Any) -> str | None:
    """The value of a partition as the log spells it."""
    match value:
        case None | str():
            return value
        case bool():
            return str(value).lower()
        case datetime(tzinfo=None):
            return value.isoformat(" ", "microseconds")
        case datetime():
            return value.astimezone(UTC).replace(tzinfo=None).isoformat("T", "microseconds") + "Z"
        case Decimal():
            return f"{value:f}"
    return str(value)
