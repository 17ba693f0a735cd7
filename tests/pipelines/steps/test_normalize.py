"""Numbers are scaled."""

from statistics import fmean, pstdev
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from tests.pipelines.steps.harness import apply, step

NUMBERS = st.lists(st.none() | st.integers(-1_000, 1_000).map(lambda number: number / 8))


def normalized(values: Any, method: str) -> list[Any]:
    return apply("normalize", {"x": values}, columns=["x"], method=method)["x"]


def line(known: list[float], method: str) -> tuple[float, float]:
    if method == "MIN_MAX":
        return min(known), max(known) - min(known)
    if method == "Z_SCORE":
        return fmean(known), pstdev(known)
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
    return float(middle), float(high - low)


@pytest.mark.parametrize("method", ["MIN_MAX", "Z_SCORE", "ROBUST"])
@given(NUMBERS)
def test_numbers_are_scaled_as_by_hand(method: str, numbers: list[float | None]) -> None:
    known = [number for number in numbers if number is not None]
    zero, one = line(known, method) if known else (0.0, 1.0)
    expected = [None if number is None else (number - zero) / (one or 1.0) for number in numbers]
    found = normalized(pl.Series(numbers, dtype=pl.Float64), method)
    assert found == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("method", ["MIN_MAX", "Z_SCORE", "ROBUST"])
@pytest.mark.parametrize("value", [0.1, 5e-324, 1e308, -7.0])
def test_a_column_of_equal_values_becomes_0(method: str, value: float) -> None:
    assert normalized([value, None, value, value], method) == [0.0, None, 0.0, 0.0]


@pytest.mark.parametrize("method", ["MIN_MAX", "Z_SCORE", "ROBUST"])
@pytest.mark.parametrize(
    "values", [pl.Series([], dtype=pl.Int64), [None, None], pl.Series([None], dtype=pl.String)]
)
def test_without_numbers_there_is_nothing_to_scale(method: str, values: Any) -> None:
    result = apply("normalize", {"x": values}, columns=["x"], method=method)
    assert result.frame.schema["x"] == pl.Float64
    assert result["x"] == list(values)


def test_what_is_not_finite_stays_so_and_takes_no_part() -> None:
    assert normalized([0.0, float("inf"), 2.0], "MIN_MAX") == [0.0, float("inf"), 1.0]


def test_texts_are_scaled_as_the_numbers_that_they_spell() -> None:
    result = apply("normalize", {"x": ["0", "x", "5", "10"]}, columns=["x"], method="MIN_MAX")
    assert (result["x"], result.rejected) == ([0.0, 0.5, 1.0], [(1, "x", "TYPE")])


def test_numbers_too_far_apart_fail_the_job() -> None:
    with pytest.raises(JobFault, match="The values of x lie too far apart") as fault:
        normalized([-1.7e308, 1.7e308], "MIN_MAX")
    assert (fault.value.code, fault.value.category) == ("OUT_OF_RANGE", "DATA")


def test_new_columns_stand_beside_the_old_ones() -> None:
    result = apply(
        "normalize", {"x": [0, 4], "y": [1, 3]}, columns=["x", "y"], method="MIN_MAX", into="{column}_n"
    )
    assert result.rows == [{"x": 0, "y": 1, "x_n": 0.0, "y_n": 0.0}, {"x": 4, "y": 3, "x_n": 1.0, "y_n": 1.0}]
    with pytest.raises(JobFault, match="COLUMN_EXISTS"):
        apply("normalize", {"x": [1], "X_N": [1]}, columns=["x"], method="MIN_MAX", into="{column}_n")


@pytest.mark.parametrize("values", [["a", "b"], [True], [[1]]])
def test_only_numbers_can_be_scaled(values: list[Any]) -> None:
    with pytest.raises(JobFault, match="NOT_NUMERIC"):
        normalized(values, "MIN_MAX")


@pytest.mark.parametrize("method", ["MIN_MAX", "ROBUST"])
def test_thousands_of_columns_are_scaled(method: str) -> None:
    rows = {f"c{number}": [0, number + 1] for number in range(2_000)}
    assert apply("normalize", rows, columns=list(rows), method=method)["c1999"][1] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"into": "scaled"}, "give {column} with something"),
        ({"into": "{column}"}, "give {column} with something"),
        ({"into": "__headgate_{column}"}, "can't name a column"),
        ({"method": "LOG"}, "'MIN_MAX', 'Z_SCORE' or 'ROBUST'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        step("normalize", **({"columns": ["x"], "method": "MIN_MAX"} | settings))
