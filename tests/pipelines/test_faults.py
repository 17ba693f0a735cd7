"""Errors of the ledger show what stood in the source: the value, the record and its place, exactly."""

import json
import random
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.domain.row_errors import RowError
from headgate.pipelines import faults
from headgate.pipelines.faults import MAX_RECORD_CHARACTERS, MAX_VALUE_CHARACTERS, RULE, FaultyRows
from headgate.pipelines.rejections import Samples
from headgate.pipelines.rowmap import ROW_INDEX
from headgate.pipelines.rules import Rule
from headgate.pipelines.runner import ingest
from headgate.storage.columns import json_text
from tests.pipelines.intake import Intake, errors_in, unheard
from tests.pipelines.screened import check, column, contract, csv, job_of, load, ndjson, parquet, told


def small(*columns: str, **options: Any) -> dict[str, Any]:
    return {"range": {"columns": list(columns), "max": 100, **options}}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2**60, str(2**60)),
        (2**53 - 1, 2**53 - 1),
        (-5, -5),
        (1.5, 1.5),
        (float("inf"), "Infinity"),
        (Decimal("12.340"), "12.340"),
        (True, True),
        (date(2024, 2, 29), "2024-02-29"),
        (time(8, 30), "08:30:00"),
        (datetime(2024, 2, 29, 8, 30), "2024-02-29T08:30:00"),
        (timedelta(hours=1), "1:00:00"),
        (b"\xff\x00", "/wA="),
        ([1, 2**60, None], [1, str(2**60), None]),
        ({"a": Decimal("1.0"), "b": [date(2024, 1, 1)]}, {"a": "1.0", "b": ["2024-01-01"]}),
        ('"quoted" \\ ünïcode \n\t\x01', '"quoted" \\ ünïcode \n\t\x01'),
        (None, None),
    ],
)
def test_records_are_exact_whatever_their_types(intake: Intake, value: Any, shown: Any) -> None:
    frame = pl.DataFrame({"n": [900, 1], "x": pl.Series([value, None], strict=False)})
    found = check(intake, parquet(intake, frame), {"checks": [small("n")]})
    assert told(found.errors, "row", "line", "value") == [(1, None, "900")]
    assert json.loads(found.errors[0]["record"]) == {"n": 900, "x": shown}


def test_the_value_of_a_typed_cell_is_its_plain_text(intake: Intake) -> None:
    frame = pl.DataFrame({"d": [date(2024, 1, 1)], "m": [Decimal("1.50")], "l": [[1, 2]], "s": [{"a": "x"}]})
    rules = contract(*(column(name, "BOOLEAN") for name in frame.columns))
    found = check(intake, parquet(intake, frame), rules)
    assert [error["value"] for error in found.errors] == ["2024-01-01", "1.50", "[1,2]", '{"a":"x"}']


def test_every_column_of_the_record_is_shown_also_those_that_were_left_out(intake: Intake) -> None:
    rules = contract(column("b", "INTEGER", aliases=["B2"]), unknownColumns="DISCARD_VALUE")
    outcome = load(intake, csv(intake, "a,B2,c\nx, y,\nz,2,3\n"), rules)
    assert [json.loads(error["record"]) for error in outcome.errors] == [{"a": "x", "b": " y", "c": None}]


def test_a_cell_is_said_once_to_be_of_the_wrong_type(intake: Intake) -> None:
    checks = [
        small("a", "b", severity="WARNING"),
        small("a", "b", name="again"),
        {"numeric": {"columns": ["a"]}},
    ]
    found = check(intake, csv(intake, "a,b\nx,y\n1,z\n1,1\n"), {"checks": checks})
    assert sorted(told(found.errors, "row", "column", "code", "severity")) == [
        (1, "a", "TYPE", "ERROR"),
        (1, "b", "TYPE", "ERROR"),
        (2, "b", "TYPE", "ERROR"),
    ]
    assert found.verdict.counts.rejected == 2


def test_other_faults_of_one_cell_are_all_told(intake: Intake) -> None:
    checks = [
        small("a"),
        small("a", name="soft", severity="WARNING"),
        {"oneOf": {"columns": ["a"], "values": [1]}},
    ]
    found = check(intake, csv(intake, "a\n900\n"), {"checks": checks})
    assert told(found.errors, "code", "check", "severity") == [
        ("RANGE", "range", "ERROR"),
        ("RANGE", "soft", "WARNING"),
        ("ENUM", "oneOf", "ERROR"),
    ]


def test_checks_with_names_of_their_own_make_errors_with_ids_of_their_own(intake: Intake) -> None:
    checks = [small("a", name="first"), small("a", name="second"), small("b", name="first")]
    found = check(intake, csv(intake, "a,b\n900,900\n"), {"checks": checks})
    ids = {RowError.from_line("job_1", error).id for error in found.errors}
    assert len(ids) == len(found.errors) == 3


def test_a_rule_over_several_columns_shows_their_values(intake: Intake) -> None:
    checks = [{"unique": {"columns": ["a", "b"]}}]
    found = check(
        intake, ndjson(intake, [{"a": 1, "b": "x"}, {"a": 2}, {"a": 1, "b": "x"}]), {"checks": checks}
    )
    assert set(told(found.errors, "column", "value", "code")) == {(None, "1, x", "UNIQUE")}


def test_what_is_too_long_is_cut_or_left_out(intake: Intake) -> None:
    frame = pl.DataFrame(
        {"a": ["é" * 20_000, "x" * 101, "x" * 99], "b": ["", "y" * MAX_RECORD_CHARACTERS, ""]}
    )
    checks = {"checks": [{"length": {"columns": ["a"], "max": 100}}]}
    found = check(intake, parquet(intake, frame), checks)
    assert [error["value"] for error in found.errors] == ["é" * MAX_VALUE_CHARACTERS, "x" * 101]
    assert json.loads(found.errors[0]["record"])["a"] == "é" * 20_000
    assert found.errors[1]["record"] is None


ROWS = st.lists(
    st.fixed_dictionaries({"s": st.none() | st.text(max_size=5), "i": st.none() | st.integers(-(2**53) + 1, 2**31)}),
    min_size=1,
    max_size=5,
)  # fmt: skip


@settings(max_examples=50)
@given(ROWS)
def test_records_are_the_same_json_however_they_are_written(rows: list[dict[str, Any]]) -> None:
    # A float can't be written by the faster way, so that all values take the slower one.
    fast = pl.DataFrame(rows, schema={"s": pl.String, "i": pl.Int64})
    slow = fast.with_columns(f=pl.lit(0.5))
    for frame in (fast, slow):
        lines = lines_of(frame)
        assert [json.loads(record) for record in lines["record"]] == [
            json.loads(json_text(row)) for row in frame.iter_rows(named=True)
        ]


def lines_of(frame: pl.DataFrame) -> pl.DataFrame:
    """The lines of the ledger where every row breaks one rule."""
    taken: list[pl.DataFrame] = []
    names = frame.columns
    rule = Rule("RANGE", names[0], pl.lit(True), "Wrong.")
    rows = FaultyRows([rule], {name: name for name in names}, None, taken.append)
    rows.add(frame.with_row_index(ROW_INDEX).with_columns(pl.lit(True).alias(f"{RULE}0")))
    rows.finish()
    return pl.concat(taken)


def test_few_faults_are_told_soon_and_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faults, "MOST_ROWS", 1_000)
    taken: list[int] = []
    rule = Rule("RANGE", "a", pl.lit(True), "Wrong.")
    rows = FaultyRows([rule], {"a": "a"}, None, lambda lines: taken.append(lines.height))
    for start in range(0, 2_400, 50):
        batch = pl.DataFrame({"a": range(start, start + 50)}).with_row_index(ROW_INDEX, offset=start)
        rows.add(batch.with_columns(pl.lit(True).alias(f"{RULE}0")))
    rows.finish()
    assert taken == [100, 1_000, 1_000, 300]


def test_exactly_the_cells_that_were_damaged_are_found_in_the_order_of_rows(intake: Intake) -> None:
    chance = random.Random(4)
    damaged = sorted(chance.sample(range(30_000), 500))
    cells = {row: chance.choice(["900", "x"]) for row in damaged}
    text = "id,a\n" + "".join(f"{row},{cells.get(row, '7')}\n" for row in range(30_000))
    outcome = load(intake, csv(intake, text), {"checks": [small("a")]})
    codes = {"900": "RANGE", "x": "TYPE"}
    assert told(outcome.errors, "row", "line", "column", "value", "code") == [
        (row + 1, row + 2, "a", cell, codes[cell]) for row, cell in sorted(cells.items())
    ]
    assert (outcome.counts.accepted, outcome.types["a"]) == (29_500, "INTEGER")


def test_the_first_faults_of_each_kind_are_told_as_the_ledger_has_them(intake: Intake) -> None:
    heard: list[dict[str, Any]] = []
    text = "a,b\n" + "900,1\n" * 500 + "1,900\n1,1\n" + "1,2,3\n" * 9
    job = job_of(intake, csv(intake, text), {"checks": [small("a", "b")]})
    ingest(replace(job, samples=Samples(heard.extend)), unheard)
    ledger = errors_in(job.ledger)
    assert all(sample in ledger for sample in heard)
    kinds = [(sample["code"], sample["column"]) for sample in heard]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        ("STRUCTURE", None): 3,
        ("RANGE", "a"): 3,
        ("RANGE", "b"): 1,
    }
    assert len({RowError.from_line("job_1", sample).id for sample in heard}) == len(heard)
