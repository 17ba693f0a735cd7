"""Checks of the values of a column: what passes, what fails, and that null always passes."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.pipelines.checks.registry import check_kinds
from tests.pipelines.checks.harness import check, failing, findings_of, suggestions, table_of

NOT_A_NUMBER = [
    "",
    " ",
    "abc",
    "NaN",
    "inf",
    "-inf",
    "1,5",
    "1_000",
    "0x10",
    " 5",
    "5 ",
    "1e",
    "--1",
    "1E400",
]


def test_numbers_in_text_are_told_from_what_only_looks_like_one() -> None:
    good = ["0", "05", "+5", "-0.25", ".5", "5.", "1e3", "1E-3", "9" * 30, None]
    assert failing("numeric", [*good, *NOT_A_NUMBER]) == dict.fromkeys(NOT_A_NUMBER, "TYPE")


@pytest.mark.parametrize(
    ("values", "bad"),
    [
        (pl.Series([1, None, -5]), []),
        (pl.Series([1.5, float("inf"), None]), [float("inf")]),
        (pl.Series([Decimal("1.5"), None]), []),
        (pl.Series([True, None]), [True]),
        (pl.Series([date(2024, 1, 1), None]), [date(2024, 1, 1)]),
        (pl.Series(["1", "x", None], dtype=pl.Categorical()), ["x"]),
    ],
)
def test_typed_values_are_numeric_where_their_type_is_and_they_are_finite(
    values: pl.Series, bad: list[Any]
) -> None:
    assert failing("numeric", values) == dict.fromkeys(bad, "TYPE")


@pytest.mark.parametrize(
    ("settings", "values", "bad"),
    [
        (
            {"min": 0},
            ["-1", "0", "1", "-0.5", "1e9", "x", None],
            {"-1": "RANGE", "-0.5": "RANGE", "x": "TYPE"},
        ),
        (
            {"max": 10},
            ["9", "10", "010", "10.5", "100", "NaN"],
            {"10.5": "RANGE", "100": "RANGE", "NaN": "TYPE"},
        ),
        ({"min": 0, "exclusiveMin": True}, [0, 1, None], {0: "RANGE"}),
        ({"max": 1, "exclusiveMax": True}, [0.5, 1.0, 2.0], {1.0: "RANGE", 2.0: "RANGE"}),
        ({"max": 2**53}, [2**53, 2**53 + 1], {2**53 + 1: "RANGE"}),
        ({"max": 2**53}, ["9007199254740992", "9007199254740993"], {"9007199254740993": "RANGE"}),
        ({"min": 2**63}, pl.Series([2**63 - 1, 2**63], dtype=pl.UInt64), {2**63 - 1: "RANGE"}),
        ({"min": -1e300, "max": 1e300}, [2**62, -(2**62)], {}),
        ({"min": 0.5}, pl.Series([Decimal("0.4"), Decimal("0.5")]), {Decimal("0.4"): "RANGE"}),
        ({"min": 0}, [True], {True: "TYPE"}),
        ({"min": 0}, [float("nan")], None),
        (
            {"min": "2024-01-01", "max": "2024-12-31"},
            ["2023-12-31", "2024-01-01", "2024-12-31T23:59:59Z", "2025-01-01T00:00:00", "soon", None],
            {"2023-12-31": "RANGE", "2025-01-01T00:00:00": "RANGE", "soon": "TYPE"},
        ),
        (
            {"max": "2024-01-01T12:00:00Z"},
            ["2024-01-01", "2024-01-01T13:00+01:00", "2024-01-01T12:00:01"],
            {"2024-01-01T12:00:01": "RANGE"},
        ),
        ({"min": "2024-01-02"}, [date(2024, 1, 1), date(2024, 1, 2)], {date(2024, 1, 1): "RANGE"}),
        (
            {"min": "2024-01-01T12:00:00Z"},
            [datetime(2024, 1, 1, 11, tzinfo=UTC), datetime(2024, 1, 1, 12, tzinfo=UTC)],
            {datetime(2024, 1, 1, 11, tzinfo=UTC): "RANGE"},
        ),
        ({"min": "2024-01-02"}, [20240103], {20240103: "TYPE"}),
    ],
)
def test_ranges_bound_numbers_dates_and_moments(
    settings: dict[str, Any], values: list[Any] | pl.Series, bad: dict[Any, str] | None
) -> None:
    found = failing("range", values, **settings)
    assert list(found.values()) == ["TYPE"] if bad is None else found == bad


@settings(max_examples=40)
@given(
    st.lists(st.one_of(st.integers(-(2**63), 2**63 - 1), st.none()), min_size=1),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**63),
    st.booleans(),
)
def test_a_range_finds_just_the_integers_outside_as_text_and_typed(
    values: list[int | None], low: int, width: int, as_text: bool
) -> None:
    high = low + width
    outside = {value: "RANGE" for value in values if value is not None and not low <= value <= high}
    cells: Any = [None if value is None else str(value) for value in values] if as_text else values
    series = pl.Series(cells, dtype=pl.String if as_text else pl.Int64)
    found = failing("range", series, min=low, max=high)
    assert {int(value): code for value, code in found.items()} == outside


@pytest.mark.parametrize(
    ("settings", "values", "bad"),
    [
        ({"min": 2, "max": 3}, ["", "a", "äö", "日本語", "abcd", None], ["", "a", "abcd"]),
        ({"max": 2}, [1, 12, 123, None], [123]),
        ({"min": 2}, [True, None], []),
        ({"min": 11}, [date(2024, 1, 1)], [date(2024, 1, 1)]),
    ],
)
def test_lengths_count_characters(settings: dict[str, Any], values: list[Any], bad: list[Any]) -> None:
    assert failing("length", values, **settings) == dict.fromkeys(bad, "LENGTH")


@pytest.mark.parametrize("dtype", [pl.List(pl.Int64), pl.Array(pl.Int64, 2)])
def test_the_length_of_a_list_is_that_of_its_items(dtype: pl.DataType) -> None:
    table = table_of(pl.DataFrame({"x": pl.Series([[1, 2], None], dtype=dtype)}))
    rule, *_ = check("length", columns=["x"], max=1).rules(table)
    assert table.frame.select(rule.fails).collect().to_series().to_list() == [True, None]  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("regex", "values", "bad"),
    [
        ("[a-z]+", ["abc", "abc1", "1abc", "abc\n", "", None], ["abc1", "1abc", "abc\n", ""]),
        ("a|b", ["a", "b", "ab"], ["ab"]),
        (r"\d{5}", [12345, 123, None], [123]),
        ("(?i)x", ["x", "X", "y"], ["y"]),
        ("(a*)*b", ["a" * 5_000, "aab"], ["a" * 5_000]),
    ],
)
def test_a_pattern_has_to_match_the_whole_value(regex: str, values: list[Any], bad: list[Any]) -> None:
    assert failing("pattern", values, regex=regex) == dict.fromkeys(bad, "PATTERN")


@pytest.mark.parametrize(
    ("settings", "values", "bad"),
    [
        ({"values": ["a", "b"]}, ["a", "A", "b ", "", None], ["A", "b ", ""]),
        ({"values": ["Straße"], "ignoreCase": True}, ["STRAßE", "straße", "strasse"], ["strasse"]),
        ({"values": [1, 2.5]}, ["1", "1.0", "01", "2.50", "3", "x"], ["3", "x"]),
        ({"values": [1, 2]}, [1, 2, 3, None], [3]),
        ({"values": [2**63 - 1]}, [2**63 - 1, 2**63 - 2], [2**63 - 2]),
        ({"values": [1]}, [1.0, 1.5], [1.5]),
        ({"values": ["1"]}, [1, 2], [2]),
        ({"values": [True]}, [True, False, None], [False]),
        ({"values": [True, 1]}, ["true", "1", "yes"], ["yes"]),
        ({"values": ["2024-01-01"]}, [date(2024, 1, 1), date(2024, 1, 2)], [date(2024, 1, 2)]),
    ],
)
def test_only_listed_values_pass(settings: dict[str, Any], values: list[Any], bad: list[Any]) -> None:
    assert failing("oneOf", values, **settings) == dict.fromkeys(bad, "ENUM")


def test_required_tells_blanks_from_values_unless_they_are_allowed() -> None:
    assert failing("required", ["a", "", " \t", None]) == dict.fromkeys(["", " \t", None], "REQUIRED")
    assert failing("required", ["a", "", None], allowBlank=True) == {None: "REQUIRED"}
    assert failing("required", [1, 0, None]) == {None: "REQUIRED"}


@pytest.mark.parametrize(
    ("kind", "settings", "proposed"),
    [
        ("numeric", {}, {"1,234.50": "1234.5", " 12 ": "12", "12 €": "12", "1,234": None, "abc": None}),
        ("range", {"min": 0}, {"1.234,5": "1234.5", "x": None}),
        ("range", {"min": "2024-01-01"}, {"31.12.2024": "2024-12-31", "01/02/2024": None}),
        ("pattern", {"regex": "[A-Z]+"}, {" ABC ": "ABC", "abc": None}),
        ("oneOf", {"values": ["active", "paused"]}, {"actve": "active", "PAUSED ": "paused", "gone": None}),
    ],
)
def test_faulty_values_come_with_what_was_plainly_meant(
    kind: str, settings: dict[str, Any], proposed: dict[str, str | None]
) -> None:
    assert suggestions(kind, list(proposed), **settings) == proposed


COLUMN_KINDS = ["required", "numeric", "range", "length", "pattern", "oneOf", "type", "date", "email", "url"]


@pytest.mark.parametrize("kind", COLUMN_KINDS)
def test_a_column_that_is_not_there_is_a_finding(kind: str) -> None:
    example = check_kinds()[kind].example | {"columns": ["gone"], "severity": "WARNING", "name": "mine"}
    (finding,) = findings_of(check(kind, **example), table_of({"x": ["1"]}))
    assert (finding.code, finding.column, finding.check) == ("MISSING_COLUMN", "gone", "mine")
    assert finding.severity == "WARNING"


@pytest.mark.parametrize(
    ("kind", "settings", "where", "message"),
    [
        ("required", {"columns": []}, "columns", "at least 1 item"),
        ("numeric", {"columns": ["a"], "colour": 1}, "colour", "Extra inputs"),
        ("range", {"columns": ["a"]}, "", "give min, max or both"),
        ("range", {"columns": ["a"], "min": 2, "max": 1}, "", "no value lies between"),
        ("range", {"columns": ["a"], "min": 1, "max": 1, "exclusiveMax": True}, "", "no value lies between"),
        ("range", {"columns": ["a"], "min": 1, "max": "2024-01-01"}, "", "both numbers, or both dates"),
        ("range", {"columns": ["a"], "min": "soon"}, "min", "'soon' is no date"),
        ("range", {"columns": ["a"], "min": True}, "min", "finite number"),
        ("range", {"columns": ["a"], "min": 10**400}, "min", "finite number"),
        ("range", {"columns": ["a"], "max": float("nan")}, "max", "finite number"),
        ("length", {"columns": ["a"], "min": -1}, "min", "greater than or equal to 0"),
        ("length", {"columns": ["a"], "min": 3, "max": 2}, "", "above max"),
        ("pattern", {"columns": ["a"], "regex": "(a"}, "regex", "unclosed group"),
        ("pattern", {"columns": ["a"], "regex": "a)|(b"}, "regex", "unopened group"),
        ("pattern", {"columns": ["a"], "regex": "(?=a)"}, "regex", "look-around"),
        ("pattern", {"columns": ["a"], "regex": "(a{1000}){1000}"}, "regex", "size"),
        ("oneOf", {"columns": ["a"], "values": []}, "values", "at least 1 item"),
        ("oneOf", {"columns": ["a"], "values": [None]}, "values.0", "a text, a number, true or false"),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_the_reason(
    kind: str, settings: dict[str, Any], where: str, message: str
) -> None:
    with pytest.raises(ValidationError, match=message) as refused:
        check(kind, **settings)
    assert [".".join(map(str, error["loc"])) for error in refused.value.errors()] == [where]
