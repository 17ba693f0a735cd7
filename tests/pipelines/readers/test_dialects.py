"""How text is written is found from the text alone; what a caller says of it counts more."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.pipelines.dialect import Dialect, GivenDialect, detect
from headgate.pipelines.encodings import detect_encoding
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake, Reading, new_intake
from tests.pipelines.readers.tables import DELIMITERS, ENCODINGS, Form, Row, Table, forms, table, tables_for


def found(content: bytes | str, **known: Any) -> Dialect:
    content = content.encode() if isinstance(content, str) else content
    return detect(content, complete=True, given=GivenDialect(**known))


def texts(reading: Reading) -> list[Row]:
    return [tuple(cell or "" for cell in row) for row in reading.rows]


@settings(max_examples=80)
@given(st.data())
def test_every_way_to_write_a_table_is_found_and_every_cell_comes_back(data: st.DataObject) -> None:
    """Not found, and not tried here, is a quote that nothing shows, and one character that may be an error.

    So a single quote is found where it is needed for some cell, or stands around all cells of a column; of a file
    with one single byte that is no UTF-8, that row is rejected; and texts in which a quote that nobody escaped stands
    beside a delimiter are rejected too.
    """
    form = data.draw(forms())
    written = data.draw(tables_for(form))
    with new_intake() as intake:
        reading = intake.read(intake.file(form.content(written)), FileFormat.CSV)
        assert (texts(reading), reading.errors) == (written.rows, [])
    names = written.header if form.has_header else tuple(f"column_{n}" for n in range(1, 6))
    assert tuple(reading.prepared.names) == names


@pytest.mark.parametrize("delimiter", DELIMITERS)
@pytest.mark.parametrize("always", [True, False])
def test_a_delimiter_is_found_whatever_else_stands_in_the_texts(delimiter: str, always: bool) -> None:
    written = table(10, notes=["one, two; three", "a|b", "tab\there", "x, y", "p; q"])
    form = Form(delimiter, always=always)
    dialect = found(form.content(written))
    assert (dialect.delimiter, dialect.quote, dialect.escape, dialect.has_header) == (
        delimiter,
        '"',
        None,
        True,
    )


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "text",
    ["имя;город\nИван;Москва\nАнна;Омск\n", "a,b\n1,2\n", "名,值\n东京,1\n大阪,2\n", "a\n"],  # noqa: RUF001
)
def test_an_encoding_is_found_with_and_without_its_mark(encoding: str, text: str) -> None:
    try:
        content = text.encode(encoding)
    except UnicodeEncodeError:
        return
    expected = {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(encoding, encoding)
    assert detect_encoding(content) == ("utf-8" if content.isascii() and b"\0" not in content else expected)


@pytest.mark.parametrize(
    ("content", "quote", "escape"),
    [
        ("id,text\n1,don't\n2,'tis\n3,it's 'fine'\n4,'ok'\n", '"', None),
        ("id,path\n1,C:\\new\n2,\\\\host\\x\n", '"', None),
        ('id,path\n1,"C:\\new\\"\n2,"D:\\x, y\\"\n', '"', None),
        ('id,text\n1,"a"\n2,"4"x\n3,\'b\'\n', '"', None),
        ("id,text\n1,'a, b'\n2,c\n", "'", None),
        ("'id','text'\n'1','a'\n'2','b'\n", "'", None),
        ("id,text\n1,a\\, b\n2,c\n3,d\n", '"', "\\"),
        ('id,text\n1,"say \\"a\\""\n2,c\n', '"', "\\"),
        ("id,text\n1,'it\\'s, so'\n2,c\n", "'", "\\"),
    ],
)
def test_an_unusual_quote_or_escape_has_to_show_itself(content: str, quote: str, escape: str | None) -> None:
    dialect = found(content)
    assert (dialect.quote, dialect.escape, dialect.delimiter) == (quote, escape, ",")


@pytest.mark.parametrize(
    "content",
    [
        "name\nAnn\nBob\n",
        "name\nHello, my friend\nBob\nCy\n",
        "the red fox\na dog\nmy own old cat\n",
        "Ann B\nCy D\n",
        "x",
    ],
)
def test_text_that_nothing_parts_is_one_column(intake: Intake, content: str) -> None:
    reading = intake.read(intake.file(content), FileFormat.CSV)
    assert (len(reading.prepared.names), reading.rejected) == (1, 0)


@pytest.mark.parametrize(
    ("content", "has_header"),
    [
        ("id,name\n1,Ann\n", True),
        ("1,Ann\n2,Bob\n", False),
        ("Ann,B\nCy,D\nAnn,E\n", False),
        ("first,last\nAnn,Smith\nBob,Jones\n", True),
        ("a,b,c\n", True),
        ("1,2,3\n", False),
        ("day,at\n2026-01-01,12:30\n2026-01-02,13:30\n", True),
    ],
)
def test_a_header_is_told_by_what_stands_below_it(content: str, has_header: bool) -> None:
    assert found(content).has_header is has_header


def read(intake: Intake, content: str | bytes, **known: Any) -> Reading:
    return intake.read(intake.file(content), FileFormat.CSV, given=GivenDialect(**known))


@pytest.mark.parametrize(
    ("content", "known", "rows"),
    [
        ("a,b;c\n1,2;3\n", {"delimiter": ";"}, [("1,2", "3")]),
        ("a-b\n1-2\n", {"delimiter": "-"}, [("1", "2")]),
        ("a::b\n".replace("::", ":|") + "1:|2:3\n", {"delimiter": ":|"}, [("1", "2:3")]),
        ("a§b\n1§'2§3'\n", {"delimiter": "§", "quote": "'"}, [("1", "2§3")]),
        ('a\x1eb\n1\x1e"2\n', {"delimiter": "\x1e", "quote": ""}, [("1", '"2')]),
        ('a,b\n1,"2\n3,""4"\n', {"quote": ""}, [("1", '"2'), ("3", '""4"')]),
        ("a,b\n1,2\x1e\n\x1e3,4\n", {"quote": ""}, [("1", "2\x1e"), ("\x1e3", "4")]),
        ("a,b\n1,^'2^'\n", {"escape": "^", "quote": "'"}, [("1", "'2'")]),
        ("a,b\n1,\\\\2\n", {"escape": ""}, [("1", "\\\\2")]),
        ("a,b\n1,\\\\2\\n\n", {"escape": "\\"}, [("1", "\\2\\n")]),
        ("a,b\n1,2\n", {"has_header": False}, [("a", "b"), ("1", "2")]),
        ("x,y,z\nnot,this\na,b\n1,2\n", {"skip_rows": 2}, [("1", "2")]),
        ("x,y,z\nnot,this\na,b\n1,2\n", {"skip_rows": 3, "has_header": False}, [("1", "2")]),
        ("a,b\r1,2\n3\r", {"newline": "\r"}, [("1", "2\n3")]),
        ("a,b\n1,\u20ac\n".encode("cp1252"), {"encoding": "iso8859-15"}, [("1", "\x80")]),
        ("a,b\n1,caf\u00e9\n".encode(), {"encoding": "cp1252"}, [("1", "cafÃ©")]),
        ("a,b\n1,\u00e9\n".encode("cp037"), {"encoding": "cp037"}, [("1", "\u00e9")]),
    ],
)
def test_what_is_given_is_not_looked_for(
    intake: Intake, content: str | bytes, known: dict[str, Any], rows: list[Row]
) -> None:
    reading = read(intake, content, **known)
    assert (reading.rows, reading.errors) == (rows, [])


@settings(max_examples=40)
@given(
    st.data(),
    st.sets(st.sampled_from(["encoding", "delimiter", "quote", "newline", "has_header", "skip_rows"])),
)
def test_any_part_of_a_dialect_may_be_given(data: st.DataObject, parts: set[str]) -> None:
    form = replace(data.draw(forms()), escape="doubled")
    written: Table = data.draw(tables_for(form))
    whole = {
        "encoding": {"utf-8-sig": "utf-8"}.get(form.encoding, form.encoding),
        "delimiter": form.delimiter,
        "quote": form.quote,
        "newline": form.newline,
        "has_header": form.has_header,
        "skip_rows": 0,
    }
    known = {name: value for name, value in whole.items() if name in parts}
    dialect = found(form.content(written), **known)
    assert {name: getattr(dialect, name) for name in known} == known
    with new_intake() as intake:
        assert texts(read(intake, form.content(written), **known)) == written.rows
