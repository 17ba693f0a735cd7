"""Numbers are sorted into bins."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from tests.pipelines.steps.harness import apply, step

EDGES = st.lists(st.integers(-20, 20), min_size=1, max_size=6, unique=True).map(sorted)
NUMBERS = st.lists(st.none() | st.integers(-25, 25))


def binned(values: Any, **settings: Any) -> list[Any]:
    return apply("bin", {"x": values}, columns=["x"], **settings)["x_bin"]


def reached(number: float | None, edges: list[float]) -> str | None:
    return None if number is None else str(sum(number >= edge for edge in edges))


@given(NUMBERS, EDGES)
def test_a_number_is_in_the_bin_whose_edge_it_has_reached(
    numbers: list[int | None], edges: list[float]
) -> None:
    labels = [str(number) for number in range(len(edges) + 1)]
    found = binned(pl.Series(numbers, dtype=pl.Int64), edges=edges, labels=labels)
    assert found == [reached(number, edges) for number in numbers]


@given(NUMBERS.filter(lambda numbers: any(number is not None for number in numbers)), st.integers(2, 5))
def test_edges_are_found_where_only_a_count_is_given(numbers: list[int | None], count: int) -> None:
    known = [float(number) for number in numbers if number is not None]
    shares = [number / count for number in range(1, count)]
    low, high = min(known), max(known)
    series, labels = pl.Series(numbers, dtype=pl.Int64), [str(number) for number in range(count)]
    wide = [low * (1 - share) + high * share for share in shares]
    assert binned(series, count=count, labels=labels) == [reached(number, wide) for number in numbers]
    full = [float(pl.Series(known).quantile(share, "linear") or 0) for share in shares]
    assert full == pytest.approx(list(np.quantile(known, shares)))
    found = binned(series, count=count, labels=labels, method="QUANTILE")
    assert found == [reached(number, full) for number in numbers]


def test_bins_are_called_by_their_edges() -> None:
    assert binned([17.0, 18.0, 64.5, 65.0, None], edges=[18, 65]) == [
        *("below 18", "18 to below 65", "18 to below 65", "65 and above"),
        None,
    ]
    assert binned([0, 10], count=2) == ["below 5", "5 and above"]


def test_what_is_no_finite_number_is_in_no_bin() -> None:
    assert binned([float("nan"), float("inf"), 1.0], edges=[1]) == [None, None, "1 and above"]


@pytest.mark.parametrize("settings", [{"edges": [1]}, {"count": 3}, {"count": 3, "method": "QUANTILE"}])
@pytest.mark.parametrize(
    "values", [[None, None], pl.Series([], dtype=pl.Float64), pl.Series([None], dtype=pl.String)]
)
def test_without_numbers_no_bin_is_told(values: Any, settings: dict[str, Any]) -> None:
    assert binned(values, **settings) == list(values)


def test_texts_are_taken_for_the_numbers_that_they_spell() -> None:
    result = apply("bin", {"x": ["1", "2", "many"]}, columns=["x"], edges=[2])
    assert (result["x_bin"], result.rejected) == (["below 2", "2 and above"], [(2, "x", "TYPE")])


def test_a_name_that_is_taken_and_columns_without_numbers_are_refused() -> None:
    with pytest.raises(JobFault, match="COLUMN_EXISTS"):
        apply("bin", {"x": [1], "x_bin": [1]}, columns=["x"], edges=[2])
    with pytest.raises(JobFault, match="NOT_NUMERIC"):
        binned(["a", "b"], edges=[2])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "either edges or a count"),
        ({"edges": [1], "count": 2}, "either edges or a count"),
        ({"edges": []}, "at least 1"),
        ({"edges": [2, 1]}, "greater than the one before"),
        ({"edges": [1, 1]}, "greater than the one before"),
        ({"edges": [float("inf")]}, "finite"),
        ({"edges": [1], "method": "QUANTILE"}, "a method is for a count"),
        ({"edges": [1], "labels": ["a"]}, "there are 2 bins, and 1 labels"),
        ({"count": 1}, "greater than or equal to 2"),
        ({"count": 101}, "less than or equal to 100"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        step("bin", columns=["x"], **settings)


def test_only_edges_that_are_given_leave_rows_to_themselves() -> None:
    assert not step("bin", columns=["x"], edges=[1]).sees_all
    assert step("bin", columns=["x"], count=2).sees_all
