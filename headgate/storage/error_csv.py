"""Open errors as CSV text: one line an error, or one line a rejected row, made to be edited and sent back.

Lines end in LF, an unquoted empty cell is null, and texts that look like formulas are escaped as `csvcells` has it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import polars as pl

from headgate.storage.columns import json_text, plain_text
from headgate.storage.csvcells import escaped
from headgate.storage.open_errors import LedgerFilter, OpenErrors

ERROR_COLUMNS = ("row", "line", "column", "value", "code", "check", "severity", "message", "suggestion")
ROW, EXTRA, ERRORS = "headgate_row", "headgate_extra", "headgate_errors"
"""Columns of a CSV of rejected rows beside those of the records: the first one, and the last ones."""
BETWEEN_ERRORS = " | "


def error_lines(errors: OpenErrors, wanted: LedgerFilter) -> Iterator[bytes]:
    """Write the errors that a filter matches, some MiB at a time, the header first."""
    yield _csv([[name] for name in ERROR_COLUMNS])
    for batch in errors.batches(wanted, ERROR_COLUMNS):
        yield _csv(batch.select(ERROR_COLUMNS).get_columns())


def row_lines(errors: OpenErrors, wanted: LedgerFilter, names: Sequence[str]) -> Iterator[bytes]:
    """Write each row once that an error of the filter is in, some MiB at a time, the header first.

    The columns are ROW, those of the records in the order of the source, EXTRA where a record has something that
    belongs into none of them, and ERRORS. They have these `names` where no record tells any.
    """
    layout = _layout(errors, wanted, names)
    yield layout.header()
    for rows in _rows(errors, wanted):
        yield layout.lines(rows)


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a CSV of rejected rows; `has_extra` where some record has more than these."""

    names: Sequence[str]
    has_extra: bool

    def header(self) -> bytes:
        """Write the line that names the columns."""
        extra = [EXTRA] if self.has_extra else []
        return _csv([[name] for name in (ROW, *self.names, *extra, ERRORS)])

    def lines(self, rows: pl.DataFrame) -> bytes:
        """Write rows, which have `row`, `record` and `errors`."""
        records = [self._cells(_parsed(text)) for text in rows["record"]]
        cells = list(zip(*records, strict=True))
        return _csv([rows["row"], *(cells if self.has_extra else cells[:-1]), rows["errors"]])

    def _cells(self, record: Any) -> list[str | None]:
        """The cells of a record by the columns' names; those of a broken one by their places. Last comes the rest."""
        if isinstance(record, dict):
            return [*(_text(record.get(name)) for name in self.names), None]
        given = record if isinstance(record, list) else []
        cells = [_text(value) for value in given[: len(self.names)]]
        return [*cells, *[None] * (len(self.names) - len(cells)), _rest(record, len(self.names))]


def _layout(errors: OpenErrors, wanted: LedgerFilter, names: Sequence[str]) -> Layout:
    """Look through all records: the columns come before the first line."""
    found: dict[str, None] = {}
    longest, has_other = 0, False
    for batch in errors.batches(wanted, ("row", "record")):
        records = batch.drop_nulls("record").unique("row", keep="first", maintain_order=True)["record"]
        for text in records:
            match _parsed(text):
                case dict(record):
                    found.update(dict.fromkeys(record))
                case list(cells):
                    longest = max(longest, len(cells))
                case _:
                    has_other = True
    columns = list(found) or list(names)
    return Layout(columns, has_other or longest > len(columns))


def _rows(errors: OpenErrors, wanted: LedgerFilter) -> Iterator[pl.DataFrame]:
    """Join the errors of each row; those of one row may be in two batches."""
    begun = pl.DataFrame()
    for batch in errors.batches(wanted, ("row", "column", "message", "record")):
        faults = pl.concat([begun, batch]) if begun.height else batch
        is_last = pl.col("row").eq_missing(faults["row"][-1])
        begun, complete = faults.filter(is_last), faults.filter(~is_last)
        if complete.height:
            yield _joined(complete)
    if begun.height:
        yield _joined(begun)


def _joined(faults: pl.DataFrame) -> pl.DataFrame:
    """One line a row: `row`, `record` and `errors`. Errors of no row are left out."""
    place = (pl.col("column") + ": ").fill_null("")
    return (
        faults.filter(pl.col("row").is_not_null())
        .group_by("row", maintain_order=True)
        .agg(
            pl.col("record").drop_nulls().first(),
            (place + pl.col("message")).str.join(BETWEEN_ERRORS).alias("errors"),
        )
    )


def _parsed(record: str | None) -> Any:
    return None if record is None else orjson.loads(record)


def _text(value: Any) -> str | None:
    return None if value is None else plain_text(value)


def _rest(record: Any, cells: int) -> str | None:
    """What the columns have no place for, as JSON."""
    if isinstance(record, list):
        return json_text(record[cells:]) if len(record) > cells else None
    return None if record is None else json_text(record)


def _csv(columns: Iterable[pl.Series | Sequence[str | None]]) -> bytes:
    """Write lines without a header; names don't matter, so that two columns may have the same."""
    frame = pl.DataFrame([_column(str(number), column) for number, column in enumerate(columns)])
    return frame.with_columns(escaped(pl.col(pl.String))).write_csv(include_header=False).encode()


def _column(name: str, values: pl.Series | Sequence[str | None]) -> pl.Series:
    return values.alias(name) if isinstance(values, pl.Series) else pl.Series(name, values, pl.String)
