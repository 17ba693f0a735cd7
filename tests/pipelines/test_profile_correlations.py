"""Coefficients of pairs of columns are those of the statistics module."""

import math
import statistics
from itertools import combinations
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.errors import JobFault
from headgate.pipelines.profiles.correlation import GLANCE_ROWS, MAX_CORRELATED, correlate
from headgate.pipelines.profiles.table import TypedTable
from headgate.storage.columns import Column

CELL = st.none() | st.integers(-20, 20).map(float) | st.sampled_from([0.1, 1e6, math.nan, math.inf])


def found_in(columns: dict[str, list[Any]]) -> dict[tuple[str, str], float | None]:
    frame = pl.DataFrame(columns, strict=False)
    table = TypedTable([Column(name, dtype) for name, dtype in frame.schema.items()], frame.lazy())
    return {(each["x"], each["y"]): each["pearson"] for each in correlate(table, are_named=False)}


def expected(x: list[Any], y: list[Any]) -> float | None:
    both = [
        pair
        for pair in zip(x, y, strict=True)
        if all(value is not None and math.isfinite(value) for value in pair)
    ]
    if any(len(set(column)) < 2 for column in (list(zip(*both, strict=True)) or [()])):
        return None
    return statistics.correlation(*map(list, zip(*both, strict=True)))


@settings(max_examples=60)
@given(rows=st.lists(st.tuples(CELL, CELL, CELL), min_size=1, max_size=30))
def test_each_pair_is_correlated_over_the_rows_that_have_both(rows: list[tuple[Any, ...]]) -> None:
    frame = pl.DataFrame(rows, schema=dict.fromkeys("abc", pl.Float64), orient="row")
    columns = {name: frame[name].to_list() for name in frame.columns}
    table = TypedTable([Column(name, pl.Float64()) for name in columns], frame.lazy())
    found = correlate(table, are_named=True)
    assert [(each["x"], each["y"]) for each in found] == list(combinations("abc", 2))
    for each in found:
        wanted = expected(columns[each["x"]], columns[each["y"]])
        assert each["pearson"] == (None if wanted is None else pytest.approx(wanted, abs=1e-6))


def test_numbers_of_any_size_are_correlated() -> None:
    up = [1.0, 2.0, 3.0, 4.0]
    columns = {"up": up, "huge": [n * 1e300 for n in up], "tiny": [n * 1e-300 for n in up]}
    columns |= {"far": [1e9 + n * 1e-3 for n in up], "down": [-n for n in up]}
    for (x, y), value in found_in(columns).items():
        sign = -1 if "down" in (x, y) else 1
        assert value is not None
        assert value == pytest.approx(sign, abs=1e-4)
        assert abs(value) <= 1


def test_a_column_that_is_constant_where_the_other_has_values_has_no_coefficient() -> None:
    rows = 3 * GLANCE_ROWS
    part = [0.1 if row % 3 == 0 else row / 7 for row in range(rows)]
    other = [math.sin(row) if row % 3 == 0 else None for row in range(rows)]
    found = found_in({"part": part, "other": other, "constant": [0.1] * rows, "none": [None] * rows})
    assert set(found.values()) == {None}


def test_a_pair_that_varies_late_in_a_table_has_a_coefficient() -> None:
    late = [0.0] * GLANCE_ROWS + [1.0, 2.0]
    assert found_in({"x": late, "y": [2 * value for value in late]}) == {("x", "y"): pytest.approx(1)}


def test_only_numbers_are_taken_unless_others_are_named() -> None:
    columns: dict[str, list[Any]] = {
        "x": [1, 2, 3],
        "text": ["a", "b", "c"],
        "flag": [True, False, True],
        "y": [3.5, 2.5, 1.5],
    }
    assert found_in(columns) == {("x", "y"): pytest.approx(-1)}
    frame = pl.DataFrame(columns)
    table = TypedTable([Column(name, dtype) for name, dtype in frame.schema.items()], frame.lazy())
    with pytest.raises(JobFault) as caught:
        correlate(table, are_named=True)
    assert caught.value.code == "NOT_NUMERIC"
    assert caught.value.details == {"column": "text"}


def test_fewer_than_two_columns_have_no_pair() -> None:
    assert found_in({"x": [1, 2]}) == {}
    assert found_in({"text": ["a"]}) == {}


def test_the_number_of_columns_is_bounded() -> None:
    columns = {f"c{index}": [1.0, 2.0] for index in range(MAX_CORRELATED + 1)}
    with pytest.raises(JobFault) as caught:
        found_in(columns)
    assert caught.value.code == "TOO_MANY_COLUMNS"
    columns.popitem()
    assert len(found_in(columns)) == MAX_CORRELATED * (MAX_CORRELATED - 1) // 2
