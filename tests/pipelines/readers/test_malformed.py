"""Files as people send them: what can be read for certain is read, each other row is rejected and says why."""

import codecs
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.errors import JobFault
from headgate.pipelines.dialect import Dialect, GivenDialect
from headgate.pipelines.readers import sweep
from headgate.pipelines.readers.delimited import detect_dialect
from headgate.pipelines.replay import RowSet
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, Reading, new_intake
from tests.pipelines.readers.tables import Form, Row, Table, forms, table, tables_for

TABLE = "id,name,price\n1,Ann,1.5\n2,Bob,2.5\n3,Cy,3.5\n4,Di,4.5\n"
NAMES = ["id", "name", "price"]
ROWS: list[Row] = [("1", "Ann", "1.5"), ("2", "Bob", "2.5"), ("3", "Cy", "3.5"), ("4", "Di", "4.5")]
NUMBERED = ["column_1", "column_2", "column_3"]


@dataclass(frozen=True)
class Case:
    """A file and what comes of it: `errors` are lines with their codes and words of their messages."""

    content: str | bytes
    rows: list[Row] = field(default_factory=lambda: ROWS)
    names: list[str] = field(default_factory=lambda: NAMES)
    errors: list[tuple[int, str, str]] = field(default_factory=list)
    skipped: int = 0


CASES = {
    "a title": Case("Sales of May\n" + TABLE, skipped=1),
    "a title and a blank line": Case("Sales of May\n\n" + TABLE, skipped=2),
    "a title in the first of many cells": Case("Sales,,\n,,\n" + TABLE, skipped=2),
    "comments": Case("# made, by, us\n# for you\n" + TABLE, skipped=2),
    "notes in two cells": Case("Made by,Ann\nOn,2026-01-31\n\n" + TABLE, skipped=3),
    "a comment that names the columns": Case("#" + TABLE, names=["#id", "name", "price"]),
    "a footer": Case(TABLE + "Total: 4 rows\n", errors=[(6, "STRUCTURE", "some are missing")]),
    "a footer behind a blank line": Case(TABLE + "\nTotal,4\n", errors=[(7, "STRUCTURE", "")]),
    "a last line that ends early": Case(TABLE + "5,Ed", errors=[(6, "STRUCTURE", "has 2 cells")]),
    "no header": Case(TABLE.partition("\n")[2], names=NUMBERED),
    "a header with too few names": Case(
        TABLE.replace("id,name,price", "id,name"), names=NUMBERED, errors=[(1, "STRUCTURE", "some are missing")]
    ),
    "a header with too many names": Case(
        TABLE.replace("id,", "id,x,"), names=NUMBERED, errors=[(1, "STRUCTURE", "too many")]
    ),
    "a header that ends with a delimiter": Case(TABLE.replace("price", "price,")),
    "rows that end with a delimiter": Case(
        TABLE.replace(".5\n", ".5,\n"), rows=[(*row, "") for row in ROWS], names=[*NAMES, "column_4"]
    ),
    "a header with empty and repeated names": Case(
        TABLE.replace("id,name,price", "id,,id"), names=["id", "column_2", "id_2"]
    ),
    "a header with a stray quote": Case(
        TABLE.replace("name", '"na"me'), names=NUMBERED, errors=[(1, "STRUCTURE", "goes on after")]
    ),
    "units below the header": Case(
        "t,speed,name\ns,m/s,\n1,2.5,a\n2,3.5,b\n3,4.5,c\n",
        rows=[("1", "2.5", "a"), ("2", "3.5", "b"), ("3", "4.5", "c")],
        names=["t", "speed", "name"],
        errors=[(2, "STRUCTURE", "units")],
    ),
    "a header of two lines": Case(
        TABLE.replace("\n", "\nnumber,full,in EUR\n", 1), errors=[(2, "STRUCTURE", "goes on naming")]
    ),
    "missing values in the first row": Case(
        "t,speed,name\nn/a,-,\n1,2.5,a\n2,3.5,b\n3,4.5,c\n",
        rows=[("n/a", "-", ""), ("1", "2.5", "a"), ("2", "3.5", "b"), ("3", "4.5", "c")],
        names=["t", "speed", "name"],
    ),
    "the header again": Case(TABLE + TABLE, rows=ROWS * 2, errors=[(6, "STRUCTURE", "repeats the header")]),
    "another table of other width": Case(
        TABLE + "\ncity,km\nBerlin,5\nParis,6\n",
        errors=[(line, "STRUCTURE", "begins at line 7") for line in (7, 8, 9)],
    ),
    "another table of the same width": Case(
        TABLE + "\ncity,mayor,km\nBerlin,Kai,5\nParis,Anne,6\n",
        errors=[(line, "STRUCTURE", "begins at line 7") for line in (7, 8, 9)],
    ),
    "another table below a title": Case(
        TABLE + "\nCities\ncity,mayor,km\nBerlin,Kai,5\n",
        errors=[(7, "STRUCTURE", ""), (8, "STRUCTURE", "line 8"), (9, "STRUCTURE", "line 8")],
    ),
    "a larger table behind the first": Case(
        TABLE + "\ncity,km\n" + "Berlin,5\n" * 20,
        errors=[(line, "STRUCTURE", "begins at line 7") for line in range(7, 28)],
    ),
    "a summary amid the rows": Case(
        TABLE.replace("\n3", "\n\nSummary,of a day\n3"), errors=[(5, "STRUCTURE", "another table")]
    ),
    "a row of words and gaps behind a blank line": Case(
        TABLE + "\nx,n/a,-\n5,Ed,5.5\n", rows=[*ROWS, ("x", "n/a", "-"), ("5", "Ed", "5.5")]
    ),
    "gaps in a table": Case(TABLE.replace("\n2", "\n\n\n2")),
    "rows of other delimiters": Case(
        TABLE.replace("2,Bob,2.5", "2;Bob;2.5").replace("3,Cy,3.5", "3\tCy\t3.5"),
        rows=[ROWS[0], ROWS[3]],
        errors=[(3, "STRUCTURE", "has 1 cell"), (4, "STRUCTURE", "has 1 cell")],
    ),
    "too long and too short": Case(
        TABLE.replace("Ann,", "Ann,,").replace("Di,4.5", "Di"),
        rows=ROWS[1:3],
        errors=[(2, "STRUCTURE", "too many"), (5, "STRUCTURE", "some are missing")],
    ),
    "a quote that is never closed": Case(
        TABLE.replace("Bob", '"Bob'), rows=[ROWS[0], *ROWS[2:]], errors=[(3, "STRUCTURE", "never closed")]
    ),
    "a quote that closes early": Case(
        TABLE.replace("Bob", '"B"ob'), rows=[ROWS[0], *ROWS[2:]], errors=[(3, "STRUCTURE", "goes on after")]
    ),
    "quotes that nobody doubled": Case(
        TABLE.replace("Bob", '"say "Bob" so"'), rows=[ROWS[0], ("2", 'say "Bob" so', "2.5"), *ROWS[2:]]
    ),
    "quotes that nobody doubled beside a delimiter": Case(
        TABLE.replace("Bob", '"say "Bob", so"'), rows=[ROWS[0], *ROWS[2:]], errors=[(3, "STRUCTURE", "goes on")]
    ),
    "a row of Latin-1": Case(
        TABLE.encode().replace(b"Bob", b"B\xf6b"), rows=[ROWS[0], *ROWS[2:]], errors=[(3, "ENCODING", "UTF-8")]
    ),
    "a row of UTF-8 in Latin-1": Case(
        TABLE.encode().replace(b"Ann", b"\xc4nn\xfc").replace(b"Cy", b"\xc7y").replace(b"Bob", "Böb".encode()),
        rows=[("1", "Ännü", "1.5"), ("3", "Çy", "3.5"), ROWS[3]],
        errors=[(3, "ENCODING", "otherwise")],
    ),
    "half a character of UTF-16": Case(
        TABLE.encode("utf-16").replace("B".encode("utf-16-le"), b"\x00\xd8"),
        rows=[ROWS[0], *ROWS[2:]],
        errors=[(3, "ENCODING", "UTF-16")],
    ),
    "a mark and carriage returns": Case(codecs.BOM_UTF8 + TABLE.replace("\n", "\r").encode()),
    "a line that ends with a carriage return alone": Case(
        TABLE.replace("2.5\n", "2.5\r"),
        rows=[ROWS[0], ROWS[3]],
        errors=[(3, "STRUCTURE", "too many")],
    ),
}  # fmt: skip


def outcome(reading: Reading) -> tuple[list[Row], list[str], list[tuple[int, str]]]:
    rows = [tuple(cell or "" for cell in row) for row in reading.rows]
    return rows, list(reading.prepared.names), [(error["line"], error["code"]) for error in reading.errors]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_of_a_malformed_file_every_row_is_answered_for(intake: Intake, name: str, newline: str) -> None:
    case = CASES[name]
    content = case.content
    if isinstance(content, str):
        content = content.replace("\n", newline).encode()
    path = intake.file(content)
    reading = intake.read(path, FileFormat.CSV)
    assert outcome(reading) == (case.rows, case.names, [(line, code) for line, code, _ in case.errors])
    assert all(
        words in error["message"] for error, (_, _, words) in zip(reading.errors, case.errors, strict=True)
    )
    assert detect_dialect(path).skip_rows == case.skipped


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.errors])
def test_the_rejected_rows_of_a_malformed_file_are_read_again_alone(intake: Intake, name: str) -> None:
    path = intake.file(CASES[name].content)
    first = intake.read(path, FileFormat.CSV)
    numbers = np.array([error["row"] for error in first.errors])
    again = intake.read(path, FileFormat.CSV, only=RowSet(numbers))
    assert (again.rows, again.errors) == ([], first.errors)


DAMAGES = ("too long", "too short", "never closed", "closed early", "other delimiter")


def damaged(line: str, damage: str, form: Form) -> str:
    """A line of a table with a fault that leaves no doubt."""
    quote, mark = form.quote, form.delimiter
    other = "|" if mark != "|" else ";"
    return {
        "too long": line + mark + "x",
        "too short": mark.join(["7", "8", "9"]),
        "never closed": mark.join(["7", "8", "9", "10", f"{quote}x"]),
        "closed early": mark.join([f"{quote}7{quote}8", "8", "9", "10", "11"]),
        "other delimiter": other.join(["7", "8", "9", "10", "11"]),
    }[damage]


@settings(max_examples=60)
@given(st.data(), forms())
def test_of_damaged_rows_exactly_those_are_rejected_however_the_file_is_written(
    data: st.DataObject, form: Form
) -> None:
    """A quote that is never closed only where no other follows: else the rows between are one cell to any reader."""
    written: Table = data.draw(tables_for(form))
    places = st.dictionaries(st.integers(6, 11), st.sampled_from(DAMAGES), max_size=3)
    damages = {
        index: damage if damage != "never closed" or index == 11 else "too long"
        for index, damage in data.draw(places).items()
    }
    lines = [form.line(row) for row in written.rows]
    for index, damage in damages.items():
        lines[index] = damaged(lines[index], damage, form)
    head = [form.line(written.header)] if form.has_header else []
    content = "".join(line + form.newline for line in [*head, *lines]).encode(form.encoding)
    with new_intake() as intake:
        path = intake.file(content)
        reading = intake.read(path, FileFormat.CSV)
        rows = [tuple(cell or "" for cell in row) for row in reading.rows]
        assert rows == [row for index, row in enumerate(written.rows) if index not in damages]
        assert [error["row"] for error in reading.errors] == [index + 1 for index in sorted(damages)]
        assert [error["value"] for error in reading.errors] == [lines[index] for index in sorted(damages)]
        newline = "\r" if form.newline == "\r" else "\n"
        firsts = [1 + sum(part.count(newline) + 1 for part in [*head, *lines[:index]]) for index in range(12)]
        good = [(index + 1, firsts[index]) for index in range(12) if index not in damages]
        assert reading.places() == good
        chosen = data.draw(st.sets(st.integers(1, 12), min_size=1))
        again = intake.read(path, FileFormat.CSV, only=RowSet(np.array(sorted(chosen))))
        assert again.places() == [place for place in good if place[0] in chosen]
        assert [error["row"] for error in again.errors] == [
            row for row in sorted(chosen) if row - 1 in damages
        ]
        _ = again.frame


def test_a_table_may_be_larger_than_many_windows_in_any_form(intake: Intake) -> None:
    form = Form(", ", "'", "backslash", "\r", "utf-16", always=True)
    rows: list[Row] = [(str(n), f"it's, {n}", "a\\b", "", "x" * 50) for n in range(3_000)]
    content = form.text(Table(("a", "b", "c", "d", "e"), rows)) + "1, 2\r"
    with patch.object(sweep, "WINDOW_BYTES", 10_000):
        reading = intake.read(intake.file(content.encode("utf-16")), FileFormat.CSV)
    assert [tuple(cell or "" for cell in row) for row in reading.rows] == rows
    assert [(error["row"], error["line"]) for error in reading.errors] == [(3_001, 3_002)]


def test_an_older_dialect_is_still_understood() -> None:
    stored: dict[str, Any] = {
        "encoding": "utf-8", "delimiter": ";", "quote": '"', "escape": None, "newline": "\n",
        "has_header": True, "skip_rows": 0, "confidence": 0.9,
    }  # fmt: skip
    assert Dialect.from_json(stored).columns is None
    assert Dialect.from_json(Dialect.from_json(stored).to_json()) == Dialect.from_json(stored)


def test_lines_that_are_to_be_skipped_beyond_the_end_leave_nothing(intake: Intake) -> None:
    with pytest.raises(JobFault, match="EMPTY_FILE"):
        intake.read(intake.file(TABLE), FileFormat.CSV, given=GivenDialect(skip_rows=10_000))


def test_words_of_a_note_are_no_header(intake: Intake) -> None:
    """In a table of texts alone nothing tells a row from a header: it stays a row."""
    content = "first,last\nAnn,Smith\nBob,Jones\n\nCy,Young\n"
    reading = intake.read(intake.file(content), FileFormat.CSV)
    assert outcome(reading)[0] == [("Ann", "Smith"), ("Bob", "Jones"), ("Cy", "Young")]


def test_names_of_a_table_without_numbers_come_from_its_first_row(intake: Intake) -> None:
    assert table(3).header == ("id", "name", "price", "day", "note")
    reading = intake.read(intake.file(Form().content(table(3))), FileFormat.CSV)
    assert reading.prepared.names == list(table(3).header)


def test_types_are_found_in_records_that_were_written_anew(intake: Intake) -> None:
    content = "id,path,price\n" + "".join(f'{n},"\\"C:\\\\new\\"",{n}.5\n' for n in range(1, 200))
    outcome = intake.ingest(intake.file(content), FileFormat.CSV)
    assert outcome.types == {"id": "INTEGER", "path": "STRING", "price": "FLOAT"}
    assert outcome.rows[0] == {"id": 1, "path": '"C:\\new"', "price": 1.5}


PIECES = [
    *(
        "a",
        "1",
        "2.5",
        ",",
        ";",
        "\t",
        " ",
        ", ",
        "|",
        "'",
        '"',
        "\\",
        "\n",
        "\r\n",
        "\r",
        "\n\n",
        "é",
        "\x00",
    ),
    *("\x1e", "\x1f", "#", "id,name\n", '"x"', "'y'", "2026-01-01", "\n1,2\n3,4\n", "\ncity,km\n"),
]


@settings(max_examples=100)
@given(
    st.lists(st.sampled_from(PIECES), max_size=60),
    st.sampled_from(["utf-8", "cp1252", "utf-16"]),
    st.booleans(),
)
def test_of_any_text_each_record_is_accepted_or_rejected_once(
    pieces: list[str], encoding: str, cut_off: bool
) -> None:
    with (
        new_intake() as intake,
        patch.object(sweep, "WINDOW_BYTES", 64),
        patch.object(sweep, "CAREFUL_BYTES", 16),
    ):
        path = intake.file("".join(pieces).encode(encoding))
        try:
            reading = intake.read(path, FileFormat.CSV, cut_off=cut_off)
        except JobFault as fault:
            assert fault.code == "EMPTY_FILE"  # noqa: PT017
            return
        assert reading.frame.height == reading.prepared.accepted
        numbers = [row for row, _ in reading.places()] + [error["row"] for error in reading.errors]
        assert sorted(numbers) == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("between", [0, 1, 50, 40_000])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_rows_between_two_stray_quotes_are_not_taken_for_a_cell(
    intake: Intake, between: int, newline: str
) -> None:
    rows = [f"{n},name {n},{n}.5" for n in range(between + 4)]
    rows[1] = '1,"open,1.5'
    rows[2 + between] = f'{2 + between},shut",9.5'
    content = newline.join(["id,name,price", *rows, ""])
    reading = intake.read(intake.file(content), FileFormat.CSV)
    assert [(error["row"], error["line"], error["value"]) for error in reading.errors] == [(2, 3, rows[1])]
    assert reading.rows == [tuple(row.split(",")) for row in rows if row != rows[1]]


def test_a_cell_may_hold_many_lines_with_delimiters(intake: Intake) -> None:
    note = "Dear Sir,\nfive, six, seven\n1, two, 3\n\nYours,\nAnn"
    content = "id,price,note\n" + "".join(f'{n},{n}.5,"{note}"\n' for n in range(1000))
    reading = intake.read(intake.file(content), FileFormat.CSV)
    assert (reading.rows, reading.errors) == ([(str(n), f"{n}.5", note) for n in range(1000)], [])
