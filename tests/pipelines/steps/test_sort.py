"""Rows are sorted."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from tests.pipelines.steps.harness import apply, step

CELLS = st.none() | st.integers(0, 3)


@given(st.lists(st.tuples(CELLS, CELLS)), st.booleans(), st.booleans())
def test_rows_are_sorted_as_plain_python_sorts_them(
    pairs: list[tuple[int | None, int | None]], x_falls: bool, y_falls: bool
) -> None:
    def key(number: int) -> tuple[Any, ...]:
        parts = zip(pairs[number], (x_falls, y_falls), strict=True)
        return tuple((cell is None, -(cell or 0) if falls else cell or 0) for cell, falls in parts)

    rows = pl.DataFrame(pairs, schema={"x": pl.Int64, "y": pl.Int64}, orient="row")
    directions = {"x": "DESC" if x_falls else "ASC", "y": "DESC" if y_falls else "ASC"}
    columns = [{"column": column, "direction": direction} for column, direction in directions.items()]
    assert apply("sort", rows, columns=columns).indexes == sorted(range(len(pairs)), key=key)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["10", "9", None, "-1"], [-1.0, 9.0, 10.0, None]),
        (["b", "B", "a"], ["B", "a", "b"]),
        (["007", "10", "9"], ["007", "10", "9"]),
        ([None, None], [None, None]),
        ([], []),
    ],
)
def test_texts_that_spell_numbers_are_sorted_as_numbers(texts: list[str | None], expected: list[Any]) -> None:
    rows = pl.DataFrame({"x": texts}, schema={"x": pl.String})
    assert apply("sort", rows, columns=[{"column": "x"}])["x"] == expected


def test_what_is_sorted_says_nothing_of_other_rows() -> None:
    assert not step("sort", columns=[{"column": "x"}]).sees_all


@pytest.mark.parametrize(("column", "code"), [("x", "NESTED_COLUMN"), ("y", "UNKNOWN_COLUMN")])
def test_columns_that_cannot_be_sorted_by_are_refused(column: str, code: str) -> None:
    with pytest.raises(JobFault, match=code):
        apply("sort", {"x": [[1], [2]]}, columns=[{"column": column}])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([], "at least 1"),
        ([{"column": "x"}, {"column": "x"}], "x is named twice"),
        ([{"column": "x", "direction": "UP"}], "'ASC' or 'DESC'"),
        (["x"], "valid dictionary"),
    ],
)
def test_settings_that_make_no_sense_are_refused(columns: list[Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        step("sort", columns=columns)
