"""Groups of rows that become one row each."""

from collections.abc import Mapping, Sequence

import polars as pl

from headgate.pipelines.prepared import ROW_INDEX


def merged(rows: pl.LazyFrame, by: Sequence[str], values: Mapping[str, pl.Expr]) -> pl.LazyFrame:
    """One row for each group, with the columns of the group and these values, in order of first appearance.

    Null is a value to group by. Without columns to group by all rows are one group, and no rows are none.
    """
    made = [value.alias(name) for name, value in values.items()]
    first = pl.col(ROW_INDEX).min()
    if by:
        return rows.group_by(by, maintain_order=True).agg(first, *made).select(ROW_INDEX, *by, *values)
    return rows.select(first, *made).filter(pl.col(ROW_INDEX).is_not_null())


def total(column: str, dtype: pl.DataType) -> pl.Expr:
    """The sum of a column's values; null where there are none. Whole numbers add up in 64 bits."""
    cell = pl.col(column)
    summed = (cell.cast(pl.Int64) if dtype.is_integer() else cell).sum()
    return pl.when(cell.count() > 0).then(summed)
