"""A ledger holds all faults of a job in row order, each with a number that it keeps."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headgate.storage.ledger import GROUP_BYTES, GROUP_ROWS, SCHEMA, _group_rows, merge_parts


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


@pytest.mark.parametrize(("record", "rows"), [("x", GROUP_ROWS), ("x" * 100_000, GROUP_BYTES // 100_000)])
def test_fewer_errors_lie_together_where_records_are_long(tmp_path: Path, record: str, rows: int) -> None:
    part = write_part(tmp_path, [fault(row, record=record) for row in range(rows + 1)])
    assert _group_rows([part]) == rows
