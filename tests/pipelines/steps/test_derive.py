"""Columns that expressions make."""

import math
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.steps.step import Effect
from tests.pipelines.steps.harness import Rows, apply, step, table_of

NOON = datetime(2024, 5, 17, 12, tzinfo=UTC)


def derived(sql: str, rows: Rows) -> list[Any]:
    """The values that an expression makes."""
    return apply("derive", rows, columns=[{"name": "out", "sql": sql}])["out"]


@pytest.mark.parametrize(
    ("sql", "rows", "values"),
    [
        ("spend * 0.85", {"spend": [100, None]}, [85.0, None]),
        ("a / 3.0", {"a": [1]}, [1 / 3]),
        ("a / b", {"a": [1, 0, 1, 5], "b": [0, 0, 2, None]}, [None, None, 0.5, None]),
        ("a % b", {"a": [5, 5], "b": [3, 0]}, [2, None]),
        ("1000.0 * spend / impressions", {"spend": ["5", "x", "7"], "impressions": ["1000", "1", "1"]}, [5.0, 7000.0]),
        ("SQRT(a)", {"a": [4.0, -1.0]}, [2.0, None]),
        ("LN(a)", {"a": [1.0, 0.0]}, [0.0, None]),
        ("LOG(2, a)", {"a": [8.0]}, [3.0]),
        ("POWER(a, -1)", {"a": [2, 0]}, [0.5, None]),
        ("ROUND(a, 1)", {"a": [1.26]}, [1.3]),
        ("TRUNC(a, 1)", {"a": [1.29]}, [1.2]),
        ("CAST(a AS INT) * 1000000", {"a": ["3000"]}, [3_000_000_000]),
        ("LENGTH(a) - LENGTH(b)", {"a": ["x"], "b": ["xyz"]}, [-2]),
        ("STRPOS(s, 'b')", {"s": ["äb", "x", "b", None]}, [2, 0, 1, None]),
        ("SPLIT_PART(s, '-', 2)", {"s": ["a-b-c", "a"]}, ["b", ""]),
        ("CONCAT(s, '/', n)", {"s": ["a", None], "n": [1, 2]}, ["a/1", "/2"]),
        ("s || '/' || n", {"s": ["a", None], "n": [1, 2]}, ["a/1", None]),
        ("TRIM(BOTH 'x' FROM s)", {"s": ["xaxbx"]}, ["axb"]),
        ("TRIM(LEADING 'x' FROM s)", {"s": ["xax"]}, ["ax"]),
        ("REGEXP_REPLACE(s, '[0-9]', '#', 'g')", {"s": ["a12"]}, ["a##"]),
        ("LPAD(s, 5, '0')", {"s": ["12"]}, ["00012"]),
        ("INITCAP(LOWER(s))", {"s": ["ANN LEE"]}, ["Ann Lee"]),
        ("COALESCE(s, 'none')", {"s": [None, "7"]}, ["none", "7"]),
        ("COALESCE(s, 'none')", {"s": pl.Series([None], dtype=pl.Null)}, ["none"]),
        ("CASE WHEN n > 1 THEN 'many' ELSE 'few' END", {"n": ["1", "2"]}, ["few", "many"]),
        ("CASE WHEN n > 1 THEN s ELSE 'few' END", {"n": [1, 2], "s": ["1", "2"]}, ["few", "2"]),
        ("EXTRACT(DAY FROM d) * 100", {"d": [date(2024, 1, 31)]}, [3100]),
        ("DATE_TRUNC('month', d)::date", {"d": ["2024-01-31"]}, [date(2024, 1, 1)]),
        ("DATE_TRUNC('hour', at)", {"at": [datetime(2024, 5, 17, 12, 34, tzinfo=UTC)]}, [NOON]),
        ("TO_CHAR(d, 'YYYY-MM')", {"d": [date(2024, 1, 31)]}, ["2024-01"]),
        ("b - a", {"a": [date(2024, 1, 1)], "b": ["2024-03-01"]}, [60]),
        ("CURRENT_DATE - a", {"a": [None]}, [None]),
        ("EXTRACT(EPOCH FROM (b - a)) / 60", {"a": [NOON], "b": [NOON.replace(hour=13)]}, [60.0]),
        ("d + INTERVAL '1 day'", {"d": [date(2024, 2, 28)]}, [date(2024, 2, 29)]),
        ("CAST(d AS DATE)", {"d": pl.Series(["2024-01-31", "soon"], dtype=pl.Categorical)}, [date(2024, 1, 31), None]),
        ("CAST(SUBSTRING(d, 1, 10) || 'x' AS INT)", {"d": ["2024"]}, [None]),
        ("CAST(CAST(s AS INT) AS TEXT)", {"s": ["x"]}, [None]),
        ("a", {"a": [NOON]}, [NOON]),
        ("a > 1 OR b", {"a": [1], "b": [True]}, [True]),
        ("small * 100", {"small": pl.Series([100], dtype=pl.Int8)}, [10_000]),
        ("price * 2", {"price": [Decimal("1.10")]}, [Decimal("2.20")]),
        ("m.clicks / m.impressions", {"m": [{"clicks": "1", "impressions": 4}, None]}, [0.25, None]),
        ("COALESCE(n, m.a.b)", {"n": [None, 3], "m": [{"a": {"b": 2}}, {"a": None}]}, [2, 3]),
        ("COALESCE(n, m.other)", {"n": [1], "m": [{"a": 2}]}, [1]),
        ("COALESCE(CAST(n AS TEXT), CAST(m.id AS TEXT))", {"n": [None, "07"], "m": [{"id": "10"}] * 2}, ["10", "07"]),
        ("m.a", {"m.a": [5]}, [5]),
        ("m.a", {"m": pl.Series([None], dtype=pl.String)}, [None]),
        ("1", {"a": [5, 6]}, [1, 1]),
        ("'x'", {"a": []}, []),
    ],
)  # fmt: skip
def test_a_column_holds_what_its_expression_makes(sql: str, rows: Rows, values: list[Any]) -> None:
    assert derived(sql, rows) == values


def test_a_later_expression_uses_what_an_earlier_one_made() -> None:
    columns = [
        {"name": "net", "sql": "spend * 0.5"},
        {"name": "spend", "sql": "net + 1"},
        {"name": "double", "sql": "spend * 2"},
    ]
    applied = apply("derive", {"spend": [10.0], "x": ["a"]}, columns=columns)
    assert applied.rows == [{"spend": 6.0, "x": "a", "net": 5.0, "double": 12.0}]


def test_columns_that_are_not_there_are_null_where_that_is_wanted() -> None:
    columns = [{"name": "spend", "sql": "COALESCE(spend, cost, metrics.cost / 10)"}]
    assert apply("derive", {"cost": [5]}, columns=columns, missingAsNull=True)["spend"] == [5]
    assert apply("derive", {"x": ["a"]}, columns=columns, missingAsNull=True)["spend"] == [None]
    nested = {"metrics": [{"cost": "50"}]}
    assert apply("derive", nested, columns=columns, missingAsNull=True)["spend"] == [5.0]


def test_text_of_which_the_first_rows_know_nothing_stays_text() -> None:
    rows = pl.DataFrame({"a": [None] * 2000 + ["x"], "b": [None] * 2000 + ["y"]})
    assert derived("COALESCE(a, b)", rows)[-1] == "x"


def test_text_is_read_as_numbers_only_where_no_expression_takes_it_for_text() -> None:
    columns = [
        {"name": "a", "sql": "n + m"},
        {"name": "b", "sql": "m || 'x'"},
        {"name": "c", "sql": "a || 'x'"},
    ]
    deriving = step("derive", columns=columns)
    assert list(deriving.reads(table_of({"n": ["1"], "m": ["2"], "a": ["3"]}))) == ["n"]
    applied = apply("derive", {"n": ["1", "2", "2"], "m": ["2", "2", "-"]}, columns=columns[:2])
    assert (applied["a"], applied["b"]) == ([3.0, 4.0, None], ["2x", "2x", "-x"])


def test_all_rows_are_kept_and_each_is_made_by_itself() -> None:
    deriving = step("derive", columns=[{"name": "a", "sql": "b"}])
    assert (deriving.effect, deriving.sees_all) == (Effect.KEEPS, False)


numbers = st.none() | st.floats(-1e6, 1e6) | st.integers(-1000, 1000).map(float)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=30))
def test_arithmetic_is_that_of_python_with_null_where_python_divides_by_zero(
    pairs: list[tuple[float | None, float | None]],
) -> None:
    rows = pl.DataFrame(pairs, schema={"a": pl.Float64, "b": pl.Float64}, orient="row")
    for made, (a, b) in zip(derived("(a + b) * 2 - a / b", rows), pairs, strict=True):
        if a is None or b is None or b == 0 or not math.isfinite(a / b):
            assert made is None
        else:
            assert made == (a + b) * 2 - a / b


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ([], "at least 1 item"),
        ([{"name": "", "sql": "a"}], "at least 1 character"),
        ([{"name": "*", "sql": "a"}], "can't name a column"),
        ([{"name": "__headgate_row__", "sql": "a"}], "can't name a column"),
        ([{"name": "x", "sql": "a"}, {"name": "X", "sql": "a"}], "named twice"),
        ([{"name": "x", "sql": "a +"}], "line 1, column 3"),
        (
            [{"name": "x", "sql": "a + read_csv('/etc/passwd')"}],
            r"READ_CSV is not allowed .*line 1, column 5",
        ),
        ([{"name": "x", "sql": "COUNT(*)"}], "COUNT is not allowed"),
        ([{"name": "x", "sql": "SUM(a) OVER ()"}], "not allowed"),
        ([{"name": "x", "sql": "a AS b"}], "not allowed"),
        ([{"name": "x", "sql": "*"}], "not allowed|SQL expression"),
        ([{"name": "x", "sql": "DATE_TRUNC('fortnight', a)"}], "fortnight|FORTNIGHT"),
        ([{"name": "x", "sql": r"REGEXP_REPLACE(a, '(b)', '\1')"}], "parts of what was found"),
        ([{"name": "x", "sql": "ROUND(a, b)"}], "can't be carried out"),
        ([{"name": "x", "sql": "a" + "::int" * 100}], "nested too deeply"),
        ([{"name": "x", "sql": "POWER(" * 30 + "a" + ", 2)" * 30}], "nested too deeply"),
        ([{"name": "x", "sql": "a" + " + a" * 400}], "chains more than 250 parts"),
        ([{"name": "x", "sql": "STRPOS(CAST(STRPOS(a, 'b') AS TEXT), 'c')"}], "can't stand within itself"),
        ([{"name": "x", "sql": "TRIM(BOTH LOWER(a) FROM b)"}], "takes a text or a column"),
    ],
)
def test_columns_that_nothing_can_make_are_refused(columns: list[dict[str, str]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        step("derive", columns=columns)


@pytest.mark.parametrize(
    ("name", "sql", "code"),
    [
        ("x", "b", "UNKNOWN_COLUMN"),
        ("x", "b.c", "UNKNOWN_COLUMN"),
        ("A", "1", "COLUMN_EXISTS"),
        ("x", "a ~ 'x'", "INVALID_EXPRESSION"),
        ("x", "LENGTH(LENGTH(a))", "INVALID_EXPRESSION"),
    ],
)
def test_an_expression_that_the_columns_cannot_go_in_fails_the_job(name: str, sql: str, code: str) -> None:
    with pytest.raises(JobFault, match=code) as fault:
        apply("derive", {"a": [1]}, columns=[{"name": name, "sql": sql}])
    assert fault.value.category == "CONFIG"
    assert "\n" not in fault.value.message
