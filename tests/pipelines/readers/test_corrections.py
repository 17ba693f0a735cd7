"""Rejected rows with other values: what passes now is ingested once, and what does not stays as it was."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from headgate.pipelines.checks.registry import checks_from_json
from headgate.pipelines.counts import Counts
from headgate.pipelines.prepared import Source
from headgate.pipelines.screening import Screening
from headgate.storage.datasets import WriteMode
from headgate.storage.formats import FileFormat
from tests.pipelines.correcting import ADULT, NAMES, PEOPLE, Ingested, ingested
from tests.pipelines.intake import Intake, target_of


def test_what_passes_now_goes_beside_the_good_rows_and_is_open_no_more(intake: Intake) -> None:
    first = ingested(intake, PEOPLE, ADULT)
    outcome, later = first.correct({2: {"age": "20"}, 3: {"age": "300"}})
    assert outcome.counts == Counts(read=2, accepted=1, rejected=1)
    assert outcome.rows == [{"name": "Ada", "age": 36}, {"name": "Bob", "age": 20}]
    assert first.open_rows() == [3, 4]
    assert [(error["row"], error["line"], error["code"], error["value"]) for error in outcome.errors] == [
        (3, 4, "RANGE", "300")
    ]
    assert json.loads(outcome.errors[0]["record"]) == {"name": "Eve", "age": "300"}
    outcome, _ = later.correct({3: {"age": "30"}})
    assert outcome.rows[-1] == {"name": "Eve", "age": 30}
    assert later.open_rows() == []


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (42, 42),
        ("42", 42),
        (None, None),
        (True, None),
        ("", None),
        ([1], None),
        ({"a": 1}, None),
        (1.5, None),
    ],
)
def test_values_of_any_type_are_read_as_a_text_would_be(intake: Intake, value: Any, stored: Any) -> None:
    first = ingested(intake, PEOPLE, ADULT)
    outcome, _ = first.correct({2: {"age": value}, 3: {"age": 50}})
    is_good = stored is not None or value is None
    assert outcome.rows[1:] == ([{"name": "Bob", "age": stored}] if is_good else []) + [
        {"name": "Eve", "age": 50}
    ]
    assert first.open_rows() == ([4] if is_good else [2, 4])


def test_an_empty_text_is_no_null_in_a_column_of_texts(intake: Intake) -> None:
    first = ingested(intake, PEOPLE, ADULT)
    outcome, _ = first.correct({2: {"age": 42, "name": ""}, 3: {"age": 50, "name": None}})
    assert [row["name"] for row in outcome.rows] == ["Ada", "", None]


def test_a_row_whose_cells_are_not_known_is_given_whole(intake: Intake) -> None:
    first = ingested(intake, PEOPLE, ADULT)
    outcome, _ = first.correct({2: {"age": 20}, 4: {"age": 30}})
    assert [(error["row"], error["code"], error["column"]) for error in outcome.errors] == [
        (4, "STRUCTURE", "name")
    ]
    assert first.open_rows() == [3, 4]
    outcome, _ = first.correct({4: {"age": 30, "name": None}})
    assert outcome.rows[-1] == {"name": None, "age": 30}


def test_what_names_no_column_or_two_times_the_same_changes_nothing(intake: Intake) -> None:
    first = ingested(intake, PEOPLE, ADULT)
    given = {2: {"Age": "20"}, 3: {"size": 1, "age": 40}, 4: {"age": 1, "AGE": 2, "name": "Max"}}
    outcome, later = first.correct(given)
    assert outcome.rows[-1] == {"name": "Bob", "age": 20}
    assert [(error["row"], error["column"], error["code"]) for error in outcome.errors] == [
        (3, "size", "UNKNOWN_COLUMN"),
        (4, "AGE", "AMBIGUOUS_COLUMN"),
    ]
    outcome, _ = later.correct({3: {"age": 40}, 4: {"name": "Max", "age": 50}})
    assert outcome.rows[-2:] == [{"name": "Eve", "age": 40}, {"name": "Max", "age": 50}]
    assert outcome.types == {"name": "STRING", "age": "INTEGER"}


@pytest.mark.parametrize("mode", list(WriteMode))
def test_a_job_without_any_good_row_makes_its_dataset_by_its_first_correction(
    intake: Intake, mode: WriteMode
) -> None:
    first = ingested(
        intake, "name,age\nBob,x\nEve,200\n", ADULT, mode=mode, keys=("name",) * (mode == "UPSERT")
    )
    outcome, _ = first.correct({1: {"age": "20"}})
    assert (outcome.version.version, outcome.rows) == (0, [{"name": "Bob", "age": 20}])
    outcome, _ = first.correct({2: {"age": "30"}})
    assert outcome.rows == [{"name": "Bob", "age": 20}, {"name": "Eve", "age": 30}]
    assert first.open_rows() == []


UNIQUE = {"unique": {"columns": ["name"]}}


@pytest.mark.parametrize(("mode", "keys"), [(WriteMode.APPEND, ()), (WriteMode.UPSERT, ("age",))])
def test_a_corrected_row_repeats_no_row_of_its_own_input(
    intake: Intake, mode: WriteMode, keys: Sequence[str]
) -> None:
    intake.load("name,age\nOld,99\n", mode, keys)
    first = ingested(intake, "name,age\nAda,36\nBob,x\nEve,200\nIda,y\n", ADULT, UNIQUE, mode=mode, keys=keys)
    given = {2: {"age": 20, "name": "Ada"}, 3: {"age": 21, "name": "Old"}, 4: {"age": 23, "name": "Old"}}
    outcome, later = first.correct(given)
    assert [(error["row"], error["code"]) for error in outcome.errors] == [(2, "UNIQUE"), (4, "UNIQUE")]
    outcome, _ = later.correct({4: {"name": "Old"}, 2: {"name": "Bob"}})
    assert [(error["row"], error["code"]) for error in outcome.errors] == [(4, "UNIQUE")]
    assert outcome.rows[-1] == {"name": "Bob", "age": 20}


def test_what_is_asked_of_a_whole_input_is_not_asked_of_its_corrections(intake: Intake) -> None:
    limited = {"range": {**ADULT["range"], "maxFailedRows": 2}}
    first = ingested(intake, "name,age\nAda,36\nBob,200\nEve,200\n", limited, {"rowCount": {"min": 3}})
    outcome, _ = first.correct({2: {"age": 20}})
    assert outcome.counts == Counts(read=1, accepted=1, rejected=0)


CONTRACT = {
    "columns": [
        {"name": "name", "type": "STRING", "aliases": ["nom"]},
        {"name": "age", "type": "INTEGER", "nullable": False},
    ],
    "unknownColumns": "FREEZE",
}


@pytest.mark.parametrize("alias", ["name", "nom", "Nom", "NAME"])
def test_columns_are_named_as_the_contract_or_the_file_has_them(intake: Intake, alias: str) -> None:
    text = "nom,Age\nAda,36\nBob,x\nEve,200\nMax,1,2\n"
    first = ingested(intake, text, ADULT, own=("nom", "Age"), contract=CONTRACT)
    first.columns = NAMES
    given = {2: {"age": 20}, 3: {alias: "Eva", "age": 21}, 4: {alias: "Max", "Age": 22}}
    outcome, _ = first.correct(given)
    assert outcome.errors == []
    assert [tuple(row.values()) for row in outcome.rows] == [
        ("Ada", 36),
        ("Bob", 20),
        ("Eva", 21),
        ("Max", 22),
    ]
    assert list(outcome.types) == ["name", "age"]


def test_a_value_that_a_contract_discards_is_discarded_of_a_corrected_row_too(intake: Intake) -> None:
    contract = {
        "columns": [{"name": "name", "type": "STRING"}, {"name": "age", "type": "INTEGER"}],
        "typeMismatch": "DISCARD_VALUE",
        "unknownColumns": "DISCARD_VALUE",
    }
    text = "name,age,note\nAda,36,a\nBob,x,b\nEve,200,c\n"
    first = ingested(intake, text, ADULT, own=("name", "age", "note"), contract=contract)
    assert first.open_rows() == [3]
    outcome, _ = first.correct({3: {"age": "young"}})
    assert outcome.rows[-1] == {"name": "Eve", "age": None}
    assert [(error["severity"], error["code"]) for error in outcome.errors] == [("WARNING", "TYPE")]


def test_rows_of_objects_keep_the_types_of_their_values(intake: Intake) -> None:
    lines = [
        {"id": 1, "on": True, "tags": ["a"]},
        {"id": 999, "on": False, "tags": ["b"]},
        {"id": 3, "on": True},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines) + '{"id": 4\n'
    first = ingested(
        intake,
        text,
        {"range": {"columns": ["id"], "max": 9}},
        own=("id", "on", "tags"),
        format=FileFormat.NDJSON,
    )
    outcome, later = first.correct({2: {"id": 2, "tags": None}, 4: {"id": 4, "on": "maybe", "tags": []}})
    assert outcome.rows[-1] == {"id": 2, "on": False, "tags": None}
    assert [(error["row"], error["column"], error["code"]) for error in outcome.errors] == [(4, "on", "TYPE")]
    outcome, _ = later.correct({4: {"on": True, "tags": ["c"]}})
    assert outcome.rows[-1] == {"id": 4, "on": True, "tags": ["c"]}


@pytest.mark.parametrize("format", [FileFormat.PARQUET, FileFormat.EXCEL])
def test_rows_of_typed_files_are_corrected_by_values_and_by_texts(intake: Intake, format: FileFormat) -> None:
    frame = pl.DataFrame({"id": [1, 200, 300], "x": [0.5, 1.5, 2.5]})
    path = intake.folder / "typed"
    if format is FileFormat.EXCEL:
        frame.write_excel(path.with_suffix(".xlsx"))
        path = path.with_suffix(".xlsx")
    else:
        frame.write_parquet(path)
    job = intake.job(path, format, job="job_first")
    screening = Screening(None, checks_from_json([{"range": {"columns": ["id"], "max": 9}}]))
    first = Ingested(intake, replace(job, screening=screening), ("id", "x"), False)
    intake.run(first.job)
    outcome, _ = first.correct({2: {"id": 2}})
    assert outcome.rows[-1] == {"id": 2, "x": 1.5}
    lines = first.download()
    outcome, _ = first.correct_by_csv("\n".join([lines[0], lines[1].replace("300", "3")]))
    assert outcome.rows[-1] == {"id": 3, "x": 2.5}
    assert first.open_rows() == []


def test_corrections_that_were_committed_are_not_made_again(intake: Intake) -> None:
    first = ingested(intake, PEOPLE, ADULT)
    source = Source(intake.file('{"row": 2, "values": {"age": 20}}\n', "given"), FileFormat.NDJSON)
    job = first.correction(source, "job_later")
    outcome = intake.run(job)
    again = intake.run(replace(job, target=replace(target_of(job), attempt=2), scratch=intake.scratch()))
    assert (again.counts, again.rows) == (outcome.counts, outcome.rows)
    assert pl.read_parquet(job.resolved)["row"].to_list() == [2]  # type: ignore[arg-type]


def test_columns_of_the_dataset_that_the_data_has_not_break_no_contract(intake: Intake) -> None:
    intake.load("name,age,nom,region\nOld,99,x,y\n")
    first = ingested(intake, "name,age\nAda,36\nBob,x\n", own=(), contract=CONTRACT)
    first.columns = ("name", "age", "nom", "region")
    outcome, _ = first.correct({2: {"age": 20}})
    assert outcome.rows[-1] == {"name": "Bob", "age": 20, "nom": None, "region": None}
