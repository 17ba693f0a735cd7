"""Groups of rows become one row each."""

import math
import statistics
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.steps.aggregate import AggregateFunction
from headgate.pipelines.steps.step import Effect
from tests.pipelines.steps.harness import apply, step

EVERY = [{"function": function, "column": "n", "as": function} for function in AggregateFunction]


def test_groups_stand_in_the_order_in_which_they_first_come_and_null_is_one() -> None:
    rows = {"k": ["b", None, "a", "b", None], "n": [1, 2, 3, 4, None]}
    applied = apply(
        "aggregate", rows, groupBy=["k"], metrics=[{"function": "SUM", "column": "n"}, {"function": "COUNT"}]
    )
    assert applied.rows == [
        {"k": "b", "sum_n": 5, "count": 2},
        {"k": None, "sum_n": 2, "count": 2},
        {"k": "a", "sum_n": 3, "count": 1},
    ]
    assert applied.indexes == [0, 1, 2]


def test_without_groups_all_rows_become_one_and_none_become_none() -> None:
    metrics = [{"function": "MAX", "column": "d", "as": "last"}, {"function": "COUNT"}]
    days = [date(2024, 1, 2), date(2024, 3, 1)]
    assert apply("aggregate", {"d": days}, metrics=metrics).rows == [{"last": days[1], "count": 2}]
    assert apply("aggregate", {"d": []}, metrics=metrics).rows == []


def test_sums_of_narrow_whole_numbers_do_not_wrap_around() -> None:
    rows = pl.DataFrame({"n": pl.Series([2**31 - 1, 2**31 - 1], dtype=pl.Int32)})
    assert apply("aggregate", rows, metrics=[{"function": "SUM", "column": "n", "as": "n"}]).rows == [
        {"n": 2**32 - 2}
    ]


def test_text_is_added_up_as_the_numbers_it_spells_and_counted_as_text() -> None:
    rows = {"k": ["01", "1", "01"], "n": ["1.5", "2", "2.0"], "t": ["7", "7.0", "7"]}
    metrics = [{"function": "SUM", "column": "n"}, {"function": "COUNT_DISTINCT", "column": "t"}]
    assert apply("aggregate", rows, groupBy=["k"], metrics=metrics).rows == [
        {"k": "01", "sum_n": 3.5, "count_distinct_t": 1},
        {"k": "1", "sum_n": 2.0, "count_distinct_t": 1},
    ]


def by_hand(function: str, values: Sequence[int | None]) -> float | None:
    """What a function makes of values, computed without Polars."""
    known = [value for value in values if value is not None]
    match function:
        case "COUNT":
            return len(known)
        case "COUNT_DISTINCT":
            return len(set(known))
        case "STDDEV":
            return statistics.stdev(known) if len(known) > 1 else None
    plain: dict[str, Callable[[list[int]], float]] = {
        "SUM": sum,
        "MEAN": statistics.fmean,
        "MIN": min,
        "MAX": max,
        "MEDIAN": statistics.median,
    }
    return plain[function](known) if known else None


@given(
    st.lists(st.tuples(st.sampled_from(["x", "y", None]), st.none() | st.integers(-1000, 1000)), max_size=30)
)
def test_each_function_makes_of_a_group_what_python_makes_of_it(rows: list[tuple[Any, int | None]]) -> None:
    frame = pl.DataFrame(rows, schema={"k": pl.String, "n": pl.Int64}, orient="row")
    made = apply("aggregate", frame, groupBy=["k"], metrics=EVERY).rows
    assert [row["k"] for row in made] == list(dict.fromkeys(key for key, _ in rows))
    for row in made:
        values = [value for key, value in rows if key == row["k"]]
        for function in AggregateFunction:
            expected = by_hand(function, values)
            assert row[function] == (
                expected if expected is None else pytest.approx(expected, rel=1e-9, abs=1e-9)
            )
            assert row[function] is None or math.isfinite(row[function])


def test_rows_are_merged_and_none_can_be_corrected_by_itself() -> None:
    aggregate = step("aggregate", metrics=[{"function": "COUNT"}])
    assert (aggregate.effect, aggregate.sees_all) == (Effect.MERGES, True)


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"metrics": []}, "at least 1 item"),
        ({"metrics": [{"function": "SUM"}]}, "SUM needs a column"),
        ({"metrics": [{"function": "AVG", "column": "n"}]}, "Input should be"),
        ({"metrics": [{"function": "SUM", "column": "n", "as": "*"}]}, "can't name a column"),
        ({"metrics": [{"function": "SUM", "column": "n", "as": "K"}], "groupBy": ["k"]}, "named"),
        ({"metrics": [{"function": "COUNT"}, {"function": "COUNT"}]}, "named"),
        ({"metrics": [{"function": "COUNT"}], "groupBy": ["k", "k"]}, "named"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given_: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        step("aggregate", **given_)


@pytest.mark.parametrize(
    ("function", "column", "code"),
    [("SUM", "t", "NOT_NUMERIC"), ("SUM", "z", "UNKNOWN_COLUMN"), ("MIN", "l", "NESTED_COLUMN")],
)
def test_columns_that_a_function_cannot_take_fail_the_job(function: str, column: str, code: str) -> None:
    with pytest.raises(JobFault, match=code):
        apply("aggregate", {"t": ["x"], "l": [[1]]}, metrics=[{"function": function, "column": column}])
