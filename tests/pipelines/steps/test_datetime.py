"""Dates and moments are read, moved to other time zones, and taken apart."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from tests.pipelines.steps.harness import Applied, apply, step

BERLIN = ZoneInfo("Europe/Berlin")
MOMENTS = st.datetimes(datetime(1950, 1, 1), datetime(2037, 12, 31))


def read(values: Any, **settings: Any) -> Applied:
    return apply("datetime", {"x": values}, columns=["x"], **settings)


@pytest.mark.parametrize(
    ("texts", "settings", "expected"),
    [
        (["2024-12-31", None], {}, [date(2024, 12, 31), None]),
        (
            ["2024-12-31T23:59", "2024-12-31T01:02:03", "2024-01-01"],
            {},
            [datetime(2024, 12, 31, 23, 59), datetime(2024, 12, 31, 1, 2, 3), datetime(2024, 1, 1)],
        ),
        (["2024-12-31T23:59:00+01:00"], {}, [datetime(2024, 12, 31, 22, 59, tzinfo=UTC)]),
        (["31.12.2024"], {"format": "%d.%m.%Y"}, [date(2024, 12, 31)]),
        (["31.12.2024 7:05"], {"format": "%d.%m.%Y %H:%M"}, [datetime(2024, 12, 31, 7, 5)]),
        (["0"], {"format": "%s"}, [datetime(1970, 1, 1)]),
        (["2024-07-01"], {"fromTimezone": "Europe/Berlin"}, [datetime(2024, 6, 30, 22, tzinfo=UTC)]),
        (["2024-07-01T00:00Z"], {"fromTimezone": "Europe/Berlin"}, [datetime(2024, 7, 1, tzinfo=UTC)]),
        ([date(2024, 7, 1)], {"toTimezone": "Europe/Berlin"}, [datetime(2024, 7, 1, 2, tzinfo=BERLIN)]),
        ([datetime(2024, 7, 1)], {}, [datetime(2024, 7, 1)]),
        ([None, None], {}, [None, None]),
        (pl.Series([None], dtype=pl.String), {"toTimezone": "UTC"}, [None]),
        (pl.Series([], dtype=pl.Date), {"toTimezone": "UTC"}, []),
    ],
)
def test_moments_are_read(texts: Any, settings: dict[str, Any], expected: list[Any]) -> None:
    result = read(texts, **settings)
    assert (result["x"], result.rejected) == (expected, [])


def test_a_text_that_spells_no_moment_rejects_its_row() -> None:
    result = read(["2024-12-31", "2024-02-30", "soon", None])
    assert (result["x"], result.rejected) == (
        [date(2024, 12, 31), None],
        [(1, "x", "TYPE"), (2, "x", "TYPE")],
    )


def test_an_hour_that_is_there_twice_is_the_first_and_one_that_is_skipped_is_none() -> None:
    result = read(["2024-10-27T02:30", "2024-03-31T02:30"], fromTimezone="Europe/Berlin")
    assert (result["x"], result.rejected) == ([datetime(2024, 10, 27, 0, 30, tzinfo=UTC)], [(1, "x", "TYPE")])


@given(st.lists(MOMENTS))
def test_moments_are_moved_and_taken_apart_as_in_plain_python(moments: list[datetime]) -> None:
    texts = pl.Series([moment.isoformat(timespec="microseconds") for moment in moments], dtype=pl.String)
    parts = [
        "YEAR",
        "QUARTER",
        "MONTH",
        "WEEK",
        "DAY",
        "WEEKDAY",
        "DAY_OF_YEAR",
        "HOUR",
        "MINUTE",
        "SECOND",
        "DATE",
        "TIME",
    ]
    result = read(texts, fromTimezone="UTC", toTimezone="Europe/Berlin", parts=parts)
    there = [moment.replace(tzinfo=UTC).astimezone(BERLIN) for moment in moments]
    assert result["x"] == there
    expected = [
        {
            **{"x_year": moment.year, "x_quarter": (moment.month + 2) // 3, "x_month": moment.month},
            **{"x_week": moment.isocalendar().week, "x_day": moment.day, "x_weekday": moment.isoweekday()},
            "x_day_of_year": (moment.date() - date(moment.year, 1, 1)) // timedelta(days=1) + 1,
            **{"x_hour": moment.hour, "x_minute": moment.minute, "x_second": moment.second},
            **{"x_date": moment.date(), "x_time": moment.time()},
        }
        for moment in there
    ]
    assert result.frame.drop("x").to_dicts() == expected


def test_a_day_has_an_hour_too() -> None:
    result = read([date(2024, 2, 29), None], parts=["HOUR", "TIME", "WEEKDAY"])
    assert result.rows == [
        {"x": date(2024, 2, 29), "x_hour": 0, "x_time": time(0), "x_weekday": 4},
        {"x": None, "x_hour": None, "x_time": None, "x_weekday": None},
    ]


def test_what_is_neither_text_nor_date_and_a_name_that_is_taken_are_refused() -> None:
    with pytest.raises(JobFault, match="NOT_TEMPORAL"):
        read([5])
    with pytest.raises(JobFault, match="COLUMN_EXISTS"):
        apply("datetime", {"x": ["2024-01-01"], "X_year": [1]}, columns=["x"], parts=["YEAR"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"format": "%H:%M"}, "no format that tells a day"),
        ({"format": "%Q"}, "no format that tells a day"),
        ({"toTimezone": "Berlin"}, "there is no time zone 'Berlin'"),
        ({"fromTimezone": ""}, "at least 1"),
        ({"parts": ["YEAR", "YEAR"]}, "named twice"),
        ({"parts": ["CENTURY"]}, "'YEAR', 'QUARTER'"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        step("datetime", columns=["x"], **settings)
