"""What is rejected is kept in bounded memory, and read back in row order."""

from pathlib import Path

import pytest

from headgate.pipelines import rejections
from headgate.pipelines.faults import MAX_VALUE_CHARACTERS
from headgate.pipelines.rejections import Rejection, RejectionLog, save_ledger
from tests.pipelines.intake import errors_in


def rejection(row: int, **fields: object) -> Rejection:
    given = {"line": row + 1, "column": "a", "value": str(row), "code": "TYPE", "message": "Wrong.", **fields}
    return Rejection(row, **given)  # type: ignore[arg-type]


def test_faults_of_several_logs_come_in_row_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejections, "FLUSH_ROWS", 3)
    reading, typing = RejectionLog(tmp_path, "reading"), RejectionLog(tmp_path, "typing")
    for row in (9, 1, 5, 3, 7):
        reading.reject([rejection(row), rejection(row, column="b")])
    for row in (8, 2, 4, 10, 6):
        typing.reject([rejection(row)])
    save_ledger(tmp_path / "errors" / "ledger.parquet", reading, typing)
    found = [(error["row"], error["column"]) for error in errors_in(tmp_path / "errors" / "ledger.parquet")]
    assert found == [(row, column) for row in range(1, 11) for column in ("ab" if row % 2 else "a")]
    assert (reading.rows, typing.rows) == (5, 5)


def test_a_log_without_faults_leaves_no_ledger_and_removes_an_older_one(tmp_path: Path) -> None:
    log = RejectionLog(tmp_path)
    log.reject([rejection(1)])
    save_ledger(tmp_path / "ledger.parquet", log)
    assert len(errors_in(tmp_path / "ledger.parquet")) == 1
    log.forget()
    save_ledger(tmp_path / "ledger.parquet", log)
    assert not (tmp_path / "ledger.parquet").exists()


def test_what_is_too_long_is_cut(tmp_path: Path) -> None:
    log = RejectionLog(tmp_path)
    log.reject([rejection(1, value="x" * 50_000, record={"a": "y" * 200_000})])
    save_ledger(tmp_path / "ledger.parquet", log)
    (error,) = errors_in(tmp_path / "ledger.parquet")
    assert (len(error["value"]), error["record"]) == (MAX_VALUE_CHARACTERS, None)
