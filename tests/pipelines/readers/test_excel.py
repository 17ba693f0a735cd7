"""Workbooks are read cell by cell, with the numbers that their rows have in Excel."""

import io
import warnings
import zipfile
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
import xlsxwriter

from headgate.errors import JobFault
from headgate.pipelines.counts import Counts
from headgate.pipelines.readers import excel
from headgate.pipelines.replay import RowSet
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake


def workbook(rows: Iterable[Iterable[Any]], path: Path) -> Path:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    book.save(path)
    return path


def test_each_kind_of_cell_keeps_its_value(intake: Intake) -> None:
    header = ["text", "whole", "real", "mixed number", "flag", "day", "moment", "clock", "mixed", "nothing"]
    rows = [
        [
            "007",
            5,
            1.25,
            1,
            True,
            datetime(2024, 2, 29),
            datetime(2024, 2, 29, 12, 30),
            time(1, 2),
            "x",
            None,
        ],
        ["N/A", -3, 0.1, 2.5, False, date(2024, 3, 1), datetime(2024, 3, 1), time(3, 4, 5), 7, None],
        [" =1", 2**53, -2.5, 3, None, None, None, None, date(2024, 3, 1), None],
        ["", 0, 1e300, 4, True, None, None, None, True, None],
    ]
    outcome = intake.ingest(workbook([header, *rows], intake.folder / "book"), FileFormat.EXCEL)
    assert outcome.types == {
        "text": "STRING",
        "whole": "INTEGER",
        "real": "FLOAT",
        "mixed number": "FLOAT",
        "flag": "BOOLEAN",
        "day": "DATE",
        "moment": "DATETIME",
        "clock": "STRING",
        "mixed": "STRING",
        "nothing": "STRING",
    }
    columns = {name: [row[name] for row in outcome.rows] for name in header}
    assert columns == {
        "text": ["007", "N/A", " =1", None],
        "whole": [5, -3, str(2**53), 0],
        "real": [1.25, 0.1, -2.5, 1e300],
        "mixed number": [1.0, 2.5, 3.0, 4.0],
        "flag": [True, False, None, True],
        "day": ["2024-02-29", "2024-03-01", None, None],
        "moment": ["2024-02-29T12:30:00", "2024-03-01T00:00:00", None, None],
        "clock": ["01:02:00", "03:04:05", None, None],
        "mixed": ["x", "7", "2024-03-01", "true"],
        "nothing": [None] * 4,
    }


def test_rows_keep_the_numbers_that_they_have_in_the_sheet(intake: Intake) -> None:
    path = intake.folder / "book"
    book = xlsxwriter.Workbook(str(path))
    sheet = book.add_worksheet()
    sheet.write_row(2, 0, ["a", "b"])
    sheet.write_row(3, 0, [1, 2])
    sheet.write_row(6, 0, [3])
    sheet.write_row(8, 0, [5, 6, 7])
    sheet.write_formula(9, 0, "=1/0", value="#DIV/0!")
    sheet.write_formula(11, 1, "=1+1", value=2)
    book.close()
    outcome = intake.ingest(path, FileFormat.EXCEL)
    assert outcome.rows == [{"a": 1, "b": 2}, {"a": 3, "b": None}, {"a": None, "b": 2}]
    assert [(e["row"], e["line"], e["column"], e["value"], e["code"]) for e in outcome.errors] == [
        (3, 9, None, "7", "STRUCTURE"),
        (4, 10, "a", "#DIV/0!", "CELL_ERROR"),
    ]
    reading = intake.read(path, FileFormat.EXCEL)
    assert reading.places() == [(1, 4), (2, 7), (5, 12)]


def test_only_the_first_sheet_is_read_and_names_get_their_own(intake: Intake) -> None:
    path = intake.folder / "book"
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (["a", None, "a", 2024, 1.5], [1, 2, 3, 4, 5]):
        sheet.append(row)
    book.create_sheet("more").append(["other"])
    book.save(path)
    outcome = intake.ingest(path, FileFormat.EXCEL)
    assert outcome.rows == [{"a": 1, "column_2": 2, "a_2": 3, "2024": 4, "1.5": 5}]


@pytest.mark.parametrize("rows", [[], [[None, None]]])
def test_an_empty_sheet_is_an_empty_file(intake: Intake, rows: list[Any]) -> None:
    with pytest.raises(JobFault, match="EMPTY_FILE"):
        intake.ingest(workbook(rows, intake.folder / "book"), FileFormat.EXCEL)


def test_a_header_alone_makes_an_empty_version(intake: Intake) -> None:
    outcome = intake.ingest(workbook([["a", "b"]], intake.folder / "book"), FileFormat.EXCEL)
    assert (outcome.counts, outcome.rows) == (Counts(read=0, accepted=0, rejected=0), [])


def test_types_hold_over_many_blocks(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgate.pipelines.recordblocks.BLOCK_RECORDS", 2)
    values = [datetime(2024, 1, 1), datetime(2024, 1, 2), datetime(2024, 1, 3, 4), None, "soon", 5]
    rows: list[list[Any]] = [["when", "day"], *([value, datetime(2024, 1, 1)] for value in values)]
    outcome = intake.ingest(workbook(rows, intake.folder / "book"), FileFormat.EXCEL)
    assert [row["when"] for row in outcome.rows] == [
        "2024-01-01",
        "2024-01-02",
        "2024-01-03T04:00:00",
        None,
        "soon",
        "5",
    ]
    assert outcome.types["day"] == "DATE"


def test_durations_are_kept_as_text(intake: Intake) -> None:
    path = intake.folder / "book"
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["long"])
    sheet.append([timedelta(hours=30)])
    book.save(path)
    assert intake.ingest(path, FileFormat.EXCEL).rows == [{"long": "P1DT6H"}]


def test_a_workbook_that_unpacks_to_too_much_is_refused(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = workbook([["a"], ["x" * 1000]], intake.folder / "book")
    monkeypatch.setattr(excel, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(JobFault, match="FILE_TOO_LARGE"):
        intake.ingest(path, FileFormat.EXCEL)


def rewritten(path: Path, member: str, old: bytes, new: bytes) -> Path:
    """The workbook with a part of one of its members replaced."""
    content = io.BytesIO(path.read_bytes())
    with zipfile.ZipFile(content) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            assert name != member or old in data
            target.writestr(name, data.replace(old, new) if name == member else data)
    return path


@pytest.mark.parametrize(
    ("member", "old", "new"),
    [
        ("xl/worksheets/sheet1.xml", b"</row>", b"<row>"),
        ("xl/worksheets/sheet1.xml", b'r="2"', b'r="999999999999"'),
        ("xl/worksheets/sheet1.xml", b'r="A2"', b'r="ZZZZZZ2"'),
        ("xl/workbook.xml", b"<sheets>", b"<sheet>"),
    ],
)
def test_a_damaged_workbook_is_unreadable(intake: Intake, member: str, old: bytes, new: bytes) -> None:
    path = rewritten(workbook([["a"], ["b"]], intake.folder / "book"), member, old, new)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(JobFault, match="UNREADABLE_FILE"):
            intake.ingest(path, FileFormat.EXCEL)
    assert intake.parquet_files() == set()


def test_titles_above_the_header_are_rejected_and_the_header_is_found(intake: Intake) -> None:
    rows: list[list[Any]] = [
        ["Sales of May"],
        [],
        ["made by Ann"],
        ["id", "name", "price"],
        [1, "Ann", 1.5],
        [2, "Bob", "x"],
    ]
    path = workbook(rows, intake.folder / "book")
    reading = intake.read(path, FileFormat.EXCEL)
    assert reading.rows == [(1, "Ann", "1.5"), (2, "Bob", "x")]
    assert list(reading.prepared.names) == ["id", "name", "price"]
    assert reading.places() == [(3, 5), (4, 6)]
    assert [(error["row"], error["line"], error["code"]) for error in reading.errors] == [
        (1, 1, "STRUCTURE"),
        (2, 3, "STRUCTURE"),
    ]
    assert reading.errors[0]["record"] == '["Sales of May"]'
    again = intake.read(path, FileFormat.EXCEL, only=RowSet(np.array([2, 4])))
    assert (again.rows, again.places(), again.errors) == ([(2, "Bob", "x")], [(4, 6)], reading.errors[1:])


@pytest.mark.parametrize(
    "rows",
    [
        [["a"], [1, 2], [3, 4]],
        [["a", "b"], [1, 2, 3], [4, 5, 6]],
        [["a", None, "c"], [1, 2, 3], [4, 5, 6]],
        [["a", "b", "c"], [1], [2], [3]],
    ],
)
def test_what_may_be_a_header_is_taken_for_no_title(intake: Intake, rows: list[list[Any]]) -> None:
    reading = intake.read(workbook(rows, intake.folder / "book"), FileFormat.EXCEL)
    assert reading.prepared.names[0] == "a"
    assert reading.prepared.accepted + reading.rejected == len(rows) - 1
