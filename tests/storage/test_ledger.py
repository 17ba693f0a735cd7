"""A ledger holds all faults of a job in row order, each with a number that it keeps."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.storage.ledger import SCHEMA, LedgerFilter, count, merge_parts, read_page


def fault(row: int, **fields: Any) -> dict[str, Any]:
    defaults = {"line": row + 1, "column": "a", "code": "TYPE", "severity": "ERROR", "message": "Wrong."}
    return dict.fromkeys(SCHEMA) | {"row": row} | defaults | fields


def write_part(folder: Path, faults: list[dict[str, Any]]) -> Path:
    path = folder / f"{uuid4().hex}.parquet"
    pl.DataFrame(faults, schema=SCHEMA).write_parquet(path)
    return path


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.integers(1, 40), min_size=1, max_size=8), min_size=1, max_size=6))
def test_parts_become_one_ledger_in_row_order(tmp_path: Path, parts: list[list[int]]) -> None:
    paths = [write_part(tmp_path, [fault(row, value=str(row)) for row in sorted(rows)]) for rows in parts]
    merge_parts(paths, tmp_path / "errors" / "ledger.parquet")
    ledger = pl.read_parquet(tmp_path / "errors" / "ledger.parquet")
    assert ledger["row"].to_list() == sorted(row for rows in parts for row in rows)
    assert ledger["value"].to_list() == [str(row) for row in ledger["row"]]
    assert ledger.schema == SCHEMA


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    faults = [
        fault(1, column="a"),
        fault(1, column="b", code="REQUIRED"),
        fault(2, column=None, code="STRUCTURE"),
        fault(3, column="b", severity="WARNING", check="range"),
        fault(5, column="a", check="range"),
    ]
    merge_parts([write_part(tmp_path, faults)], tmp_path / "ledger.parquet")
    return tmp_path / "ledger.parquet"


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [
        (LedgerFilter(), [0, 1, 2, 3, 4]),
        (LedgerFilter(code=["TYPE"]), [0, 3, 4]),
        (LedgerFilter(code=["TYPE", "STRUCTURE"]), [0, 2, 3, 4]),
        (LedgerFilter(column=["b"]), [1, 3]),
        (LedgerFilter(check=["range"]), [3, 4]),
        (LedgerFilter(severity="ERROR", check=["range"]), [4]),
        (LedgerFilter(row=1), [0, 1]),
        (LedgerFilter(row=4), []),
    ],
)
def test_a_filter_finds_what_matches(ledger: Path, wanted: LedgerFilter, numbers: list[int]) -> None:
    assert read_page(ledger, wanted)["number"].to_list() == numbers
    assert count(ledger, wanted) == len(numbers)


def test_pages_go_on_behind_a_number(ledger: Path) -> None:
    assert read_page(ledger, LedgerFilter(), after=-1, first=2)["number"].to_list() == [0, 1]
    assert read_page(ledger, LedgerFilter(), after=1, first=2)["number"].to_list() == [2, 3]
    assert read_page(ledger, LedgerFilter(code=["TYPE"]), after=0, first=1)["number"].to_list() == [3]
    assert read_page(ledger, LedgerFilter(), after=4)["number"].to_list() == []
