"""Conditions in SQL: which rows break them, what text takes part as, and what no expression may do."""

from datetime import UTC, date, datetime
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from headgate.errors import JobFault
from tests.pipelines.checks.harness import check, faults, findings_of, table_of

NOW = datetime(2024, 6, 15, 12, tzinfo=UTC)


def broken(sql: str, rows: dict[str, list[Any]]) -> list[tuple[int, str]]:
    """The rows that break a condition, with the code."""
    found = faults(check("expression", sql=sql), table_of(rows, now=NOW))
    return [(row, code) for row, _, code in found]


@pytest.mark.parametrize(
    ("sql", "rows", "bad"),
    [
        ("clicks <= impressions", {"clicks": ["5", "50", None, "7"], "impressions": ["10", "9", "1", "7.0"]}, [1]),
        ("clicks <= impressions", {"clicks": [5, 50, None], "impressions": [10, 9, 1]}, [1]),
        ("spend / clicks < 2", {"spend": ["3", "5"], "clicks": ["2", "2"]}, [1]),
        ('"Unit Price" * n = total', {"Unit Price": ["1.5"], "n": ["2"], "total": ["3"]}, []),
        ("zip = '01234'", {"zip": ["01234", "1234", None]}, [1]),
        ("zip = '12345'", {"zip": ["12345", "54321"]}, [1]),
        ("LENGTH(code) = 3", {"code": ["123", "1234"]}, [1]),
        ("code LIKE 'A%' OR code ILIKE 'b_'", {"code": ["A1", "B2", "b", "C3"]}, [2, 3]),
        ("code ~ '^[A-Z]+$'", {"code": ["AB", "ab"]}, [1]),
        ("first || ' ' || last <> 'Ann Lee'", {"first": ["Ann", "Bob"], "last": ["Lee", "Lee"]}, [0]),
        ("ends >= starts", {"starts": ["2024-01-01", "2024-01-02"], "ends": ["2024-01-01", "2024-01-01"]}, [1]),
        ("day >= '2024-01-01'", {"day": ["2023-12-31", "2024-01-01"]}, [0]),
        ("day >= DATE '2024-01-01'", {"day": [date(2023, 12, 31), date(2024, 1, 1)]}, [0]),
        ("day BETWEEN '2024-01-01' AND '2024-12-31'", {"day": ["2024-06-01", "2025-06-01"]}, [1]),
        ("at < '2024-01-01T12:00:00Z'", {"at": ["2024-01-01T11:00:00Z", "2024-01-01T12:00:00Z"]}, [1]),
        ("at < '2024-01-01T12:00:00Z'", {"at": [datetime(2024, 1, 1, 11, tzinfo=UTC), NOW]}, [1]),
        ("day <= CURRENT_DATE", {"day": ["2024-06-15", "2024-06-16"]}, [1]),
        ("EXTRACT(YEAR FROM day) = 2024", {"day": ["2024-06-15", "2023-06-16"]}, [1]),
        ("b <= a + INTERVAL '1 day'", {"a": ["2024-01-01"] * 2, "b": ["2024-01-02", "2024-01-03"]}, [1]),
        ("active OR spend = 0", {"active": ["true", "False"], "spend": ["1", "2"]}, [1]),
        ("active", {"active": [True, False, None]}, [1]),
        ("NOT active", {"active": [True, False, None]}, [0]),
        ("CASE WHEN kind = 'a' THEN n > 0 ELSE n = 0 END", {"kind": ["a", "b", "b"], "n": ["1", "1", "0"]}, [1]),
        ("COALESCE(a, b) > 0", {"a": [None, "1"], "b": ["0", "0"]}, [0]),
        ("status IN ('on', 'off')", {"status": ["on", "gone", None]}, [1]),
        ("n NOT IN (1, 2)", {"n": ["1", "3"]}, [0]),
        ("n IS NOT NULL", {"n": ["1", None]}, [1]),
        ("CAST(n AS INT) > 1", {"n": [1.5, 2.5]}, [0]),
        ("CAST(code AS INT) = 7", {"code": ["007", "x", "8"]}, [2]),
        ("n % 2 = 0 AND ABS(n) < 10 AND ROUND(n / 3, 1) <> 0.7", {"n": ["4", "2", "-12", "3"]}, [1, 2, 3]),
        ("empty > 0", {"empty": [None, None]}, []),
        ("UPPER(empty) = 'X' AND n > 0", {"empty": [None], "n": ["0"]}, [0]),
        ("n <> 0", {"n": []}, []),
        ("a > 0 -- b < 0", {"a": ["0"]}, [0]),
        ("DATE_TRUNC('month', day) = '2024-01-01'", {"day": ["2024-01-31", "2024-02-01"]}, [1]),
        ("b - a <= 30", {"a": ["2024-01-01"] * 2, "b": ["2024-01-31", "2024-02-01"]}, [1]),
        ("STRPOS(code, 'b') = 2", {"code": ["äb", "b"]}, [1]),
        ("LENGTH(a) - LENGTH(b) < 0", {"a": ["x", "xy"], "b": ["xy", "x"]}, [1]),
        ("a / 3.0 = 1 / 3.0", {"a": [1, 2]}, [1]),
        ("COALESCE(code, 'x') <> 'x'", {"code": ["7", None]}, [1]),
    ],
)  # fmt: skip
def test_rows_that_break_a_condition_are_found(sql: str, rows: dict[str, list[Any]], bad: list[int]) -> None:
    assert broken(sql, rows) == [(row, "EXPRESSION") for row in bad]


def test_a_value_that_is_not_what_most_of_its_column_are_is_of_the_wrong_type() -> None:
    rows = {
        "n": ["1", "2", "many", "4"],
        "day": ["soon", "2024-01-02", "2024-01-03", "2024-01-04"],
        "ok": ["true", "false", "true", "?"],
    }
    table = table_of(rows)
    assert faults(check("expression", sql="n < 4 OR day > '2024-01-01' OR ok"), table) == [
        (0, "day", "TYPE"),
        (2, "n", "TYPE"),
        (3, "ok", "TYPE"),
    ]


def test_a_broken_condition_names_its_column_where_it_has_only_one() -> None:
    table = table_of({"a": ["1"], "b": ["2"]})
    assert faults(check("expression", sql="a > 1"), table) == [(0, "a", "EXPRESSION")]
    assert faults(check("expression", sql="a > b"), table) == [(0, None, "EXPRESSION")]


def test_columns_that_are_not_there_are_findings() -> None:
    findings = findings_of(check("expression", sql="a > b AND c > d"), table_of({"a": ["1"], "c": ["1"]}))
    assert [(finding.code, finding.column) for finding in findings] == [
        ("MISSING_COLUMN", "b"),
        ("MISSING_COLUMN", "d"),
    ]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("a + b > 1", {"a": ["x"], "b": ["1"]}),
        ("a > 1", {"a": [[1]]}),
        ("a", {"a": ["1"]}),
    ],
)
def test_a_condition_that_its_columns_cannot_go_in_fails_the_job(
    sql: str, rows: dict[str, list[Any]]
) -> None:
    with pytest.raises(JobFault, match="INVALID_EXPRESSION") as fault:
        broken(sql, rows)
    assert fault.value.category == "CONFIG"
    assert "\n" not in fault.value.message


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("", "at least 1 character"),
        (" ", "give one expression"),
        ("a >", "unexpected '>' at line 1, column 3"),
        ("a\n> AND b", "at line 2"),
        ("a = 'x", "not an SQL expression"),
        ("a > 1 b", "not allowed"),
        ("a > 1; DROP TABLE x", "give one expression"),
        ("(SELECT 1) = a", "A subquery is not allowed"),
        ("a IN (SELECT 1)", "A subquery is not allowed"),
        ("EXISTS (SELECT * FROM read_csv('/etc/passwd'))", "not allowed"),
        ("a > 1 AND (SELECT x FROM read_parquet('s3://x')) > 1", "not allowed"),
        ("read_csv('/etc/passwd') = a", "The function READ_CSV is not allowed"),
        ("pg_sleep(5) = a", "The function pg_sleep is not allowed.*line 1, column 1"),
        ("a = 1 AND\n  pg_sleep(5) = 1", "line 2, column 3"),
        ("DATE_TRUNC('fortnight', a) = b", "fortnight"),
        ("SUM(a) > 1", "The function SUM is not allowed"),
        ("RANK() OVER (ORDER BY a) = 1", "not allowed"),
        ("a > $1", "not allowed"),
        ("t.a > 1", "not the name of a column"),
        ("* > 1", "SQL expression|not allowed"),
        ("CAST(a AS JSON) = 'x'", "can't be cast to JSON"),
        ("day > DATE '2024-02-30'", "can't be carried out"),
        ("a ~ '('", "unclosed group|can't be carried out"),
        ("a + 1", "neither true nor false"),
        ("'x'", "neither true nor false"),
        ("1 = 1", "names no column"),
        ("(" * 300 + "a" + ")" * 300 + " > 1", "nested too deeply"),
        ("a > 1 AND " * 250 + "a > 1", "at most 2000 characters"),
    ],
)
def test_what_is_not_a_condition_on_one_row_is_refused(sql: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        check("expression", sql=sql)


def test_a_name_that_looks_like_sql_is_only_a_name() -> None:
    evil = "\"; SELECT * FROM read_csv('/etc/passwd'); --"
    quoted = evil.replace('"', '""')
    assert broken(f'"{quoted}" > 1', {evil: ["1", "2"]}) == [(0, "EXPRESSION")]


def test_text_is_compared_as_it_is_spelled_whatever_it_holds() -> None:
    rows = {"a": ["it's", "a\\", 'say "x"', "--"]}
    assert broken("a IN ('it''s', 'a\\', 'say \"x\"', '--')", rows) == []


def test_a_condition_holds_in_every_block_of_a_longer_scan() -> None:
    rows = pl.DataFrame({"n": [str(number % 1000) for number in range(300_000)]})
    found = faults(check("expression", sql="n < 999"), table_of(rows))
    assert [row for row, _, _ in found] == list(range(999, 300_000, 1000))
