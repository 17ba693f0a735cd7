"""What is wrong with the rows: collected in bounded memory, kept as the job's error ledger."""

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from headgate.pipelines.faults import MAX_RECORD_CHARACTERS, MAX_VALUE_CHARACTERS
from headgate.pipelines.rules import Finding, Severity
from headgate.storage import ledger
from headgate.storage.columns import json_text

FLUSH_ROWS = 20_000
FLUSH_BYTES = 16 << 20
Line = tuple[Any, ...]
"""One fault in the order of the ledger's columns."""
COLUMN, VALUE, CODE, RECORD = map(list(ledger.SCHEMA).index, ("column", "value", "code", "record"))
SAMPLES_OF_A_KIND = 3
KINDS = 60

KIND = ("code", "column", "check")
Kind = tuple[str, str | None, str | None]
Tell = Callable[[list[dict[str, Any]]], None]
"""Hears of the first faults of each kind as they are found, as lines of the ledger; may be called from any thread."""


def tell_nobody(samples: list[dict[str, Any]]) -> None:
    """Nobody follows."""


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


class Samples:
    """Tells of the first faults of each kind, which code, column and check make, and of no more."""

    def __init__(self, tell: Tell = tell_nobody) -> None:
        self._tell = tell
        self._told: Counter[Kind] = Counter()
        self._lock = threading.Lock()

    def take(self, lines: pl.DataFrame) -> None:
        """Look through lines of the ledger."""
        of_kind = pl.int_range(pl.len()).over(KIND) < SAMPLES_OF_A_KIND
        kinds = lines.select(KIND).unique().rows()
        if any(self.wants(kind) for kind in kinds):
            self.tell(lines.filter(of_kind).rows(named=True))

    def wants(self, kind: Kind) -> bool:
        """Whether more faults of a kind are told."""
        told = self._told.get(kind)
        return len(self._told) < KINDS if told is None else told < SAMPLES_OF_A_KIND

    def tell(self, lines: Iterable[dict[str, Any]]) -> None:
        """Tell of those lines whose kind is wanted."""
        with self._lock:
            wanted = []
            for line in lines:
                kind = line["code"], line["column"], line["check"]
                if self.wants(kind):
                    self._told[kind] += 1
                    wanted.append(line)
        if wanted:
            self._tell(wanted)


class RejectionLog:
    """Collects faults from any thread and writes them to Parquet parts in `scratch` as they grow.

    `rows` counts the rows rejected one by one, `warnings` the faults that reject none, and `lines` all faults.
    """

    def __init__(self, scratch: Path, name: str = "rejections", samples: Samples | None = None) -> None:
        self._scratch, self._name = scratch, name
        self._samples = samples or Samples()
        self._single: list[Line] = []
        self._pending: list[pl.DataFrame] = []
        self._pending_rows = self._pending_bytes = 0
        self._parts: list[Path] = []
        self._lock = threading.Lock()
        self._rows_before = 0
        self.rows = self.warnings = self.lines = 0

    @contextmanager
    def behind(self, rows: int) -> Iterator[None]:
        """Count the rows that are rejected meanwhile behind so many of other sources."""
        self._rows_before = rows
        try:
            yield
        finally:
            self._rows_before = 0

    def reject(self, faults: Iterable[Rejection], *, rows: int = 1) -> None:
        """Record the faults of `rows` rejected rows."""
        with self._lock:
            self.rows += rows
            for fault in faults:
                self._add(_line(fault, self._rows_before))
            # Between two rows: the faults of one stay together and in their order.
            self._flush_where_full()

    def _add(self, line: Line) -> None:
        self._single.append(line)
        self._grow(1, len(line[VALUE] or "") + len(line[RECORD] or ""))
        if self._samples.wants((line[CODE], line[COLUMN], None)):
            self._samples.tell([dict(zip(ledger.SCHEMA, line, strict=True))])

    def take(self, lines: pl.DataFrame) -> None:
        """Record lines of the ledger, whose rows are counted elsewhere."""
        with self._lock:
            self.warnings += int((lines["severity"] == Severity.WARNING).sum())
            self._pending.append(lines)
            self._grow(lines.height, int(lines.estimated_size()))
            self._flush_where_full()
        self._samples.take(lines)

    def _grow(self, lines: int, size: int) -> None:
        self.lines += lines
        self._pending_rows += lines
        self._pending_bytes += size

    def _flush_where_full(self) -> None:
        if self._pending_rows >= FLUSH_ROWS or self._pending_bytes >= FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        path = self._scratch / f"{self._name}-{len(self._parts):06}.parquet"
        self._take_single()
        pl.concat(self._pending).sort("row", maintain_order=True).write_parquet(path)
        self._parts.append(path)
        self._pending, self._pending_rows, self._pending_bytes = [], 0, 0

    def _take_single(self) -> None:
        if self._single:
            lines = pl.DataFrame(self._single, schema=ledger.SCHEMA, orient="row")
            self._single = []
            self._pending.append(lines)

    def forget(self) -> None:
        """Drop everything, before the same rows are read again."""
        with self._lock:
            self._single, self._pending, self._pending_rows, self._pending_bytes = [], [], 0, 0
            self.rows = self.warnings = self.lines = 0
            self._parts.clear()

    def parts(self) -> list[Path]:
        """The Parquet files written so far, whatever was pending included."""
        with self._lock:
            if self._single or self._pending:
                self._flush()
            return list(self._parts)


Keep = Callable[[Path], None]
"""Lets the store have a file as it was written; where that is not there, the store has none either."""


def kept_where_written(path: Path) -> None:
    """Nothing is to be done: the file was written where it stays."""


def save_ledger(path: Path, *logs: RejectionLog, findings: Sequence[Finding] = ()) -> None:
    """Write findings and logs as one error ledger at `path`; no file, nor an older one, where there are none."""
    parts = [part for log in logs for part in log.parts()]
    if not parts and not findings:
        path.unlink(missing_ok=True)
        return
    heads = []
    if findings:
        heads = [path.with_suffix(".findings")]
        path.parent.mkdir(parents=True, exist_ok=True)
        finding_lines(findings).write_parquet(heads[0])
    ledger.merge_parts(parts, path, heads)
    for head in heads:
        head.unlink()


def finding_lines(findings: Sequence[Finding]) -> pl.DataFrame:
    """Findings as lines of the ledger, which have no row."""
    rows = [
        (None, None, found.column, found.value, found.code, found.check, found.severity.value, found.message)
        for found in findings
    ]
    return pl.DataFrame([(*row, None, None) for row in rows], schema=ledger.SCHEMA, orient="row")


def _line(fault: Rejection, rows_before: int) -> Line:
    value = None if fault.value is None else fault.value[:MAX_VALUE_CHARACTERS]
    place = (rows_before + fault.row, fault.line, fault.column, value)
    return (*place, fault.code, None, Severity.ERROR.value, fault.message, None, _record_text(fault.record))


def _record_text(record: object) -> str | None:
    text = None if record is None else json_text(record)
    return text if text is None or len(text) <= MAX_RECORD_CHARACTERS else None
