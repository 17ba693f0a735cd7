"""Contracts over typed sources, and into datasets that have other types."""

from typing import Any

import polars as pl
import pytest

from headgate.pipelines.counts import Counts
from tests.pipelines.intake import Intake
from tests.pipelines.screened import column, contract, csv, load, ndjson, parquet, told

EVOLVE, FREEZE, DISCARD_ROW, DISCARD_VALUE = "EVOLVE", "FREEZE", "DISCARD_ROW", "DISCARD_VALUE"


def values(rows: list[dict[str, Any]], name: str = "a") -> list[Any]:
    return [row[name] for row in rows]


@pytest.mark.parametrize("policy", [FREEZE, DISCARD_ROW, DISCARD_VALUE])
@pytest.mark.parametrize(
    ("records", "type_", "stored"),
    [
        (["5", "-1"], "INTEGER", [5, -1]),
        ([1.0, 2.0], "INTEGER", [1, 2]),
        ([1, 2], "STRING", ["1", "2"]),
        ([5, 12.5, 1e-5, None], "DECIMAL", ["5.00000", "12.50000", "0.00001", None]),
        ([123456789.123], "DECIMAL", ["123456789.123"]),
        ([5, -(2**63)], "DECIMAL", ["5", "-9223372036854775808"]),
        (["5.25", "1"], "DECIMAL", ["5.25", "1.00"]),
        (["2024-01-01"], "DATE", ["2024-01-01"]),
        ([[1, 2], None], "LIST", [[1, 2], None]),
        ([{"b": 1}], "STRUCT", [{"b": 1}]),
        ([{"b": 1}], "STRING", ['{"b":1}']),
        ([None, None], "FLOAT", [None, None]),
    ],
)
def test_values_of_json_become_those_of_the_contract(
    intake: Intake, records: list[Any], type_: str, stored: list[Any], policy: str
) -> None:
    source = ndjson(intake, [{"a": value, "b": 1} for value in records])
    outcome = load(intake, source, contract(column("a", type_), typeMismatch=policy))
    assert (outcome.types["a"], values(outcome.rows), outcome.errors) == (type_, stored, [])


@pytest.mark.parametrize(
    ("records", "type_", "bad"),
    [
        ([1, "x", "3", [1], 1.5, True], "INTEGER", ["x", "[1]", "1.5", "true"]),
        ([1e30, 1e-13, 1e16, 1.5], "DECIMAL", ["1e+30", "1e-13", "1e+16"]),
        ([2**53 - 1.0, 123456789.123], "DECIMAL", []),
        ([1, 0], "BOOLEAN", ["1", "0"]),
        ([20240101], "DATE", ["20240101"]),
        ([[1]], "INTEGER", ["[1]"]),
        (["x"], "LIST", ["x"]),
    ],
)
def test_values_of_json_that_are_none_are_shown_as_they_were(
    intake: Intake, records: list[Any], type_: str, bad: list[str]
) -> None:
    source = ndjson(intake, [{"a": value, "b": 1} for value in [*records, None]])
    outcome = load(intake, source, contract(column("a", type_)))
    assert [(error["value"], error["code"]) for error in outcome.errors] == [(value, "TYPE") for value in bad]
    assert outcome.counts == Counts(len(records) + 1, len(records) + 1 - len(bad), len(bad))


@pytest.mark.parametrize(
    ("values_", "settings"),
    [
        (pl.Series(["1.5", "x"], dtype=pl.Categorical()), {"type": "DECIMAL"}),
        (pl.Series(["31.12.2024", "x"], dtype=pl.Categorical()), {"type": "DATE", "format": "%d.%m.%Y"}),
        (pl.Series([1.0, float("nan")]), {"type": "DECIMAL"}),
        (pl.Series([1.0, 1.5]), {"type": "INTEGER"}),
        (pl.Series([2, 2**53 + 1]), {"type": "FLOAT"}),
    ],
)
def test_typed_columns_become_those_of_the_contract(
    intake: Intake, values_: pl.Series, settings: Any
) -> None:
    source = parquet(intake, pl.DataFrame({"a": values_, "b": [1, 2]}))
    outcome = load(intake, source, contract({"name": "a", **settings}))
    assert (outcome.types["a"], outcome.counts) == (settings["type"], Counts(2, 1, 1))
    assert told(outcome.errors, "row", "code") == [(2, "TYPE")]


def test_text_of_json_evolves_as_other_text_does(intake: Intake) -> None:
    for texts, type_ in [(["007"], "INTEGER"), (["1.5"], "FLOAT"), (["x", "1"], "STRING")]:
        source = ndjson(intake, [{"a": text} for text in texts])
        outcome = load(intake, source, contract(column("a", "INTEGER"), typeMismatch=EVOLVE), dataset=type_)
        assert outcome.types["a"] == type_


@pytest.mark.parametrize(
    ("first", "type_", "good", "bad"),
    [
        ("1.50", "DECIMAL", ["1.5", "2"], ["1.555", "x"]),
        ("1", "DECIMAL", ["1", "2"], ["1.5"]),
        ("x", "INTEGER", ["1", "007"], ["1.5", "x"]),
        ("1.5", "INTEGER", ["2"], ["2.5"]),
        ("2024-01-01", "DATETIME", ["2024-01-02T00:00:00"], ["2024-01-02T01:00:00"]),
        ("true", "STRING", ["true", "FALSE"], ["1"]),
    ],
)
def test_values_have_to_fit_the_contract_and_the_dataset(
    intake: Intake, first: str, type_: str, good: list[str], bad: list[str]
) -> None:
    intake.load(f"A\n{first}\n")
    text = "".join(f"{value},1\n" for value in [*good, *bad])
    outcome = load(intake, csv(intake, f"a,b\n{text}"), contract(column("a", type_)))
    assert list(outcome.types) == ["A", "b"]
    assert told(outcome.errors, "column", "value", "code") == [("a", value, "TYPE") for value in bad]
    assert outcome.counts == Counts(len(good) + len(bad), len(good), len(bad))
