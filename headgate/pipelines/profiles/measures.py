"""What can be measured of a column, by its type."""

import polars as pl

from headgate.storage.columns import Column, ColumnType

NUMBERS = {ColumnType.INTEGER, ColumnType.FLOAT, ColumnType.DECIMAL}
MOMENTS = {ColumnType.DATE, ColumnType.DATETIME}
COMPARABLE = NUMBERS | MOMENTS | {ColumnType.STRING, ColumnType.BOOLEAN}
"""What can be told apart and put in order; lists, structs and binary values are only counted."""
MS_PER_DAY = 86_400_000.0
STEPS = {ColumnType.INTEGER: 1.0, ColumnType.DATE: MS_PER_DAY}
"""Between two neighbouring values, where a type has such."""


def finite(column: Column) -> pl.Expr:
    """The column's values; null in place of NaN and Infinity."""
    cell = pl.col(column.name)
    return pl.when(cell.is_finite()).then(cell) if column.type is ColumnType.FLOAT else cell


def number(column: Column) -> pl.Expr:
    """The values of a NUMBERS or MOMENTS column as Float64: dates and times in whole milliseconds since 1970."""
    cell = finite(column)
    if column.type in MOMENTS:
        cell = cell.dt.epoch("ms")
    return cell.cast(pl.Float64)
