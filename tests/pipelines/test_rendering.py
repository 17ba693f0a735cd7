"""Files for downloads hold exactly the rows, in every format."""

import io
import json
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from headgate.errors import JobFault
from headgate.pipelines.rendering import WRITERS
from headgate.pipelines.workbooks import MAX_CELL_CHARACTERS
from headgate.storage.columns import Column, json_records
from headgate.storage.csvcells import unescaped
from headgate.storage.formats import FileFormat

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8) | st.sampled_from(
    ["=1+1", "-1", "+49 30", "@x", "'=x", "", " ", 'a "b", c', "é\t日"]
)
MOMENTS = st.datetimes(datetime(1000, 1, 1), datetime(9999, 1, 1))
VALUES: dict[str, tuple[pl.DataType, st.SearchStrategy[Any]]] = {
    "text": (pl.String(), TEXTS),
    "integer": (pl.Int64(), st.integers(-(2**63), 2**63 - 1)),
    "float": (pl.Float64(), st.floats(allow_nan=False, allow_infinity=False)),
    "decimal": (pl.Decimal(38, 4), st.decimals("-1e20", "1e20", places=4)),
    "boolean": (pl.Boolean(), st.booleans()),
    "date": (pl.Date(), st.dates(date(1000, 1, 1))),
    "time": (pl.Time(), st.times()),
    "moment": (pl.Datetime("us"), MOMENTS),
    "zoned": (pl.Datetime("us", "UTC"), MOMENTS.map(lambda moment: moment.replace(tzinfo=UTC))),
    "binary": (pl.Binary(), st.binary(max_size=4)),
    "list": (pl.List(pl.Int64()), st.lists(st.integers(0, 9), max_size=3)),
    "struct": (pl.Struct({"a": pl.String()}), st.fixed_dictionaries({"a": st.none() | TEXTS})),
}
SCHEMA = {"row": pl.Int64(), **{name: dtype for name, (dtype, _) in VALUES.items()}}
ROWS = st.lists(
    st.fixed_dictionaries({name: st.none() | values for name, (_, values) in VALUES.items()}), max_size=4
)
COLUMNS = [Column(name, dtype) for name, dtype in SCHEMA.items()]
several = settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    database=None,
)


def rendered(frame: pl.DataFrame, format: FileFormat, folder: Path) -> bytes:
    target = folder / "rows"
    target.unlink(missing_ok=True)
    columns = [Column(name, dtype) for name, dtype in frame.schema.items()]
    WRITERS[format](frame.lazy(), columns, target)
    return target.read_bytes()


def sheet(book: bytes) -> list[list[Any]]:
    """The cells of the only sheet of a workbook."""
    rows = openpyxl.load_workbook(io.BytesIO(book))["rows"].iter_rows()
    return [[cell.value for cell in row] for row in rows]


def table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame([{"row": number, **row} for number, row in enumerate(rows)], schema=SCHEMA)


@several
@given(ROWS)
def test_parquet_and_arrow_keep_every_type(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    frame = table(rows)
    assert_frame_equal(pl.read_parquet(rendered(frame, FileFormat.PARQUET, tmp_path)), frame)
    assert_frame_equal(pl.read_ipc(rendered(frame, FileFormat.ARROW, tmp_path)), frame)


@several
@given(ROWS)
def test_ndjson_has_the_values_of_rows(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    frame = table(rows)
    lines = rendered(frame, FileFormat.NDJSON, tmp_path).splitlines()
    assert [json.loads(line) for line in lines] == json.loads(json.dumps(json_records(frame, {})))


@several
@given(ROWS, st.sampled_from([FileFormat.CSV, FileFormat.TSV]))
def test_delimited_text_loses_nothing(tmp_path: Path, rows: list[dict[str, Any]], format: FileFormat) -> None:
    frame = table(rows)
    text = rendered(frame, format, tmp_path)
    separator = "\t" if format is FileFormat.TSV else ","
    found = pl.read_csv(
        text,
        infer_schema=False,
        separator=separator,
        schema=dict.fromkeys(SCHEMA, pl.String()),
    )
    read = found.select(
        pl.col("row", "integer").cast(pl.Int64),
        unescaped(pl.col("text")),
        pl.col("float").cast(pl.Float64),
        pl.col("decimal").cast(pl.Decimal(38, 4)),
        pl.col("date").str.to_date("%Y-%m-%d"),
        pl.col("time").str.to_time("%H:%M:%S%.f"),
        pl.col("moment").str.to_datetime("%Y-%m-%dT%H:%M:%S%.f", time_unit="us"),
        pl.col("zoned").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", time_zone="UTC"),
        pl.col("binary").str.decode("base64"),
    )
    assert_frame_equal(read, frame.select(read.columns), check_exact=True)
    assert found["boolean"].to_list() == [
        None if value is None else str(value).lower() for value in frame["boolean"]
    ]
    for name in ("list", "struct"):
        values = [None if each is None else json.loads(each) for each in found[name]]
        assert values == frame[name].to_list()


@several
@given(ROWS)
def test_a_cell_of_excel_has_its_value_or_a_text_that_says_it(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    header, *cells = sheet(rendered(table(rows), FileFormat.EXCEL, tmp_path))
    assert header == list(SCHEMA)
    for number, (row, found) in enumerate(zip(rows, cells, strict=True)):
        said = dict(zip(SCHEMA, found, strict=True))
        assert said["row"] == number
        assert said["text"] == row["text"]
        assert (None if said["integer"] is None else int(said["integer"])) == row["integer"]
        assert (None if said["decimal"] is None else Decimal(str(said["decimal"]))) == row["decimal"]
        assert said["float"] == (None if row["float"] is None else float(f"{row['float']:.16G}"))
        assert said["boolean"] is row["boolean"]


def test_cells_that_would_be_formulas_are_texts_in_every_spreadsheet(tmp_path: Path) -> None:
    frame = pl.DataFrame({"=a": ["=1+1", "@x", "-5", None]})
    assert rendered(frame, FileFormat.CSV, tmp_path) == b"'=a\n'=1+1\n'@x\n-5\n\n"
    cells = sheet(rendered(frame, FileFormat.EXCEL, tmp_path))
    assert cells[:4] == [["=a"], ["=1+1"], ["@x"], ["-5"]]


def test_excel_gets_numbers_and_days_as_such_where_it_can_hold_them(tmp_path: Path) -> None:
    frame = pl.DataFrame(
        {
            "exact": [10**15 - 1, 10**15],
            "money": [Decimal("12.50"), Decimal("123456789012345.67")],
            "day": [date(2024, 2, 29), date(1900, 2, 28)],
            "moment": [datetime(2024, 1, 1, 12, 30, 15, 250_000), datetime(2024, 1, 1, 0, 0, 0, 1)],
            "clock": [time(1, 2, 3), None],
        }
    )
    _, first, second = sheet(rendered(frame, FileFormat.EXCEL, tmp_path))
    assert first == [
        10**15 - 1,
        12.5,
        datetime(2024, 2, 29),
        datetime(2024, 1, 1, 12, 30, 15, 250_000),
        "01:02:03",
    ]
    assert second == [str(10**15), "123456789012345.67", "1900-02-28", "2024-01-01T00:00:00.000001", None]


def test_a_text_that_no_cell_of_excel_holds_is_refused(tmp_path: Path) -> None:
    fits = pl.DataFrame({"a": ["x" * MAX_CELL_CHARACTERS]})
    assert rendered(fits, FileFormat.EXCEL, tmp_path)
    with pytest.raises(JobFault, match="CELL_TOO_LONG"):
        rendered(fits.select(pl.col("a") + "x"), FileFormat.EXCEL, tmp_path)
