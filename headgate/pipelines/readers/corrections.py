"""Corrections of rejected rows: each merges into the record as it was rejected, and is read under its row's number."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import orjson
import polars as pl

from headgate.errors import JobFault
from headgate.pipelines import formats
from headgate.pipelines.contract import Contract
from headgate.pipelines.prepared import ROW_INDEX, Prepared, Source, Watch
from headgate.pipelines.readers.naming import column_names
from headgate.pipelines.recordblocks import RecordBlocks
from headgate.pipelines.rejections import Rejection, RejectionLog
from headgate.pipelines.replay import RowSet
from headgate.storage.columns import plain_text
from headgate.storage.csvcells import unescaped
from headgate.storage.error_csv import ERRORS, EXTRA, ROW
from headgate.storage.formats import FileFormat
from headgate.storage.open_errors import NOT_OPEN, OpenErrors

AT_ONCE = 5_000
"""So many corrections are merged at a time with the records that they correct."""
WHY_NOT_OPEN = "The job has no open error in this row: it was accepted, corrected before, or comes twice."
LEFT_OVER = "This still holds cells that belong to no column. Move them to their columns, and empty it."


@dataclass(frozen=True, slots=True)
class Corrections:
    """Corrected rows of an earlier job.

    `source` holds NDJSON of {"row": …, "values": {…}}, or a table as `error_csv` writes rejected rows, edited.
    `errors` are the open errors of that job. Its data has the columns `own`, in their order, where that is known, and
    may have those of `columns`; with `as_text` it was text, whose types are still to be found.
    """

    source: Source
    errors: OpenErrors
    columns: Sequence[str]
    as_text: bool
    own: Sequence[str] = ()


class Correction(NamedTuple):
    """The values to put into the record of one row."""

    row: int
    values: Mapping[str, Any]


class Original(NamedTuple):
    """A record as it was rejected: an object, the cells of a broken line, or nothing where it was too long to keep."""

    line: int | None
    record: Any


class _Columns:
    """What the columns are called: as the contract has it, else as the data spells it, whatever the case."""

    def __init__(self, given: Corrections, contract: Contract | None) -> None:
        self._contract = contract
        self._spelled: dict[str, str] = {}
        self._named: dict[tuple[str, ...], list[str]] = {}
        own = self._names_of(given.own)
        if contract is not None:
            self._names_of(column.name for column in contract.columns)
        else:
            self._names_of(given.columns)
        self.present = list(self._spelled.values())
        self.whole = own or self.present
        # A contract may allow no others to be there, so they are only where a correction names them.
        self._names_of(name for name in given.columns if name not in given.own)

    def _names_of(self, columns: Iterable[str]) -> list[str]:
        """Call columns of the data, which are known from now on, by their names."""
        given = tuple(columns)
        if given not in self._named:
            by_contract = self._contract.names_for(list(given)) if self._contract is not None else {}
            names = [by_contract.get(column, column) for column in given]
            self._named[given] = [self._spelled.setdefault(name.casefold(), name) for name in names]
        return self._named[given]

    def named(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Call the columns of a record by their names."""
        return dict(zip(self._names_of(record), record.values(), strict=True))

    def find(self, column: str) -> str | None:
        """Find the column that a correction names; None where the data has none such."""
        if (known := self._spelled.get(column.casefold())) is not None or self._contract is None:
            return known
        return self._contract.names_for([column]).get(column)


def read_corrections(
    given: Corrections, contract: Contract | None, scratch: Path, log: RejectionLog, watch: Watch
) -> Prepared:
    """Read all corrections; what corrects no open row, names no column, or leaves a row in pieces is rejected.

    Raises JobFault (INVALID_CORRECTIONS) for a table that can't be read as corrections.
    """
    reader = _Reader(given, _Columns(given, contract), scratch, log)
    for number, chunk in enumerate(_chunks(given.source, scratch, watch)):
        watch("reading", rows_read=number * AT_ONCE)
        reader.take(chunk)
    return reader.finish()


class _Refused(Exception):
    """A correction that can't be made: in which column, what is wrong with it, and why."""

    def __init__(self, column: str | None, code: str, message: str) -> None:
        super().__init__(message)
        self.column, self.code, self.message = column, code, message


class _Reader:
    def __init__(self, given: Corrections, columns: _Columns, scratch: Path, log: RejectionLog) -> None:
        self._given, self._columns, self._log = given, columns, log
        self._is_table = given.source.format is not FileFormat.NDJSON
        self._blocks = RecordBlocks(scratch, columns.present)
        self._taken: set[int] = set()

    def take(self, chunk: Sequence[Correction]) -> None:
        originals = _originals(self._given.errors, [each.row for each in chunk])
        for correction in chunk:
            original = originals.get(correction.row)
            if original is None or correction.row in self._taken:
                told = Original(None, dict(correction.values))
                self._reject(correction, told, _Refused(None, NOT_OPEN, WHY_NOT_OPEN))
                continue
            self._taken.add(correction.row)
            try:
                merged = self._merged(correction, original.record)
            except _Refused as refused:
                self._reject(correction, original, refused)
            else:
                self._blocks.add(merged, correction.row, original.line or 0, len(str(merged)))

    def _merged(self, correction: Correction, record: Any) -> dict[str, Any]:
        if correction.values.get(EXTRA) is not None:
            raise _Refused(EXTRA, "STRUCTURE", LEFT_OVER)
        is_whole = isinstance(record, dict)
        begun = self._columns.named(record) if is_whole else {}
        values = self._values(correction)
        if self._is_table and not self._given.as_text:
            values = {name: _retyped(text, begun.get(name)) for name, text in values.items()}
        merged = begun | values
        if not is_whole and (missing := [name for name in self._columns.whole if name not in merged]):
            message = f"No cells of this row are known, so give all of its columns; {missing[0]} is missing."
            raise _Refused(missing[0], "STRUCTURE", message)
        if self._given.as_text:
            return {name: None if value is None else plain_text(value) for name, value in merged.items()}
        return merged

    def _values(self, correction: Correction) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for given, value in correction.values.items():
            if given in (EXTRA, ERRORS):
                continue
            name = self._columns.find(given)
            if name is None:
                known = ", ".join(self._columns.present[:20])
                message = f"The data has no column {given}. Its columns are: {known}."
                raise _Refused(given, "UNKNOWN_COLUMN", message)
            if name in values:
                raise _Refused(given, "AMBIGUOUS_COLUMN", f"The column {name} comes twice.")
            values[name] = value
        return values

    def _reject(self, correction: Correction, original: Original, refused: _Refused) -> None:
        """Reject a correction; the row stays as it was, to be corrected again."""
        column = refused.column
        given = correction.values.get(column) if column is not None else None
        value = None if given is None else plain_text(given)
        fault = (column, value, refused.code, refused.message, original.record)
        self._log.reject([Rejection(correction.row, original.line, *fault)])

    def finish(self) -> Prepared:
        prepared = self._blocks.prepare()
        if self._given.as_text:
            prepared = replace(prepared, texts=frozenset(prepared.names))
        return replace(prepared, taken=RowSet(np.array(sorted(self._taken), np.int64)))


def _retyped(text: str | None, before: Any) -> Any:
    """A cell of a table as a value: as the one that it was before, or of its kind where it spells such a one."""
    if text is None or before is None or isinstance(before, str):
        return text
    if text == plain_text(before):
        return before
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


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
    if not count:
        raise _invalid("It has no rows.")
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
