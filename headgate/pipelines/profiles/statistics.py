"""Statistics of each column of a table, in a few scans and bounded memory."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from headgate.pipelines.profiles.distribution import COUNT, NUMBER, histogram, quantiles
from headgate.pipelines.profiles.measures import COMPARABLE, MOMENTS, NUMBERS, STEPS, finite, number
from headgate.pipelines.profiles.table import TypedTable
from headgate.pipelines.profiles.tallies import VALUE, Size, Tally, tally, top_values
from headgate.storage.columns import Column, ColumnType, json_records

ROWS = "rows"
MAX_VALUE_CHARACTERS = 200


def profile(table: TypedTable) -> list[dict[str, Any]]:
    """For each column: column, count, nulls, distinct, min, max, mean, standardDeviation, quantiles (q, value),
    histogram (from, to, count) and topValues (value, count), all of them JSON.

    NaN and Infinity are values, but in no figure that calculates. Figures that a type hasn't are null or empty.
    """
    if not table.columns:
        return []
    wanted = {
        f"{index}.{name}": figure
        for index, column in enumerate(table.columns)
        for name, figure in _figures(column).items()
    }
    counted = table.frame.select(pl.len().alias(ROWS), **wanted).collect(engine="streaming")
    found = counted.row(0, named=True)
    return [
        _statistics(table.frame, column, found[ROWS], _of_column(found, index))
        for index, column in enumerate(table.columns)
    ]


def _figures(column: Column) -> dict[str, pl.Expr]:
    """What one scan tells of a column."""
    cell, kind = pl.col(column.name), column.type
    figures = {"nulls": cell.null_count()}
    if kind in COMPARABLE:
        values = finite(column)
        figures |= {"distinct": cell.approx_n_unique(), "min": values.min(), "max": values.max()}
    if kind is ColumnType.STRING:
        figures["bytes"] = cell.str.len_bytes().sum()
    if kind in NUMBERS | MOMENTS:
        figures |= {"low": number(column).min(), "high": number(column).max()}
    if kind in NUMBERS:
        figures |= {"mean": number(column).mean(), "deviation": number(column).std()}
    return figures


def _of_column(found: Mapping[str, Any], index: int) -> dict[str, Any]:
    prefix = f"{index}."
    return {name.removeprefix(prefix): value for name, value in found.items() if name.startswith(prefix)}


def _statistics(frame: pl.LazyFrame, column: Column, rows: int, found: Mapping[str, Any]) -> dict[str, Any]:
    figures = {
        "column": column.to_json(),
        "count": rows,
        "nulls": found["nulls"],
        "distinct": None,
        "min": None,
        "max": None,
        "mean": _finite(found.get("mean")),
        "standardDeviation": _finite(found.get("deviation")),
        "quantiles": [],
        "histogram": [],
        "topValues": [],
    }
    return figures if column.type not in COMPARABLE else figures | _of_values(frame, column, rows, found)


def _of_values(frame: pl.LazyFrame, column: Column, rows: int, found: Mapping[str, Any]) -> dict[str, Any]:
    approximate = found["distinct"] - (1 if found["nulls"] else 0)
    counts = tally(frame, column.name, Size(rows, approximate, found.get("bytes") or 0))
    top = top_values(frame, column.name, counts)
    least, greatest = _shown(column, pl.Series([found["min"], found["max"]], dtype=column.dtype))
    figures = {
        "distinct": min(counts.distinct, rows - found["nulls"]),
        "min": least,
        "max": greatest,
        "topValues": [
            {"value": value, "count": count}
            for value, count in zip(_shown(column, top[VALUE]), top[COUNT], strict=True)
        ],
    }
    return figures | (_distribution(frame, column, counts, found) if "low" in found else {})


def _distribution(
    frame: pl.LazyFrame, column: Column, counts: Tally, found: Mapping[str, Any]
) -> dict[str, Any]:
    numbers = counts.frame.select(number(replace(column, name=VALUE)).alias(NUMBER), COUNT)
    once = frame.select(number(column).alias(NUMBER), pl.lit(1, pl.Int64).alias(COUNT))
    all_numbers = numbers.lazy() if counts.is_whole else once
    return {
        "quantiles": quantiles(numbers),
        "histogram": histogram(all_numbers, found["low"], found["high"], STEPS.get(column.type)),
    }


def _shown(column: Column, values: pl.Series) -> list[Any]:
    """Values as JSON, spelled as rows show them; long texts are cut."""
    records = json_records(pl.DataFrame({VALUE: values}), {VALUE: column.form})
    return [_cut(record[VALUE]) for record in records]


def _cut(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_VALUE_CHARACTERS:
        return value[:MAX_VALUE_CHARACTERS] + "…"
    return value


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
