"""Queries over all rows, whose outcome keeps the numbers of the rows."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.steps.step import Effect
from tests.pipelines.steps.harness import Applied, Rows, apply, step, table_of

SALES = {
    "k": ["b", "a", "b", None, "a", "c"],
    "x": [1, 2, 3, 4, None, 6],
    "y": [1.0, 2.0, 0.5, 1.0, 2.0, 3.0],
}
TOTALS = """
    WITH a AS (SELECT k, SUM(x) AS s FROM input GROUP BY k), b AS (SELECT * FROM a WHERE s > 2)
    SELECT k FROM b
"""
NEWEST = "SELECT k, ROW_NUMBER() OVER (PARTITION BY k ORDER BY y DESC) AS n FROM input QUALIFY n = 1"
REPEATED = "SELECT x FROM input WHERE k IN (SELECT k FROM input GROUP BY k HAVING COUNT(*) > 1) AND x > 1"
NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)


def queried(query: str, rows: Rows = SALES) -> Applied:
    """What a query makes of rows."""
    return apply("sql", rows, query=query)


@pytest.mark.parametrize(
    ("query", "rows", "indexes"),
    [
        ("SELECT * FROM input WHERE x > 3", [("_", 4, 1.0), ("c", 6, 3.0)], [3, 5]),
        ("SELECT x * 2 AS d, k FROM input WHERE k = 'b'", [(2, "b"), (6, "b")], [0, 2]),
        ("SELECT k FROM input ORDER BY x DESC NULLS LAST LIMIT 2", [("c",), ("_",)], [5, 3]),
        ("SELECT k FROM input ORDER BY x DESC LIMIT 1 OFFSET 1", [("c",)], [5]),
        ("SELECT k, SUM(x) AS s FROM input GROUP BY k", [("b", 4), ("a", 2), ("_", 4), ("c", 6)], [0, 1, 3, 5]),
        ("SELECT k, SUM(x) AS s FROM input GROUP BY k HAVING COUNT(*) > 1 ORDER BY s", [("a", 2), ("b", 4)], [1, 0]),
        ("SELECT COUNT(*) AS n, COUNT(x) AS m, COUNT(DISTINCT k) AS d FROM input", [(6, 5, 3)], [0]),
        ("SELECT COUNT(*) AS n FROM input WHERE x > 100", [], []),
        ("SELECT DISTINCT k FROM input", [("b",), ("a",), ("_",), ("c",)], [0, 1, 3, 5]),
        ("SELECT DISTINCT input.k FROM input ORDER BY input.k DESC LIMIT 2", [("_",), ("c",)], [3, 5]),
        ("WITH a AS (SELECT DISTINCT k FROM input) SELECT DISTINCT k FROM a WHERE k < 'c'", [("b",), ("a",)], [0, 1]),
        (TOTALS, [("b",), ("_",), ("c",)], [0, 3, 5]),
        (NEWEST, [("b", 1), ("a", 1), ("_", 1), ("c", 1)], [0, 1, 3, 5]),
        ("SELECT x FROM input WHERE x > (SELECT AVG(x) FROM input)", [(4,), (6,)], [3, 5]),
        (REPEATED, [(2,), (3,)], [1, 2]),
        ("SELECT t.x FROM (SELECT * FROM input) AS t WHERE t.y > 2", [(6,)], [5]),
        ("SELECT SUM(y) / SUM(x - x) AS r FROM input", [("_",)], [0]),
        ("SELECT x / 3.0 AS r FROM input LIMIT 1", [(1 / 3,)], [0]),
    ],
)  # fmt: skip
def test_a_query_makes_rows_that_know_which_they_were(
    query: str, rows: list[tuple[Any, ...]], indexes: list[int]
) -> None:
    applied = queried(query)
    assert [tuple("_" if cell is None else cell for cell in row) for row in applied.frame.rows()] == rows
    assert applied.indexes == indexes


def test_text_is_typed_where_more_is_done_than_to_take_it_along() -> None:
    query = "SELECT zip, SUM(n) AS n, MAX(day) AS last FROM input WHERE day >= '2024-01-01' GROUP BY zip"
    rows = {
        "zip": ["1", "1.0", "1"],
        "n": ["1", "2", "3.5"],
        "day": ["2024-01-01", "2024-01-02", "2024-02-01"],
    }
    assert list(step("sql", query=query).reads(table_of(rows))) == ["n", "day"]
    assert queried(query, rows).rows == [
        {"zip": "1", "n": 4.5, "last": date(2024, 2, 1)},
        {"zip": "1.0", "n": 2.0, "last": date(2024, 1, 2)},
    ]


def test_moments_with_a_zone_are_compared_and_come_out_with_it() -> None:
    rows = {"at": [NOON, NOON.replace(hour=13)]}
    query = "SELECT at, DATE_TRUNC('day', at) AS day FROM input WHERE at > '2024-05-17T12:30:00Z'"
    assert queried(query, rows).rows == [{"at": NOON.replace(hour=13), "day": NOON.replace(hour=0)}]


def test_rows_are_merged_by_groups_and_filtered_without() -> None:
    assert step("sql", query="SELECT x FROM input").effect is Effect.FILTERS
    assert step("sql", query="SELECT DISTINCT x FROM input").effect is Effect.MERGES
    assert not step("sql", query="SELECT x FROM input WHERE x > 1").sees_all
    assert step("sql", query="SELECT x FROM input LIMIT 1").sees_all


@given(st.lists(st.tuples(st.sampled_from(["p", "q", None]), st.none() | st.integers(-9, 9)), max_size=25))
def test_groups_are_those_that_python_makes(rows: list[tuple[str | None, int | None]]) -> None:
    frame = pl.DataFrame(rows, schema={"k": pl.String, "x": pl.Int64}, orient="row")
    query = "SELECT k, SUM(x) AS s, COUNT(x) AS n, MIN(x) AS low FROM input WHERE x <> 0 GROUP BY k"
    groups: dict[str | None, list[int]] = {}
    first: dict[str | None, int] = {}
    for number, (key, value) in enumerate(rows):
        if value:
            groups.setdefault(key, []).append(value)
            first.setdefault(key, number)
    applied = queried(query, frame)
    assert applied.frame.rows() == [(key, sum(of), len(of), min(of)) for key, of in groups.items()]
    assert applied.indexes == list(first.values())


def test_a_query_that_reads_another_table_is_refused_with_its_place() -> None:
    with pytest.raises(ValidationError, match=r"no table users .*line 1, column 15"):
        step("sql", query="SELECT * FROM users")
    with pytest.raises(ValidationError, match="at most 10000 characters"):
        step("sql", query="SELECT x FROM input" + " " * 10_000)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT z FROM input",
        "SELECT SUM(k) / 2 AS s FROM input",
        "SELECT k, x FROM input GROUP BY k",
        "SELECT *, 1 AS K FROM input",
    ],
)
def test_a_query_that_the_columns_cannot_go_in_fails_the_job(query: str) -> None:
    with pytest.raises(JobFault, match="INVALID_QUERY") as fault:
        queried(query)
    assert fault.value.category == "CONFIG"
    assert query in fault.value.message
