"""Pandera schemas: every cell that breaks one is found, over all rows."""

from collections.abc import Iterator
from datetime import date
from importlib.metadata import EntryPoint
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines import schemas
from headgate.pipelines.checks import questions
from headgate.pipelines.rules import Severity
from tests.pipelines.checks.harness import check, faults, findings_of, rules_of, table_of

REGISTERED: dict[str, Any] = {}
"""What the entry points of a test load."""


class Orders(pa.DataFrameModel):
    """What a model looks like."""

    id: int = pa.Field(unique=True)
    amount: float = pa.Field(ge=0, le=100, nullable=True)
    day: pl.Date = pa.Field(nullable=True)

    @pa.check("amount", name="even", description="an even amount")
    @classmethod
    def even(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col(data.key) % 2 == 0)

    @pa.dataframe_check(description="an id below the amount")
    @classmethod
    def below(cls, data: pa.PolarsData) -> pl.LazyFrame:
        return data.lazyframe.select(pl.col("id") < pl.col("amount"))


def one_column(dtype: Any = str, checks: Any = None, **settings: Any) -> pa.DataFrameSchema:
    return pa.DataFrameSchema({"x": pa.Column(dtype, checks, **{"nullable": True} | settings)})


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Schemas by name, found as if a package had registered them."""
    REGISTERED.clear()
    load = EntryPoint.load
    monkeypatch.setattr(EntryPoint, "load", lambda self: REGISTERED.get(self.name) or load(self))
    entries = [EntryPoint(name, "some.package:thing", schemas.ENTRY_POINTS) for name in ("mine", "broken")]
    monkeypatch.setattr(
        schemas, "entry_points", lambda group: entries if group == schemas.ENTRY_POINTS else []
    )
    schemas.schemas.cache_clear()
    yield REGISTERED
    schemas.schemas.cache_clear()


def found(schema: Any, rows: dict[str, list[Any]] | pl.DataFrame) -> list[tuple[int, str | None, str]]:
    REGISTERED["mine"] = schema
    return faults(check("schema", schema="mine"), table_of(rows))


@pytest.mark.parametrize("rows_in_a_block", [1, 2, 100])
def test_every_cell_that_breaks_a_schema_is_found_in_text(
    monkeypatch: pytest.MonkeyPatch, rows_in_a_block: int
) -> None:
    monkeypatch.setattr(questions, "BLOCK_ROWS", rows_in_a_block)
    rows: dict[str, list[Any]] = {
        "id": ["1", "x", "1", None, "5", "6"],
        "amount": ["2", "4", "101", "-1", "many", None],
        "day": ["2024-01-01", "soon", None, "2024-01-04", "2024-01-05", "2024-01-06"],
        "more": ["a"] * 6,
    }
    assert found(Orders, rows) == [
        (1, "day", "TYPE"),
        (1, "id", "TYPE"),
        (2, "amount", "SCHEMA"),
        (2, "amount", "SCHEMA"),
        (2, "id", "SCHEMA"),
        (3, "amount", "SCHEMA"),
        (3, "amount", "SCHEMA"),
        (3, "id", "SCHEMA"),
        (4, "amount", "TYPE"),
    ]


def test_typed_rows_are_held_against_a_schema_as_they_are() -> None:
    rows = pl.DataFrame({"id": [1, 2, 2], "amount": [2.0, 200.0, None], "day": [date(2024, 1, 1)] * 3})
    assert found(Orders, rows) == [(1, "amount", "SCHEMA"), (2, "id", "SCHEMA")]


def test_a_check_of_the_row_as_a_whole_names_no_column() -> None:
    assert found(Orders, {"id": ["5"], "amount": ["2"], "day": [None]}) == [(0, None, "SCHEMA")]


@pytest.mark.parametrize(
    ("schema", "cells", "bad"),
    [
        (one_column(pl.Int8), ["1", "127", "128", "x", None], [2, 3]),
        (one_column(bool), ["true", "yes"], [1]),
        (one_column(pl.Datetime("us", "UTC")), ["2024-01-01T00:00:00Z", "2024-13-01T00:00:00Z"], [1]),
        (one_column(pl.Datetime("ms")), ["2024-01-01 10:00", "later"], [1]),
        (one_column(pl.Categorical), ["a", "b"], []),
        (one_column(pl.Enum(["a"])), ["a", "b"], [1]),
        (one_column(pl.Decimal(10, 2)), ["1.50", "x"], [1]),
        (one_column(pl.List(pl.Int64)), [[1], None], []),
        (one_column(pl.List(pl.Int64)), ["[1]"], [0]),
        (one_column(None), ["a", None], []),
        (one_column(checks=pa.Check.isin(["a", "b"])), ["a", "c", None], [1]),
        (one_column(checks=pa.Check.str_length(2, 3)), ["a", "ab", "abcd"], [0, 2]),
        (one_column(int, pa.Check(lambda x: x % 2 == 0, element_wise=True)), ["1", "2", None], [0]),
        (one_column(int, pa.Check.gt(1, n_failure_cases=1)), ["0", "1", "2"], [0, 1]),
        (one_column(nullable=False), ["", None], [1]),
        (one_column(unique=True), ["a", "b", "a", None, None], [2]),
        (pa.DataFrameSchema({"^x$": pa.Column(str, pa.Check.str_startswith("a"), regex=True)}), ["a", "b"], [1]),
        (one_column(), [], []),
    ],
)  # fmt: skip
def test_what_a_column_must_be_like_is_held_against_each_cell(
    schema: pa.DataFrameSchema, cells: list[Any], bad: list[int]
) -> None:
    assert [row for row, _, _ in found(schema, {"x": cells})] == bad


def test_uniqueness_of_columns_together_holds_over_all_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "BLOCK_ROWS", 1)
    schema = pa.DataFrameSchema({"a": pa.Column(int), "b": pa.Column(str)}, unique=["a", "b"])
    assert found(schema, {"a": ["1", "1", "01"], "b": ["x", "y", "x"]}) == [(2, None, "SCHEMA")]


def test_errors_say_what_the_schema_asks_for() -> None:
    REGISTERED["mine"] = Orders
    table = table_of({"id": ["1"], "amount": ["101"], "day": ["x"]})
    said = {rule.message for rule in rules_of(check("schema", schema="mine"), table)}
    assert "The schema mine asks for an even amount." in said
    assert "The schema mine asks for less_than_or_equal_to(100)." in said
    assert "The schema mine wants a value of type DATE; this is none." in said


def test_a_check_that_only_warns_in_pandera_warns() -> None:
    REGISTERED["mine"] = one_column(int, [pa.Check.gt(1, raise_warning=True), pa.Check.lt(0)])
    rules = rules_of(check("schema", schema="mine"), table_of({"x": ["0"]}))
    assert [rule.severity for rule in rules] == [Severity.ERROR, Severity.WARNING, Severity.ERROR]


@pytest.mark.parametrize(
    ("schema", "rows", "expected"),
    [
        (Orders, {"id": ["1"], "amount": ["1"]}, [("MISSING_COLUMN", "day")]),
        (
            pa.DataFrameSchema({"^x.*$": pa.Column(str, regex=True)}),
            {"y": ["1"]},
            [("MISSING_COLUMN", "^x.*$")],
        ),
        (one_column(required=False), {"y": ["1"]}, []),
        (
            pa.DataFrameSchema({"x": pa.Column(str)}, strict=True),
            {"x": ["1"], "y": ["1"]},
            [("UNKNOWN_COLUMN", "y")],
        ),
        (
            pa.DataFrameSchema({"a": pa.Column(str), "b": pa.Column(str)}, ordered=True),
            {"b": ["1"], "a": ["1"]},
            [("SCHEMA", None)],
        ),
        (
            one_column(int, pa.Check(lambda data: data.lazyframe.select(pl.col(data.key).sum() > 3))),
            {"x": ["1", "2"]},
            [("SCHEMA", "x")],
        ),
        (
            one_column(int, pa.Check(lambda data: data.lazyframe.select(pl.col(data.key).sum() > 2))),
            {"x": ["1", "2"]},
            [],
        ),
    ],
)
def test_what_a_schema_asks_of_the_input_as_a_whole_is_a_finding(
    schema: Any, rows: dict[str, list[Any]], expected: list[tuple[str, str | None]]
) -> None:
    REGISTERED["mine"] = schema
    findings = findings_of(check("schema", schema="mine"), table_of(rows))
    assert [(finding.code, finding.column) for finding in findings] == expected


def test_a_check_that_raises_fails_the_job() -> None:
    def broken(data: Any) -> Any:
        raise RuntimeError("/secret/path")

    with pytest.raises(JobFault, match=r"INVALID_SCHEMA.*RuntimeError") as fault:
        found(one_column(checks=pa.Check(broken, description="luck")), {"x": ["1"]})
    assert "secret" not in fault.value.message


@pytest.mark.parametrize(
    ("name", "thing", "message"),
    [
        ("gone", None, "there is no schema gone; there are broken, contacts, mine"),
        ("broken", None, "the schema broken can't be loaded"),
        ("mine", {"x": int}, "what is registered as mine is no schema"),
    ],
)
def test_a_schema_that_is_not_there_is_refused(name: str, thing: Any, message: str) -> None:
    REGISTERED[name] = thing
    with pytest.raises(ValidationError, match=message):
        check("schema", schema=name)


def test_the_schema_that_ships_finds_who_can_not_be_written_to() -> None:
    rows = {
        "email": ["ann@example.org", "bob", "ann@example.org", None],
        "name": ["Ann", "", None, "Cleo"],
        "signed_up": ["2024-01-01", None, "soon", None],
    }
    assert faults(check("schema", schema="contacts"), table_of(rows)) == [
        (1, "email", "SCHEMA"),
        (1, "name", "SCHEMA"),
        (2, "email", "SCHEMA"),
        (2, "signed_up", "TYPE"),
        (3, "email", "SCHEMA"),
    ]
