"""Errors and rejected rows as CSV text, which a spreadsheet shows as it is and a reader gets back whole."""

import csv
import io
import json
import multiprocessing
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.storage import open_errors
from headgate.storage.csvcells import unescaped
from headgate.storage.error_csv import ERROR_COLUMNS, error_lines, row_lines
from headgate.storage.ledger import SCHEMA, merge_parts
from headgate.storage.open_errors import LedgerFilter, OpenErrors

ANY = LedgerFilter()
STATUS = Path("/proc/self/status")


def fault(row: int | None, record: Any = None, **fields: Any) -> dict[str, Any]:
    defaults = {"column": "age", "code": "TYPE", "severity": "ERROR", "message": "No number."}
    text = None if record is None else json.dumps(record, ensure_ascii=False)
    return dict.fromkeys(SCHEMA) | {"row": row, "record": text} | defaults | fields


@pytest.fixture(params=[1, 256])
def batch_rows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read one error at a time, and all of them."""
    monkeypatch.setattr(open_errors, "FIRST_BATCH", request.param)
    monkeypatch.setattr(open_errors, "MAX_BATCH", request.param)


def ledger(folder: Path, faults: Sequence[dict[str, Any]]) -> OpenErrors:
    path = folder / "ledger.parquet"
    pl.DataFrame(faults, schema=SCHEMA).write_parquet(path)
    return OpenErrors(path)


def cells(lines: Iterable[bytes]) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(lines).decode(), newline=""), strict=True))


def plain(line: list[str]) -> list[str]:
    """Take back what protects spreadsheets."""
    return (
        pl.DataFrame({"cell": line}, {"cell": pl.String}).select(unescaped(pl.col("cell")))["cell"].to_list()
    )


@pytest.mark.usefixtures("batch_rows")
def test_each_error_is_a_line(tmp_path: Path) -> None:
    errors = ledger(
        tmp_path,
        [
            fault(None, column=None, code="ROW_COUNT"),
            fault(3, line=4, value="=1+1", check="-x", suggestion="-7"),
            fault(5, value=""),
        ],
    )
    lines = b"".join(error_lines(errors, ANY)).decode().splitlines()
    assert lines == [
        ",".join(ERROR_COLUMNS),
        ",,,,ROW_COUNT,,ERROR,No number.,",
        "3,4,age,'=1+1,TYPE,'-x,ERROR,No number.,-7",
        '5,,age,"",TYPE,,ERROR,No number.,',
    ]


@pytest.mark.usefixtures("batch_rows")
def test_each_rejected_row_is_a_line_with_all_its_errors(tmp_path: Path) -> None:
    errors = ledger(
        tmp_path,
        [
            fault(None, column=None, code="ROW_COUNT"),
            fault(3),
            fault(3, {"name": "Ada", "age": "x"}, column="name", message="=Too short."),
            fault(3, {"name": "Ada", "age": "x"}, column=None, message="Strange."),
            fault(5, {"name": None, "age": "", "=more": [1]}),
        ],
    )
    lines = b"".join(row_lines(errors, ANY, ["unused"])).decode().splitlines()
    assert lines == [
        "headgate_row,name,age,'=more,headgate_errors",
        "3,Ada,x,,age: No number. | name: =Too short. | Strange.",
        '5,,"",[1],age: No number.',
    ]


@pytest.mark.usefixtures("batch_rows")
def test_cells_of_a_broken_row_stand_in_their_places_and_none_is_dropped(tmp_path: Path) -> None:
    broken = {"column": None, "code": "STRUCTURE", "message": "Broken."}
    errors = ledger(
        tmp_path,
        [
            fault(1, {"a": "1", "b": "2"}),
            fault(2, ["x"], **broken),
            fault(3, ["x", None, "y", "", None], **broken),
            fault(4, "{half", **broken),
            fault(5, None, **broken),
        ],
    )
    assert cells(row_lines(errors, ANY, [])) == [
        ["headgate_row", "a", "b", "headgate_extra", "headgate_errors"],
        ["1", "1", "2", "", "age: No number."],
        ["2", "x", "", "", "Broken."],
        ["3", "x", "", '["y","",null]', "Broken."],
        ["4", "", "", '"{half"', "Broken."],
        ["5", "", "", "", "Broken."],
    ]


def test_columns_have_the_names_of_the_file_where_every_row_is_broken(tmp_path: Path) -> None:
    errors = ledger(tmp_path, [fault(1, ["1", "2", "3"], column=None, message="Broken.")])
    assert cells(row_lines(errors, ANY, ["a", "b"])) == [
        ["headgate_row", "a", "b", "headgate_extra", "headgate_errors"],
        ["1", "1", "2", '["3"]', "Broken."],
    ]


def test_without_errors_there_is_a_header_alone(tmp_path: Path) -> None:
    errors = OpenErrors(tmp_path / "none.parquet")
    assert cells(error_lines(errors, ANY)) == [list(ERROR_COLUMNS)]
    assert cells(row_lines(errors, ANY, ["a"])) == [["headgate_row", "a", "headgate_errors"]]


def test_only_what_the_filter_matches_is_written(tmp_path: Path) -> None:
    errors = ledger(tmp_path, [fault(1, {"a": 1}), fault(2, {"a": 2}, severity="WARNING")])
    assert [line[0] for line in cells(row_lines(errors, LedgerFilter(severity="ERROR"), []))[1:]] == ["1"]


Names = st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=4, unique=True)
Value = st.none() | st.text(st.sampled_from("'=+-@\t\r\n1,\"; aé"), max_size=6)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_every_record_comes_back_from_its_line(tmp_path: Path, data: st.DataObject) -> None:
    names = data.draw(Names)
    rows = data.draw(st.lists(st.tuples(*[Value] * len(names)), min_size=1, max_size=5))
    records = [dict(zip(names, row, strict=True)) for row in rows]
    errors = ledger(tmp_path, [fault(row, record) for row, record in enumerate(records, 1)])

    header, *lines = cells(row_lines(errors, ANY, []))

    assert plain(header) == ["headgate_row", *names, "headgate_errors"]
    assert [plain(line[1:-1]) for line in lines] == [[value or "" for value in row] for row in rows]


def growth_bytes(small: OpenErrors, large: OpenErrors) -> int:
    """How much more memory a process takes at its peak for a large ledger than for a small one."""
    peaks = []
    for errors in (small, large):
        for lines in (error_lines(errors, ANY), row_lines(errors, ANY, [])):
            assert sum(map(len, lines))
        peaks.append(peak_bytes())
    return peaks[1] - peaks[0]


def peak_bytes() -> int:
    """The most memory that this process held at any time; ru_maxrss would begin with that of its parent."""
    [line] = [line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


@pytest.mark.skipif(not STATUS.exists(), reason="needs /proc")
def test_memory_does_not_grow_with_the_ledger(tmp_path: Path) -> None:
    record = json.dumps({f"column {number}": "x" * 100 for number in range(40)})
    made = []
    for rows in (2_000, 15_000):
        row = pl.int_range(1, rows + 1, eager=False).alias("row")
        faults = pl.select(row, record=pl.format("{}", pl.lit(record)), eager=False)
        usual = [
            pl.lit(fault(1)[name], SCHEMA[name]).alias(name)
            for name in SCHEMA
            if name not in ("row", "record")
        ]
        part = tmp_path / f"{rows}.part"
        faults.with_columns(usual).select(SCHEMA.names()).sink_parquet(part, row_group_size=1000)
        merge_parts([part], tmp_path / f"{rows}.parquet")
        made.append(OpenErrors(tmp_path / f"{rows}.parquet"))
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        growth = process.submit(growth_bytes, *made).result()
    assert growth < 50 << 20
