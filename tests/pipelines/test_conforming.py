"""Rows go into an existing dataset where its columns can keep their values, and are rejected where not."""

import json
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from headgate.errors import JobFault
from headgate.pipelines.counts import Counts
from headgate.pipelines.runner import ingest
from headgate.storage.datasets import WriteMode
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, errors_in, unheard

APPEND, REPLACE, UPSERT = WriteMode.APPEND, WriteMode.REPLACE, WriteMode.UPSERT


def test_values_that_an_existing_column_cannot_hold_are_rejected_row_by_row(intake: Intake) -> None:
    intake.load("id,day,ok\n1,2024-01-01,true\n")
    job = intake.job(
        intake.file('id,day,ok\n2,2024-01-02,\n\nx,soon,TRUE\n"y\ny",2024-01-03,true\n5,,false\n'),
        FileFormat.CSV,
    )
    outcome = intake.run(job)
    assert outcome.counts == Counts(read=4, accepted=2, rejected=2)
    assert [row["id"] for row in outcome.rows] == [1, 2, 5]
    assert [(e["row"], e["line"], e["column"], e["value"], e["code"]) for e in outcome.errors] == [
        (2, 4, "id", "x", "TYPE"),
        (2, 4, "day", "soon", "TYPE"),
        (3, 5, "id", "y\ny", "TYPE"),
    ]
    assert json.loads(outcome.errors[0]["record"]) == {"id": "x", "day": "soon", "ok": "TRUE"}


@pytest.mark.parametrize(
    ("first", "good", "bad"),
    [
        ("1", ["2", "-3", "9007199254740993"], ["1.5", "x", "007", "9223372036854775808", " 1"]),
        ("1.5", ["2", "1e5", "-0.25", "0.1234567890123456"], ["NaN", "inf", "9007199254740993", "1,5"]),
        ("1.50", ["2", "2.5", "2.500000", "-3.25"], ["2.555", "1.500000000001", "1e2", "x"]),
        ("true", ["false", "TRUE", "False"], ["1", "yes"]),
        ("2024-01-01", ["2024-02-29"], ["2023-02-29", "01/02/2024", "2024-01-01T00:00:00", "0000-01-01"]),
        ("2024-01-01T00:00:00Z", ["2024-02-29T23:59:59Z"], ["2024-02-29T23:59:59", "now"]),
        ("2024-01-01 00:00:00", ["2024-02-29T23:59:59.123456"], ["2024-02-29", "2024-02-29T23:59:59Z"]),
        ("x", ["1", "true", "2024-01-01"], []),
    ],
)
def test_an_existing_column_takes_what_it_can_keep(
    intake: Intake, first: str, good: list[str], bad: list[str]
) -> None:
    intake.load(f"x\n{first}\n")
    outcome = intake.load("x\n" + "".join(f'"{text}"\n' for text in [*good, *bad]))
    assert [error["value"] for error in outcome.errors] == bad
    assert outcome.counts == Counts(read=len(good) + len(bad), accepted=len(good), rejected=len(bad))


@pytest.mark.parametrize(
    ("column", "values", "kept"),
    [
        ("2024-01-01", [20240101, 5], []),
        ("2024-01-01 00:00:00", [5], []),
        ("true", [1, 0], []),
        ("1", [True], []),
        ("1", [2, 2**53 + 1], [2, str(2**53 + 1)]),
        ("1.5", [2, 2**53 + 1], [2.0]),
        ("1.5", [{"a": 1}], []),
        ("x", [{"a": 1}], ['{"a":1}']),
        ("x", [1.5], ["1.5"]),
        ("x", [[2**60]], None),
    ],
)
def test_json_values_go_into_columns_of_their_kind_alone(
    intake: Intake, column: str, values: list[Any], kept: list[Any] | None
) -> None:
    intake.load(f"x\n{column}\n")
    path = intake.file("".join(json.dumps({"x": value, "y": 1}) + "\n" for value in values))
    job = intake.job(path, FileFormat.NDJSON)
    if kept == []:
        with pytest.raises(JobFault, match="ALL_ROWS_REJECTED"):
            ingest(job, unheard)
        assert [error["value"] for error in errors_in(job.ledger)] == [
            json.dumps(value).replace(" ", "") for value in values
        ]
        return
    outcome = intake.run(job)
    assert outcome.counts.read == len(values)
    if kept is not None:
        assert [row["x"] for row in outcome.rows[1:]] == kept


NESTED: list[tuple[pl.Series, pl.Series, list[Any]]] = [
    (pl.Series([{"a": 1}]), pl.Series([{"a": 2}]), [{"a": 2}]),
    (pl.Series([{"a": 1}]), pl.Series([{"a": 2, "b": 3}, {"a": 4, "b": None}]), [{"a": 4}]),
    (pl.Series([{"a": 1, "b": 2}]), pl.Series([{"b": 4}]), [{"a": None, "b": 4}]),
    (pl.Series([{"a": 1}]), pl.Series([{"a": 1.5}, {"a": 2.0}]), [{"a": 2}]),
    (pl.Series([[1]]), pl.Series([["x"]]), []),
    (pl.Series([[1]]), pl.Series([{"a": 1}]), []),
    (pl.Series([{"a": 1}]), pl.Series([[1]]), []),
    (pl.Series([["x"]]), pl.Series([[timedelta(1)]]), []),
    (pl.Series([["x"]]), pl.Series([[b"\xff"]]), []),
    (pl.Series([["x"]]), pl.Series([[datetime(2024, 1, 1)]]), []),
    (pl.Series([1]), pl.Series(["2", "x"], dtype=pl.Categorical()), [2]),
    (pl.Series(["x"]), pl.Series([b"\xff"]), ["/w=="]),
    (pl.Series([True]), pl.Series([timedelta(1)]), []),
    (pl.Series([{"a": 1}]), pl.Series([None], dtype=pl.Null()), [None]),
]


@pytest.mark.parametrize(("first", "second", "kept"), NESTED)
def test_typed_values_go_into_columns_that_can_keep_them(
    intake: Intake, first: pl.Series, second: pl.Series, kept: list[Any]
) -> None:
    path = intake.folder / "data"
    first.alias("x").to_frame().write_parquet(path)
    before = intake.ingest(path, FileFormat.PARQUET)
    second.alias("x").to_frame().write_parquet(path)
    job = intake.job(path, FileFormat.PARQUET)
    if kept:
        outcome = intake.run(job)
        assert [row["x"] for row in outcome.rows] == [before.rows[0]["x"], *kept]
    else:
        with pytest.raises(JobFault, match="ALL_ROWS_REJECTED"):
            ingest(job, unheard)
    errors = errors_in(job.ledger)
    assert len(errors) == len(second) - len(kept)
    assert {error["code"] for error in errors} <= {"TYPE"}
