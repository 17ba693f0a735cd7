"""Corrections of rejected rows: each merges into the record as it was rejected, and is read under its row's number."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import polars as pl

from headgate.errors import JobFault
from headgate.pipelines import formats
from headgate.pipelines.prepared import ROW_INDEX, Prepared, Source, Watch
from headgate.pipelines.recordblocks import RecordBlocks
from headgate.pipelines.rejections import Rejection, RejectionLog
from headgate.pipelines.replay import RowSet
from headgate.pipelines.sources.naming import column_names
from headgate.storage.columns import plain_text
from headgate.storage.csvcells import unescaped
from headgate.storage.error_csv import ERRORS, EXTRA, ROW
from headgate.storage.formats import FileFormat
from headgate.storage.open_errors import OpenErrors

AT_ONCE = 5_000
"""So many corrections are merged at a time with the records that they correct."""
NOT_OPEN = "The job has no open error in this row: it was accepted, corrected before, or comes twice."
LEFT_OVER = "This still holds cells that belong to no column. Move them to their columns, and empty it."


@dataclass(frozen=True, slots=True)
class Corrections:
    """Corrected rows of an earlier job.

    `source` holds NDJSON of {"row": …, "values": {…}}, or a table as `error_csv` writes rejected rows, edited.
    `errors` are the open errors of that job, `columns` those that its data is known to have, and with `as_text` its
    data was text, whose types are still to be found.
    """

    source: Source
    errors: OpenErrors
    columns: Sequence[str]
    as_text: bool


class Correction(NamedTuple):
    """The values to put into the record of one row."""

    row: int
    values: Mapping[str, Any]


class Original(NamedTuple):
    """A record as it was rejected: an object, the cells of a broken line, or nothing where it was too long to keep."""

    line: int | None
    record: Any


def read_corrections(given: Corrections, scratch: Path, log: RejectionLog, watch: Watch) -> Prepared:
    """Read all corrections; what corrects no open row, or names no column, is rejected.

    Raises JobFault (INVALID_CORRECTIONS) for a table that can't be read as corrections.
    """
    reader = _Reader(given, scratch, log)
    for number, chunk in enumerate(_chunks(given.source, scratch, watch)):
        watch("reading", rows_read=number * AT_ONCE)
        reader.take(chunk)
    return reader.finish()


class _Reader:
    def __init__(self, given: Corrections, scratch: Path, log: RejectionLog) -> None:
        self._given, self._log = given, log
        self._blocks = RecordBlocks(scratch, given.columns)
        self._taken: set[int] = set()

    def take(self, chunk: Sequence[Correction]) -> None:
        originals = _originals(self._given.errors, [each.row for each in chunk])
        for correction in chunk:
            original = originals.get(correction.row)
            if original is None or correction.row in self._taken:
                self._reject(correction, None, None, "ROW_NOT_OPEN", NOT_OPEN)
                continue
            self._taken.add(correction.row)
            self._merge(correction, original)

    def _merge(self, correction: Correction, original: Original) -> None:
        record = original.record if isinstance(original.record, dict) else {}
        known = {*record, *self._given.columns}
        if correction.values.get(EXTRA) is not None:
            return self._reject(correction, original.line, EXTRA, "STRUCTURE", LEFT_OVER)
        values = {name: value for name, value in correction.values.items() if name not in (EXTRA, ERRORS)}
        if unknown := [name for name in values if name not in known]:
            message = (
                f"The data has no column {unknown[0]}. Its columns are: {', '.join(sorted(known)[:20])}."
            )
            return self._reject(correction, original.line, unknown[0], "UNKNOWN_COLUMN", message)
        merged = {**record, **values}
        if self._given.as_text:
            merged = {name: None if value is None else plain_text(value) for name, value in merged.items()}
        self._blocks.add(merged, correction.row, original.line or 0, len(str(merged)))

    def _reject(
        self, correction: Correction, line: int | None, column: str | None, code: str, message: str
    ) -> None:
        values = dict(correction.values)
        value = None if column is None else plain_text(values.get(column))
        self._log.reject([Rejection(correction.row, line, column, value, code, message, values)])

    def finish(self) -> Prepared:
        prepared = self._blocks.prepare()
        if self._given.as_text:
            prepared = replace(prepared, texts=frozenset(prepared.names))
        return replace(prepared, taken=RowSet(np.array(sorted(self._taken), np.int64)))


def _originals(errors: OpenErrors, rows: Sequence[int]) -> dict[int, Original]:
    found = errors.records(rows)
    return {
        row: Original(line, None if record is None else orjson.loads(record))
        for row, line, record in found.select("row", "line", "record").iter_rows()
    }


def _chunks(source: Source, scratch: Path, watch: Watch) -> Iterator[list[Correction]]:
    if source.format is FileFormat.NDJSON:
        return _of_lines(source.path)
    return _of_table(source, scratch, watch)


def _of_lines(path: Path) -> Iterator[list[Correction]]:
    chunk: list[Correction] = []
    with path.open("rb") as file:
        for line in file:
            given = orjson.loads(line)
            chunk.append(Correction(given["row"], given["values"]))
            if len(chunk) == AT_ONCE:
                yield chunk
                chunk = []
    if chunk:
        yield chunk


def _of_table(source: Source, scratch: Path, watch: Watch) -> Iterator[list[Correction]]:
    table = scratch / "corrections.parquet"
    _read_table(source, scratch, watch).sink_parquet(table, maintain_order=True)
    rows = pl.scan_parquet(table, glob=False)
    count = int(rows.select(pl.len()).collect().item())
    for first in range(0, count, AT_ONCE):
        chunk = rows.slice(first, AT_ONCE).collect()
        yield [Correction(values.pop(ROW), values) for values in chunk.iter_rows(named=True)]


def _read_table(source: Source, scratch: Path, watch: Watch) -> pl.LazyFrame:
    log = RejectionLog(scratch, "table")
    prepared = formats.read(source, scratch, log, watch)
    if log.rows:
        raise _invalid(f"{log.rows} of its rows can't be read as such. Mend them; nothing was ingested.")
    names = pl.DataFrame({"name": prepared.names}).select(unescaped(pl.col("name"))).to_series().to_list()
    frame = prepared.frame.drop(ROW_INDEX).rename(dict(zip(prepared.names, column_names(names), strict=True)))
    if ROW not in names:
        raise _invalid(f"It has no column {ROW}, which says what row each is. Keep it as it was.")
    texts = [unescaped(pl.col(name).cast(pl.String)) for name in names if name != ROW]
    number = pl.col(ROW).cast(pl.String).str.strip_chars().cast(pl.Int64, strict=False)
    table = frame.select(number, *texts)
    if int(table.select(pl.col(ROW).null_count()).collect(engine="streaming").item()):
        raise _invalid(f"Some of its rows have no number in {ROW}. Keep them as they were.")
    return table


def _invalid(why: str) -> JobFault:
    return JobFault("INVALID_CORRECTIONS", f"The table of corrections can't be used: {why}", "DATA")
