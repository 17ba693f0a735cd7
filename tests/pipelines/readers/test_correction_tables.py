"""Corrections as a table: rejected rows as they are downloaded, edited and sent back."""

import json

import pytest

from headgate.errors import JobFault
from headgate.pipelines.counts import Counts
from headgate.storage.formats import FileFormat
from tests.pipelines.correcting import ADULT, PEOPLE, ingested
from tests.pipelines.intake import Intake


def test_a_row_that_is_not_open_is_ingested_by_no_correction(intake: Intake) -> None:
    first = ingested(intake, PEOPLE, ADULT)
    text = "headgate_row,name,age\n1,Ada,40\n2,Bob,20\n2,Bob,21\n99,New,30\n"
    outcome, later = first.correct_by_csv(text)
    assert outcome.counts == Counts(read=4, accepted=1, rejected=3)
    assert {error["code"] for error in outcome.errors} == {"ROW_NOT_OPEN"}
    assert outcome.rows[1:] == [{"name": "Bob", "age": 20}]
    assert first.open_rows() == [3, 4]
    outcome, _ = later.correct({row: {"name": "Again", "age": 50} for row in (1, 2, 99)})
    assert outcome.counts == Counts(read=3, accepted=0, rejected=3)
    assert later.open_rows() == []


def test_downloaded_rows_are_edited_and_sent_back(intake: Intake) -> None:
    text = 'name,age\nAda,36\n=1+1,x\n"\'@b, ""c""\nd",200\nMax,1,2\n-5,y\n,z\n"",z\n'
    first = ingested(intake, text, ADULT)
    csv_text = "\n".join(first.download()) + "\n"
    for old, new in ((",x,", ",20,"), (",200,", ",21,"), (",y,", ",23,"), (",z,", ",24,")):
        csv_text = csv_text.replace(old, new)
    outcome, _ = first.correct_by_csv(csv_text)
    assert [tuple(row.values()) for row in outcome.rows] == [
        ("Ada", 36),
        ("=1+1", 20),
        ('\'@b, "c"\nd', 21),
        ("-5", 23),
        (None, 24),
        ("", 24),
    ]
    assert [(error["row"], error["column"], error["code"]) for error in outcome.errors] == [
        (4, "headgate_extra", "STRUCTURE")
    ]
    assert first.open_rows() == [4]


def test_rows_and_columns_of_the_table_may_be_left_out_and_come_in_any_order(intake: Intake) -> None:
    first = ingested(intake, PEOPLE, ADULT)
    text = "headgate_errors,age,headgate_row\nwhatever,31, 3 \n,30,2\n"
    outcome, _ = first.correct_by_csv(text)
    assert outcome.rows[1:] == [{"name": "Eve", "age": 31}, {"name": "Bob", "age": 30}]
    assert first.open_rows() == [4]


@pytest.mark.parametrize(
    "text",
    [
        "name,age\nBob,20\n",
        "headgate_row,age\n,20\n3,30\n",
        "headgate_row,age\nx,20\n",
        "headgate_row,age\n2.5,20\n",
        "headgate_row,age\n99999999999999999999,20\n",
        "headgate_row,age\n2,20\n3,30,40\n",
        'headgate_row,age\n2,20\n3,"30\n',
    ],
)
def test_a_broken_table_of_corrections_ingests_nothing(intake: Intake, text: str) -> None:
    first = ingested(intake, PEOPLE, ADULT)
    with pytest.raises(JobFault, match="INVALID_CORRECTIONS") as fault:
        first.correct_by_csv(text)
    assert fault.value.category == "DATA"
    assert first.open_rows() == [2, 3, 4]


def test_values_of_objects_come_back_as_what_they_were(intake: Intake) -> None:
    records = [
        {"id": 1, "on": True, "tags": ["a"], "size": {"x": 1}},
        {"id": 200, "on": False, "tags": ["b"], "size": {"x": 2}},
        {"id": 300, "on": True, "tags": [], "size": None},
    ]
    text = "".join(json.dumps(record) + "\n" for record in records)
    check = {"range": {"columns": ["id"], "max": 9}}
    first = ingested(intake, text, check, own=list(records[0]), format=FileFormat.NDJSON)
    table = "\n".join(first.download()) + "\n"
    table = table.replace("200", "2").replace("300", "3").replace("[]", '"[""c""]"')
    outcome, _ = first.correct_by_csv(table)
    assert outcome.errors == []
    assert outcome.rows == [
        records[0],
        {**records[1], "id": 2},
        {**records[2], "id": 3, "tags": ["c"]},
    ]


def test_a_table_without_rows_ingests_nothing(intake: Intake) -> None:
    first = ingested(intake, PEOPLE, ADULT)
    with pytest.raises(JobFault, match="INVALID_CORRECTIONS"):
        first.correct_by_csv("headgate_row,name,age\n")
