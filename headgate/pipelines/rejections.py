"""What the engine rejects while it reads: collected in bounded memory, kept as the job's error ledger."""

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from headgate.storage import ledger
from headgate.storage.columns import json_text

FLUSH_ROWS = 20_000
FLUSH_CHARACTERS = 8 << 20
MAX_VALUE_CHARACTERS = 10_000
"""A longer original value is cut: a broken quote can make one cell of a whole file."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """One fault. `row` is the record's 1-based number, `line` the physical line on which it begins."""

    row: int
    line: int | None
    column: str | None
    value: str | None
    code: str
    message: str
    record: object = None


class RejectionLog:
    """Collects rejections from any thread and writes them to Parquet parts in `scratch` as they grow."""

    def __init__(self, scratch: Path, name: str = "rejections") -> None:
        self._scratch = scratch
        self._name = name
        self._pending: list[tuple[object, ...]] = []
        self._pending_characters = 0
        self._parts: list[Path] = []
        self._lock = threading.Lock()
        self.rows = 0

    def reject(self, faults: Iterable[Rejection], *, rows: int = 1) -> None:
        """Record the faults of `rows` rejected rows."""
        with self._lock:
            self.rows += rows
            for fault in faults:
                self._add(fault)
            # Between two rows: the faults of one stay together and in their order.
            if len(self._pending) >= FLUSH_ROWS or self._pending_characters >= FLUSH_CHARACTERS:
                self._flush()

    def _add(self, fault: Rejection) -> None:
        record = _record_text(fault.record)
        value = None if fault.value is None else fault.value[:MAX_VALUE_CHARACTERS]
        place = (fault.row, fault.line, fault.column, value)
        self._pending.append((*place, fault.code, None, "ERROR", fault.message, None, record))
        self._pending_characters += len(record or "") + len(value or "")

    def _flush(self) -> None:
        path = self._scratch / f"{self._name}-{len(self._parts):06}.parquet"
        faults = pl.DataFrame(self._pending, schema=ledger.SCHEMA, orient="row")
        faults.sort("row", maintain_order=True).write_parquet(path)
        self._parts.append(path)
        self._pending, self._pending_characters = [], 0

    def forget(self) -> None:
        """Drop everything, before the same rows are read again."""
        with self._lock:
            self._pending, self._pending_characters, self.rows = [], 0, 0
            self._parts.clear()

    def parts(self) -> list[Path]:
        """The Parquet files written so far, whatever was pending included."""
        with self._lock:
            if self._pending:
                self._flush()
            return list(self._parts)


def save_ledger(path: Path, *logs: RejectionLog) -> None:
    """Write the logs as one error ledger at `path`; no file, nor an older one, where nothing was rejected."""
    parts = [part for log in logs for part in log.parts()]
    if parts:
        ledger.merge_parts(parts, path)
    else:
        path.unlink(missing_ok=True)


def _record_text(record: object) -> str | None:
    """The whole record as JSON text; left out where it is larger than a page should carry."""
    text = None if record is None else json_text(record)
    return text if text is None or len(text) <= 10 * MAX_VALUE_CHARACTERS else None
