"""Figures of advertising: sums first, division last, and never by zero."""

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.steps.step import Effect
from tests.pipelines.steps.harness import apply, step

ALL = ["CTR", "CPC", "CPM", "CPA", "CVR", "ROAS"]
INPUTS = ["impressions", "clicks", "spend", "conversions", "revenue"]


def test_each_row_gets_its_figures_beside_what_it_has() -> None:
    row = {"id": "x", "impressions": 1000, "clicks": 50, "spend": 25.0, "conversions": 5, "revenue": 100.0}
    (made,) = apply("adMetrics", {name: [value] for name, value in row.items()}, metrics=ALL).rows
    assert made == row | {"ctr": 0.05, "cpc": 0.5, "cpm": 25.0, "cpa": 5.0, "cvr": 0.1, "roas": 4.0}


def test_of_a_group_sums_are_divided_and_not_ratios_averaged() -> None:
    rows = {
        "c": ["a", "b", "a"],
        "impressions": [1000, 10, 9000],
        "clicks": [100, 0, 100],
        "other": [1, 2, 3],
    }
    applied = apply("adMetrics", rows, metrics=["CTR"], groupBy=["c"])
    assert applied.rows == [
        {"c": "a", "clicks": 200, "impressions": 10_000, "ctr": 0.02},
        {"c": "b", "clicks": 0, "impressions": 10, "ctr": 0.0},
    ]
    assert applied.indexes == [0, 1]


def test_columns_can_have_other_names_and_only_those_needed_have_to_be_there() -> None:
    applied = apply(
        "adMetrics", {"cost": ["1.5", "3"], "taps": ["3", "0"]}, metrics=["CPC"], spend="cost", clicks="taps"
    )
    assert applied["cpc"] == [0.5, None]


def by_hand(upper: list[float | None], lower: list[float | None], times: int = 1) -> float | None:
    """A ratio of sums, computed without Polars."""
    over, under = ([value for value in values if value is not None] for values in (upper, lower))
    if not over or not under or sum(under) == 0:
        return None
    return sum(over) * times / sum(under)


figure = st.none() | st.integers(0, 5).map(float)
some_rows = st.lists(st.tuples(st.sampled_from(["x", None]), *[figure] * 5), min_size=1, max_size=20)


@given(some_rows)
def test_figures_of_groups_are_ratios_of_sums_and_null_where_these_do_not_exist(
    rows: list[tuple[Any, ...]],
) -> None:
    schema = {"k": pl.String, **dict.fromkeys(INPUTS, pl.Float64)}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    for made in apply("adMetrics", frame, metrics=ALL, groupBy=["k"]).rows:
        _, *columns = zip(*(row for row in rows if row[0] == made["k"]), strict=True)
        of = {name: list(column) for name, column in zip(INPUTS, columns, strict=True)}
        assert {name.lower(): made[name.lower()] for name in ALL} == {
            "ctr": by_hand(of["clicks"], of["impressions"]),
            "cpc": by_hand(of["spend"], of["clicks"]),
            "cpm": by_hand(of["spend"], of["impressions"], 1000),
            "cpa": by_hand(of["spend"], of["conversions"]),
            "cvr": by_hand(of["conversions"], of["clicks"]),
            "roas": by_hand(of["revenue"], of["spend"]),
        }


@given(some_rows)
def test_a_row_by_itself_is_never_divided_by_zero_or_null(rows: list[tuple[Any, ...]]) -> None:
    schema = {"k": pl.String, **dict.fromkeys(INPUTS, pl.Float64)}
    made = apply("adMetrics", pl.DataFrame(rows, schema=schema, orient="row"), metrics=ALL).rows
    for row in made:
        assert row["cpa"] == by_hand([row["spend"]], [row["conversions"]])
        assert row["roas"] == by_hand([row["revenue"]], [row["spend"]])


def test_what_is_too_large_for_a_number_is_null() -> None:
    assert apply("adMetrics", {"spend": [1e308], "clicks": [1e-308]}, metrics=["CPC"])["cpc"] == [None]


def test_groups_merge_rows_and_single_rows_are_kept() -> None:
    assert step("adMetrics", metrics=["CTR"], groupBy=["a"]).effect is Effect.MERGES
    assert step("adMetrics", metrics=["CTR"]).effect is Effect.KEEPS


@pytest.mark.parametrize(
    ("given_", "message"),
    [
        ({"metrics": []}, "at least 1 item"),
        ({"metrics": ["ROI"]}, "Input should be"),
        ({"metrics": ["CTR", "CTR"]}, "named"),
        ({"metrics": ["CTR"], "groupBy": ["clicks"]}, "named"),
        ({"metrics": ["CTR"], "clicks": "impressions"}, "named"),
        ({"metrics": ["CTR"], "clicks": "ctr"}, "named"),
    ],
)
def test_settings_that_make_no_sense_are_refused(given_: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        step("adMetrics", **given_)


@pytest.mark.parametrize(
    ("rows", "code"),
    [({"clicks": [1]}, "UNKNOWN_COLUMN"), ({"clicks": [1], "impressions": ["many"]}, "NOT_NUMERIC")],
)
def test_columns_that_hold_no_numbers_fail_the_job(rows: dict[str, list[Any]], code: str) -> None:
    with pytest.raises(JobFault, match=code):
        apply("adMetrics", rows, metrics=["CTR"])
