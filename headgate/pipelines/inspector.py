"""Looks into a file before it is ingested: its format, dialect, columns and first rows."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from headgate.errors import JobFault
from headgate.pipelines import compression, formats
from headgate.pipelines.damage import scannable
from headgate.pipelines.dialect import NOTHING_GIVEN, Dialect, GivenDialect
from headgate.pipelines.prepared import ROW_INDEX, Prepared, Source
from headgate.pipelines.readers import delimited
from headgate.pipelines.rejections import RejectionLog
from headgate.pipelines.types import TypePlan
from headgate.storage.columns import Column, json_records
from headgate.storage.formats import DELIMITED, FileFormat

HEAD_BYTES = 4 << 20
"""So much of a text file is looked at: types are a guess from it, which the ingest corrects."""
LOOKED_AT_BYTES = HEAD_BYTES + 1
"""Of a file with more bytes than these no more are needed, where it is looked at so."""
CUT = DELIMITED | {FileFormat.NDJSON}


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file looks like, and its first records as JSON objects."""

    format: FileFormat
    dialect: Dialect | None
    columns: list[Column]
    records: list[dict[str, Any]]
    has_more: bool


def inspect(
    path: Path,
    name: str,
    scratch: Path,
    *,
    rows: int,
    given: FileFormat | None = None,
    dialect: Dialect | None = None,
    given_dialect: GivenDialect = NOTHING_GIVEN,
) -> Inspection:
    """Read the file's head. Raises JobFault where it can't be read as anything, or has no dialect and one is given."""
    format = formats.identify(path, name, given, given_dialect)
    if format not in DELIMITED and given_dialect != NOTHING_GIVEN:
        raise JobFault(
            "INVALID_DIALECT", f"A {format.value} file has no dialect. Send it without one.", "DATA"
        )
    head, is_whole = _head(path, scratch) if format in CUT else (path, True)
    if format in DELIMITED and dialect is None:
        dialect = delimited.detect_dialect(head, given_dialect)
    prepared = formats.read(Source(head, format, dialect), scratch, RejectionLog(scratch), _ignore)
    with scannable(format, prepared):
        columns, frame = _typed(prepared, rows + 1)
    records = json_records(frame.head(rows), {column.name: column.form for column in columns})
    return Inspection(format, dialect, columns, records, frame.height > rows or not is_whole)


def is_cut(
    head: Path, name: str, given: FileFormat | None, given_dialect: GivenDialect = NOTHING_GIVEN
) -> bool:
    """Whether these first bytes of a file are all of it that is looked at."""
    try:
        return formats.identify(head, name, given, given_dialect) in CUT
    except JobFault:
        return False


def _ignore(stage: str, **figures: Any) -> None:
    """Nobody waits for the progress of an inspection."""


def head_of(path: Path, scratch: Path) -> Path:
    """A text file that is read line by line, or a copy of its first whole lines where it is large or packed."""
    return _head(path, scratch)[0]


def _head(path: Path, scratch: Path) -> tuple[Path, bool]:
    """The same, and whether it is the whole file."""
    head, is_whole = compression.read_head(path, HEAD_BYTES)
    if is_whole and compression.packing_of(path) is None:
        return path, True
    copy = scratch / "head"
    copy.write_bytes(head if is_whole else head[: max(head.rfind(b"\n"), head.rfind(b"\r")) + 1] or head)
    return copy, is_whole


def _typed(prepared: Prepared, rows: int) -> tuple[list[Column], pl.DataFrame]:
    frame = prepared.frame.drop(ROW_INDEX)
    plan = TypePlan.guess(frame.collect_schema(), prepared.texts, prepared.sample)
    columns = [Column(name, chosen.dtype, chosen.form) for name, chosen in plan.chosen.items()]
    exact = [plan.chosen[name].exact(pl.col(name)).alias(name) for name in prepared.names]
    return columns, frame.head(rows).select(exact).collect(engine="streaming")
