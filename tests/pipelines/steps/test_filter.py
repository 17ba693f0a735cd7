"""Rows are kept where a condition is true of them, and left out where it is false or null."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.steps.step import Effect
from tests.pipelines.steps.harness import apply, step, table_of

JANUARY, FEBRUARY = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC)
DAY, LAST = date(2024, 1, 1), date(2024, 1, 31)


@pytest.mark.parametrize(
    ("sql", "rows", "kept"),
    [
        ("n > 1", {"n": [1, 2, None]}, [1]),
        ("n > 1", {"n": ["1", "2", None]}, [1]),
        ("status <> 'PAUSED'", {"status": ["ACTIVE", "PAUSED", None]}, [0]),
        ("cost / clicks < 2", {"cost": [3, 3, 3], "clicks": [2, 1, 0]}, [0]),
        ("day >= '2024-02-01'", {"day": ["2024-01-31", "2024-02-01"]}, [1]),
        ("at >= '2024-02-01T00:00:00Z'", {"at": [FEBRUARY, JANUARY]}, [0]),
        ("NOT active", {"active": [True, False, None]}, [1]),
        ("zip = '01234'", {"zip": ["01234", "1234"]}, [0]),
        ("UPPER(code) LIKE 'A%'", {"code": ["abc", "bcd"]}, [0]),
        ("code IN ('a', 'b') OR code IS NULL", {"code": ["a", "c", None]}, [0, 2]),
        ("DATE_TRUNC('month', a) = DATE_TRUNC('month', b)", {"a": [DAY] * 2, "b": [LAST, date(2024, 2, 1)]}, [0]),
        ("b - a > 30", {"a": [DAY] * 2, "b": [LAST, date(2024, 2, 1)]}, [1]),
        ("empty > 1 OR n = 1", {"empty": [None, None], "n": [1, 2]}, [0]),
        ("n > 1", {"n": []}, []),
    ],
)  # fmt: skip
def test_rows_of_which_the_condition_is_true_are_kept(
    sql: str, rows: dict[str, list[Any]], kept: list[int]
) -> None:
    assert apply("filter", rows, sql=sql).indexes == kept


@given(st.lists(st.tuples(st.none() | st.integers(-5, 5), st.none() | st.integers(-5, 5)), max_size=30))
def test_the_same_rows_are_kept_as_by_hand(pairs: list[tuple[int | None, int | None]]) -> None:
    rows = {"a": [a for a, _ in pairs] + [0], "b": [b for _, b in pairs] + [0]}
    expected = [
        number
        for number, (a, b) in enumerate(zip(rows["a"], rows["b"], strict=True))
        if a is not None and b is not None and b != 0 and a / b > 0.5
    ]
    assert apply("filter", rows, sql="a / b > 0.5").indexes == expected


def test_columns_that_are_compared_as_numbers_are_read_as_such() -> None:
    filtering = step("filter", sql="n > 1 AND code = '7' AND name LIKE 'x%'")
    assert list(filtering.reads(table_of({"n": ["1"], "code": ["7"], "name": ["x"]}))) == ["n"]
    applied = apply("filter", {"n": ["1", "many", "3", "4"]}, sql="n > 1")
    assert (applied.indexes, applied.rejected) == ([2, 3], [(1, "n", "TYPE")])


def test_rows_that_it_leaves_out_are_filtered_and_each_is_judged_by_itself() -> None:
    filtering = step("filter", sql="n > 1")
    assert (filtering.effect, filtering.sees_all) == (Effect.FILTERS, False)


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("n +", "line 1, column 3"),
        ("n > 1 AND\n  pg_sleep(5) > 1", r"pg_sleep is not allowed .*line 2, column 3"),
        ("n > (SELECT 1)", "A subquery is not allowed"),
        ("SUM(n) > 1", r"SUM is not allowed .*line 1, column 1"),
        ("n + 1", "neither true nor false"),
        ("CAST(n AS JSON) = 'x'", "can't be cast to JSON"),
    ],
)
def test_what_is_no_condition_is_refused_with_its_place(sql: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        step("filter", sql=sql)


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("m > 1", "UNKNOWN_COLUMN"),
        ("n", "INVALID_EXPRESSION"),
        ("n ~ 'x'", "INVALID_EXPRESSION"),
        ("n + LENGTH(n) > 1", "INVALID_EXPRESSION"),
    ],
)
def test_a_condition_that_the_columns_cannot_go_in_fails_the_job(sql: str, code: str) -> None:
    with pytest.raises(JobFault, match=code) as fault:
        apply("filter", {"n": [1]}, sql=sql)
    assert fault.value.category == "CONFIG"
    assert sql[0] in fault.value.message
