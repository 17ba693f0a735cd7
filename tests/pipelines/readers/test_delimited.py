"""Every cell of delimited text comes back exactly, wherever the windows are cut; broken rows alone are rejected."""

from dataclasses import dataclass, replace
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.errors import JobFault
from headgate.pipelines.dialect import Dialect
from headgate.pipelines.readers import sweep
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, Reading, new_intake

Row = tuple[str | None, ...]

CELLS = st.one_of(
    st.none(),
    st.just(""),
    st.text(st.sampled_from("ab,;\t|\"'\n\r 0é😀"), max_size=8),
    st.sampled_from(["007", "-0", "+5", "12345678901234567890123", "2024-02-29", "\r\n", "a\r\nb", ' "x" ']),
    st.text(max_size=12).filter(lambda text: "\x00" not in text),
)


@dataclass(frozen=True)
class Written:
    """A table as one tool or another writes it: `records` are the bytes of its rows, without terminators."""

    rows: list[Row]
    records: list[bytes]
    header: bytes
    dialect: Dialect
    terminator: bytes
    bom: bool = False
    ended: bool = True

    def content(self) -> bytes:
        lines = [self.header, *self.records]
        text = self.terminator.join(lines) + (self.terminator if self.ended else b"")
        return (b"\xef\xbb\xbf" if self.bom else b"") + text


def written(cell: str | None, delimiter: str, *, always: bool, literal: bool) -> bytes:
    """The bytes of a cell; where `literal`, a quote inside an unquoted cell is not escaped."""
    if cell is None:
        return b""
    if literal and cell and cell[0] != '"' and not any(mark in cell for mark in f"{delimiter}\r\n"):
        return cell.encode()
    special = not cell or any(mark in cell for mark in f'{delimiter}"\r\n')
    text = '"' + cell.replace('"', '""') + '"' if always or special else cell
    return text.encode()


@st.composite
def tables(draw: st.DrawFn, min_width: int = 1) -> Written:
    width = draw(st.integers(min_width, 5))
    rows = draw(st.lists(st.tuples(*[CELLS] * width), max_size=25))
    if width == 1:
        rows = [row for row in rows if row != (None,)]
    delimiter = draw(st.sampled_from(",;\t|"))
    terminator = draw(st.sampled_from([b"\n", b"\r\n", b"\r"]))
    always, literal = draw(st.booleans()), draw(st.booleans())
    records = [
        delimiter.encode().join(written(cell, delimiter, always=always, literal=literal) for cell in row)
        for row in rows
    ]
    header = delimiter.join(f"c{number}" for number in range(width)).encode()
    dialect = Dialect(delimiter=delimiter, newline=terminator.decode())
    ended = draw(st.booleans()) or not records or not records[-1]
    return Written(rows, records, header, dialect, terminator, draw(st.booleans()), ended)


def read(content: bytes, dialect: Dialect, window_bytes: int = sweep.WINDOW_BYTES) -> Reading:
    careful_bytes = min(sweep.CAREFUL_BYTES, window_bytes)
    with (
        patch.object(sweep, "WINDOW_BYTES", window_bytes),
        patch.object(sweep, "CAREFUL_BYTES", careful_bytes),
        new_intake() as intake,
    ):
        reading = intake.read(intake.file(content), FileFormat.CSV, dialect)
        _ = reading.frame
        return replace(
            reading, prepared=replace(reading.prepared, frame=reading.prepared.frame.collect().lazy())
        )


@settings(max_examples=250)
@given(tables(), st.integers(16, 200))
def test_every_cell_comes_back_wherever_the_windows_are_cut(table: Written, window_bytes: int) -> None:
    reading = read(table.content(), table.dialect, window_bytes)
    assert reading.rows == table.rows
    assert (reading.prepared.accepted, reading.rejected) == (len(table.rows), 0)
    assert [number for number, _ in reading.places()] == list(range(1, len(table.rows) + 1))


CODES = {
    "too long": "STRUCTURE",
    "too short": "STRUCTURE",
    "closed early": "STRUCTURE",
    "not UTF-8": "ENCODING",
}


def damaged_record(damage: str, width: int, delimiter: str) -> bytes:
    cells = {
        "too long": [b"x"] * (width + 1),
        "too short": [b"x"] * (width - 1),
        "closed early": [b'"x"y', *[b"z"] * (width - 1)],
        "not UTF-8": [*[b"x"] * (width - 1), b"caf\xe9"],
    }
    return delimiter.encode().join(cells[damage])


@settings(max_examples=250)
@given(st.data(), tables(min_width=2), st.integers(16, 200))
def test_damaged_rows_alone_are_rejected(data: st.DataObject, table: Written, window_bytes: int) -> None:
    damaged = data.draw(st.dictionaries(st.integers(0, 24), st.sampled_from(sorted(CODES)), max_size=8))
    records, codes = list(table.records), {}
    for index, damage in damaged.items():
        if index < len(records):
            records[index] = damaged_record(damage, len(table.rows[0]), table.dialect.delimiter or "")
            codes[index] = CODES[damage]
    content = replace(table, records=records).content()
    reading = read(content, table.dialect, window_bytes)

    newline = b"\r" if table.terminator == b"\r" else b"\n"
    before = [table.header, *records]
    lines = [sum(part.count(newline) + 1 for part in before[: row + 1]) + 1 for row in range(len(records))]
    assert reading.rows == [row for index, row in enumerate(table.rows) if index not in codes]
    assert [(e["row"], e["line"], e["code"], e["value"]) for e in reading.errors] == [
        (index + 1, lines[index], code, records[index].decode("utf-8", "replace"))
        for index, code in sorted(codes.items())
    ]
    assert reading.places() == [(row + 1, lines[row]) for row in range(len(records)) if row not in codes]
    assert reading.rejected == len(codes)
    assert reading.prepared.accepted + reading.rejected == len(records)


@settings(max_examples=60)
@given(tables(), st.sampled_from(["utf-16-le", "utf-16-be", "utf-32-le", "cp1252"]), st.integers(16, 200))
def test_other_encodings_are_read_as_well(table: Written, encoding: str, window_bytes: int) -> None:
    text = table.content().decode("utf-8-sig")
    encoded = text.encode(encoding, "ignore")
    if encoded.decode(encoding) != text:
        return
    reading = read(encoded, replace(table.dialect, encoding=encoding), window_bytes)
    assert (reading.rows, reading.rejected) == (table.rows, 0)


@pytest.mark.parametrize(
    ("content", "rows"),
    [
        ('a,b\n"",5" pipe\n', [("", '5" pipe')]),
        ('a,b\n1,say "hi", twice\n1,say "hi"\n', [("1", 'say "hi"')]),
        ("a,b\n\n1,2\n\r\n\n3,4\n\n", [("1", "2"), ("3", "4")]),
        ("\n\r\n\na,b\n1,2\n", [("1", "2")]),
        ("a\n1\n\n2\n", [("1",), ("2",)]),
        ('a\n""\n2\n', [("",), ("2",)]),
        ('a,b\r"x\ry",2\r3,"4\n"\r', [("x\ry", "2"), ("3", "4\n")]),
        ("a,b\r1\n2,3\r4,5\r", [("1\n2", "3"), ("4", "5")]),
        ("a,b\r1\n2,3\r4\r5,6\r", [("1\n2", "3"), ("5", "6")]),
        ("a,b\n1,\n,2\n,\n", [("1", None), (None, "2"), (None, None)]),
        ("a,b\n\x00,\x01\n", [("\x00", "\x01")]),
        ("a,b\n#1,2\n", [("#1", "2")]),
        ("a,b\n NA ,null\n", [(" NA ", "null")]),
        ("a,b", []),
        ("a,b\n", []),
        ("a,b\r\n\r\n", []),
    ],
)
def test_odd_text_is_read_as_it_stands(intake: Intake, content: str, rows: list[Row]) -> None:
    newline = "\r" if content.startswith(("a,b\r1", 'a,b\r"')) else "\n"
    assert intake.read(intake.file(content), FileFormat.CSV, Dialect(newline=newline)).rows == rows


def test_a_record_may_be_longer_than_many_windows(intake: Intake) -> None:
    cells = ["x" * 1_500_000, 'say "hi",\n' * 120_000, "é" * 400_001]
    text = "".join(f'{number},"{cell.replace(chr(34), chr(34) * 2)}"\n' for number, cell in enumerate(cells))
    reading = intake.read(intake.file("number,cell\n" + text), FileFormat.CSV)
    assert reading.rows == [(str(number), cell) for number, cell in enumerate(cells)]


def test_a_quote_that_is_never_closed_costs_one_line(intake: Intake) -> None:
    content = "a,b\n1,2\n" + '3,"4\n' + "5,6\n" * 3
    reading = intake.read(intake.file(content), FileFormat.CSV)
    assert reading.rows == [("1", "2")] + [("5", "6")] * 3
    assert [(error["row"], error["line"], error["column"]) for error in reading.errors] == [(2, 3, "b")]


def test_a_byte_without_a_character_is_rejected_beside_a_stray_quote_too(intake: Intake) -> None:
    content = b'a,b\n1,caf\xe9\n2,\x81\n3,5" \x81\n4,5" \xe9\n'
    reading = intake.read(intake.file(content), FileFormat.CSV, Dialect(encoding="cp1252"))
    assert reading.rows == [("1", "café"), ("4", '5" é')]
    assert [(error["row"], error["code"], error["column"]) for error in reading.errors] == [
        (2, "ENCODING", "b"),
        (3, "ENCODING", "b"),
    ]


def test_the_errors_of_a_row_show_its_cells_and_say_what_is_wrong(intake: Intake) -> None:
    reading = intake.read(intake.file('a,b\n1,"x, y",3\n1\n'), FileFormat.CSV, Dialect())
    assert [error["record"] for error in reading.errors] == ['["1","x, y","3"]', '["1"]']
    assert [error["column"] for error in reading.errors] == [None, "b"]
    assert "3 cells where the header names 2" in reading.errors[0]["message"]


@pytest.mark.parametrize("content", ["\n", "\r\n\r\n", "\n" * 300_000])
def test_a_file_of_blank_lines_is_empty(intake: Intake, content: str) -> None:
    with pytest.raises(JobFault, match="EMPTY_FILE"):
        intake.read(intake.file(content), FileFormat.CSV, Dialect())


def test_columns_without_a_name_or_with_a_name_of_another_get_their_own(intake: Intake) -> None:
    reading = intake.read(intake.file("a,,A,a\n1,2,3,4\n"), FileFormat.CSV, Dialect())
    assert list(reading.prepared.names) == ["a", "column_2", "A_2", "a_3"]


def test_skipped_lines_count_as_lines(intake: Intake) -> None:
    content = "Report\nof 2024\na,b\n1,2\n3\n"
    reading = intake.read(intake.file(content), FileFormat.CSV, Dialect(skip_rows=2))
    assert reading.rows == [("1", "2")]
    assert reading.places() == [(1, 4)]
    assert [(error["row"], error["line"]) for error in reading.errors] == [(2, 5)]


def test_a_file_without_a_header_loses_no_row(intake: Intake) -> None:
    reading = intake.read(intake.file("1,2\n3,4\n"), FileFormat.CSV, Dialect(has_header=False))
    assert list(reading.prepared.names) == ["column_1", "column_2"]
    assert reading.rows == [("1", "2"), ("3", "4")]
    assert reading.places() == [(1, 1), (2, 2)]
