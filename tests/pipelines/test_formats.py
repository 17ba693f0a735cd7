"""A file's format is told from its content, and held against its name."""

import gzip
import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from headgate.errors import JobFault
from headgate.pipelines import formats
from headgate.pipelines.inspector import inspect
from headgate.storage.formats import FileFormat
from tests.pipelines.intake import Intake

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd


def written(write: Callable[[io.BytesIO], object]) -> bytes:
    content = io.BytesIO()
    write(content)
    return content.getvalue()


def archive(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return content.getvalue()


FRAME = pl.DataFrame({"a": [1, 2], "b": ["x", "y"]})
CSV = b"a,b\n1,x\n2,y\n"
TSV = b"a\tb\n1\tx\n2\ty\n"
JSON = b'[{"a": 1}, {"a": 2}]'
NDJSON = b'{"a": 1}\n{"a": 2}\n'
PARQUET = written(FRAME.write_parquet)
ARROW = written(FRAME.write_ipc)
EXCEL = written(openpyxl.Workbook().save)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
OLE2 = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)


@pytest.mark.parametrize(
    ("name", "content", "format"),
    [
        ("a.csv", CSV, "CSV"),
        ("A.CSV", CSV, "CSV"),
        ("a.txt", CSV, "CSV"),
        ("a", CSV, "CSV"),
        ("a.dat", CSV, "CSV"),
        ("a.csv", b"one\ntwo\n", "CSV"),
        ("a.csv", CSV.decode().encode("utf-16"), "CSV"),
        ("a.csv", CSV.decode().encode("utf-16-be"), "CSV"),
        ("a.csv", b"\xef\xbb\xbf" + CSV, "CSV"),
        ("a.csv", "a,b\n1,caf\xe9\n".encode("cp1252"), "CSV"),
        ("a.csv", TSV, "CSV"),
        ("a.tsv", TSV, "TSV"),
        ("a.txt", TSV, "TSV"),
        ("a.json", JSON, "JSON"),
        ("a.json", b"\xef\xbb\xbf \n" + JSON, "JSON"),
        ("a.json", JSON.decode().encode("utf-16"), "JSON"),
        ("a.geojson", b'{"type": "x", "features": []}', "JSON"),
        ("a.json", b"[]", "JSON"),
        ("a.json", NDJSON, "NDJSON"),
        ("a.ndjson", NDJSON, "NDJSON"),
        ("a.jsonl", b'{"a": 1}', "NDJSON"),
        ("a", NDJSON, "NDJSON"),
        ("a.parquet", PARQUET, "PARQUET"),
        ("a", PARQUET, "PARQUET"),
        ("a.arrow", ARROW, "ARROW"),
        ("a.feather", ARROW, "ARROW"),
        ("a.xlsx", EXCEL, "EXCEL"),
        ("a", EXCEL, "EXCEL"),
        ("report.2024", CSV, "CSV"),
        ("a.csv.gz", gzip.compress(CSV, mtime=0), "CSV"),
        ("a.tsv.gz", gzip.compress(TSV, mtime=0), "TSV"),
        ("A.NDJSON.GZ", gzip.compress(NDJSON, mtime=0), "NDJSON"),
        ("a.csv", gzip.compress(CSV, mtime=0), "CSV"),
        ("a", gzip.compress(JSON, mtime=0), "JSON"),
        ("a.csv.zst", zstd.compress(CSV), "CSV"),
        ("a.json.zstd", zstd.compress(NDJSON), "NDJSON"),
        ("../../etc/cron.d/x.csv", CSV, "CSV"),
    ],
)
def test_a_format_is_told_from_the_content(intake: Intake, name: str, content: bytes, format: str) -> None:
    assert formats.identify(intake.file(content), name) == FileFormat(format)


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.csv", b"", "EMPTY_FILE"),
        ("a.json", b" \n\t\r\n", "EMPTY_FILE"),
        ("a.parquet", b"", "EMPTY_FILE"),
        ("a.csv", b"\xef\xbb\xbf", "EMPTY_FILE"),
        ("a.csv", "\ufeff \n".encode("utf-16-le"), "EMPTY_FILE"),
        ("a.csv", PNG, "UNSUPPORTED_FORMAT"),
        ("a.png", PNG, "UNSUPPORTED_FORMAT"),
        ("a.csv", bytes(range(256)) * 4, "UNSUPPORTED_FORMAT"),
        ("a.csv", bytes(1000), "UNSUPPORTED_FORMAT"),
        ("a.xls", OLE2, "UNSUPPORTED_FORMAT"),
        ("a.xlsx", OLE2, "UNSUPPORTED_FORMAT"),
        ("a.xlsx", archive("word/document.xml"), "UNSUPPORTED_FORMAT"),
        ("a.zip", archive("a.csv"), "UNSUPPORTED_FORMAT"),
        ("a.pdf", b"%PDF-1.7\n1 0 obj\n", "UNSUPPORTED_FORMAT"),
        ("a.gz", b"\x1f\x8b\x08\x00" + bytes(50), "UNREADABLE_FILE"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "EMPTY_FILE"),
        ("a.parquet.gz", gzip.compress(PARQUET, mtime=0), "UNSUPPORTED_FORMAT"),
        ("a.json.gz", gzip.compress(CSV, mtime=0), "FORMAT_MISMATCH"),
        ("a.html", b"<html><body>\n<p>Hello, you</p>\n", "UNSUPPORTED_FORMAT"),
        ("a.parquet", CSV, "FORMAT_MISMATCH"),
        ("a.csv", PARQUET, "FORMAT_MISMATCH"),
        ("a.csv", JSON, "FORMAT_MISMATCH"),
        ("a.csv", EXCEL, "FORMAT_MISMATCH"),
        ("a.json", CSV, "FORMAT_MISMATCH"),
        ("a.xlsx", CSV, "FORMAT_MISMATCH"),
        ("a.arrow", PARQUET, "FORMAT_MISMATCH"),
        ("a.parquet", ARROW, "FORMAT_MISMATCH"),
    ],
)
def test_what_a_file_is_not_is_said(intake: Intake, name: str, content: bytes, code: str) -> None:
    with pytest.raises(JobFault, match=code) as failed:
        formats.identify(intake.file(content), name)
    assert failed.value.category == "DATA"


def test_a_format_that_was_given_counts_more_than_a_name(intake: Intake) -> None:
    assert formats.identify(intake.file(CSV), "a.parquet", FileFormat.CSV) is FileFormat.CSV
    with pytest.raises(
        JobFault, match="FORMAT_MISMATCH: The format given is PARQUET, but the content is CSV"
    ):
        formats.identify(intake.file(CSV), "a.csv", FileFormat.PARQUET)


def test_ndjson_with_a_long_first_line_is_told(intake: Intake) -> None:
    line = b'{"a": [{"b": "' + b"x" * 100_000 + b'"}]}\n'
    assert formats.identify(intake.file(line * 2), "a.json") is FileFormat.NDJSON
    assert formats.identify(intake.file(line * 2), "a") is FileFormat.NDJSON
    assert formats.identify(intake.file(line), "a.json") is FileFormat.JSON


@pytest.mark.parametrize("content", [CSV, JSON, NDJSON, PARQUET, ARROW])
def test_an_inspection_shows_columns_and_first_records(intake: Intake, content: bytes) -> None:
    found = inspect(intake.file(content), "a", intake.scratch(), rows=1)
    assert (found.columns[0].name, found.columns[0].type.value) == ("a", "INTEGER")
    assert [record["a"] for record in found.records] == [1]
    assert found.has_more


def test_an_inspection_of_a_large_file_reads_its_head_alone(intake: Intake) -> None:
    path = intake.file("a,b\n" + '1,"x\ny"\n' * 1_000_000)
    found = inspect(path, "a.csv", intake.scratch(), rows=2)
    assert found.records == [{"a": 1, "b": "x\ny"}] * 2
    assert found.has_more


def test_an_inspection_shows_an_unknown_dialect(intake: Intake, tmp_path: Path) -> None:
    content = 'name;price\r\n"Smith; Co";1,5\r\nInc;2,5\r\n'.encode("utf-16")
    found = inspect(intake.file(content), "a.csv", intake.scratch(), rows=5)
    assert found.dialect is not None
    assert (found.dialect.delimiter, found.dialect.newline, found.dialect.encoding) == (
        ";",
        "\r\n",
        "utf-16-le",
    )
    assert found.records == [{"name": "Smith; Co", "price": "1,5"}, {"name": "Inc", "price": "2,5"}]
    assert not found.has_more
