"""How columns of numbers go together."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import polars as pl

from headgate.errors import JobFault
from headgate.pipelines.profiles.measures import NUMBERS, number
from headgate.pipelines.profiles.table import TypedTable
from headgate.storage.columns import Column

MAX_CORRELATED = 50
"""Columns: their pairs are 1,225."""
GLANCE_ROWS = 10_000
Pair = tuple[str, str]


def correlate(table: TypedTable, *, are_named: bool) -> list[dict[str, Any]]:
    """Pearson's coefficient of each pair of number columns (x, y, pearson), over the rows that have both.

    It is None where it isn't defined: where one of the columns has fewer than two different values in those rows.
    Of columns that `are_named` each must hold numbers. Raises JobFault: NOT_NUMERIC, TOO_MANY_COLUMNS.
    """
    if are_named:
        _check_all_numeric(table.columns)
    columns = [column for column in table.columns if column.type in NUMBERS]
    if len(columns) > MAX_CORRELATED:
        message = f"These are {len(columns)} columns of numbers. Name up to {MAX_CORRELATED}."
        raise JobFault("TOO_MANY_COLUMNS", message, "CONFIG")
    pairs = list(combinations([column.name for column in columns], 2))
    numbers = table.frame.select(number(column).alias(column.name) for column in columns)
    found = _coefficients(_scaled(numbers), _defined(numbers, pairs))
    return [{"x": x, "y": y, "pearson": found.get((x, y))} for x, y in pairs]


def _check_all_numeric(columns: Sequence[Column]) -> None:
    for column in columns:
        if column.type not in NUMBERS:
            message = f"The column {column.name} is {column.type}: only numbers can be correlated."
            raise JobFault("NOT_NUMERIC", message, "CONFIG", details={"column": column.name})


def _scaled(numbers: pl.LazyFrame) -> pl.LazyFrame:
    """Numbers within -1 and 1, which changes no coefficient: squares of larger ones overflow or cancel out."""
    names = numbers.collect_schema().names()
    lows = _row(numbers, [pl.col(name).min() for name in names])
    highs = _row(numbers, [pl.col(name).max() for name in names])
    return numbers.select(
        _between(pl.col(name), low, high).alias(name)
        for name, low, high in zip(names, lows, highs, strict=True)
    )


def _between(values: pl.Expr, low: float | None, high: float | None) -> pl.Expr:
    if low is None or high is None or low == high:
        return pl.lit(None, pl.Float64)
    return (values - (low / 2 + high / 2)) / (high / 2 - low / 2)


def _defined(frame: pl.LazyFrame, pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs whose columns both vary in the rows that have both; most show it in the first rows.

    Seen in the numbers as they are: rounding makes a constant vary.
    """
    shown = dict.fromkeys(_varying(frame.head(GLANCE_ROWS), pairs))
    return [*shown, *_varying(frame, [pair for pair in pairs if pair not in shown])]


def _varying(frame: pl.LazyFrame, pairs: Sequence[Pair]) -> list[Pair]:
    varies = _row(frame, [_varies(x, y) & _varies(y, x) for x, y in pairs])
    return [pair for pair, is_varying in zip(pairs, varies, strict=True) if is_varying]


def _varies(name: str, other: str) -> pl.Expr:
    common = pl.when(pl.col(other).is_not_null()).then(pl.col(name))
    return (common.min() < common.max()).fill_null(False)


def _coefficients(frame: pl.LazyFrame, pairs: Sequence[Pair]) -> dict[Pair, float]:
    """The coefficients, without what rounding adds beyond 1."""
    found = _row(frame, [pl.corr(x, y).clip(-1, 1) for x, y in pairs])
    return dict(zip(pairs, found, strict=True))


def _row(frame: pl.LazyFrame, figures: Sequence[pl.Expr]) -> tuple[Any, ...]:
    """What one scan tells; none where nothing is asked."""
    if not figures:
        return ()
    named = {str(index): figure for index, figure in enumerate(figures)}
    return frame.select(**named).collect(engine="streaming").row(0)
