"""What steps that need to see all rows find out about columns, before the rows are changed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import polars as pl

from headgate.pipelines.steps.step import StepTable

FEW_COLUMNS = 4
VALUES_AT_ONCE = 20_000_000
"""So many values are held in memory at a time to find, say, their medians."""

Measures = Callable[[str], Mapping[str, pl.Expr]]
"""Names the aggregates of a column."""
Measured = Mapping[str, Any]


def measured(
    table: StepTable, columns: Sequence[str], measures: Measures, *, stream: bool
) -> dict[str, Measured]:
    """The aggregates of each column: in one pass where they `stream`, else in one for as many columns as fit."""
    if stream:
        return _measured(columns, measures, lambda exprs: table.scan(table.frame.select(exprs)))
    found: dict[str, Measured] = {}
    for group, rows in _groups(table, columns):
        found |= _measured(group, measures, rows.select)
    return found


def _measured(
    columns: Sequence[str], measures: Measures, select: Callable[[Sequence[pl.Expr]], pl.DataFrame]
) -> dict[str, Measured]:
    named = {column: measures(column) for column in columns}
    exprs = [
        expr.alias(f"{number}:{name}")
        for number, column in enumerate(columns)
        for name, expr in named[column].items()
    ]
    values = iter(select(exprs).row(0))
    return {column: dict(zip(named[column], values, strict=False)) for column in columns}


def _groups(table: StepTable, columns: Sequence[str]) -> Iterator[tuple[Sequence[str], pl.DataFrame]]:
    """So many columns at a time as have VALUES_AT_ONCE, with their values.

    To find the quantiles of many columns in one stream takes Polars time by the square of their number.
    """
    rows = table.scan(table.frame.select(pl.len())).item() if len(columns) > FEW_COLUMNS else 0
    size = max(FEW_COLUMNS, VALUES_AT_ONCE // max(rows, 1))
    for start in range(0, len(columns), size):
        group = columns[start : start + size]
        yield group, table.scan(table.frame.select(group))
