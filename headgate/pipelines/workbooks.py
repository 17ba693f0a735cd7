"""Rows as one sheet of an Excel workbook, written row by row.

What Excel's own types can't hold exactly becomes text: whole numbers of more than 15 digits, decimals of more, moments
before March 1900, with a zone or finer than a millisecond, times of day, and what is nested. Floats keep 16 digits.
"""

import math
from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from headgate.errors import JobFault
from headgate.storage.columns import Column, plain_text

MAX_ROWS = 1_048_575
"""So many rows a sheet has below its header."""
MAX_COLUMNS = 16_384
MAX_CELL_CHARACTERS = 32_767
MAX_DIGITS = 15
FIRST_DAY = date(1900, 3, 1)
"""Excel takes 1900 for a leap year."""
STRIDE_ROWS = 10_000
OPTIONS = {"constant_memory": True, "nan_inf_to_errors": False}

Write = Callable[[int, int, Any], None]


def write_workbook(rows: pl.LazyFrame, columns: Sequence[Column], target: Path) -> None:
    """Write rows, the columns' names first. Raises JobFault (CELL_TOO_LONG).

    The target is there once it is whole: what is written to a workbook changes until its end.
    """
    import xlsxwriter

    unfinished = target.with_name("unfinished")
    with xlsxwriter.Workbook(unfinished, {**OPTIONS, "tmpdir": str(target.parent)}) as book:
        book.use_zip64()
        sheet = _Sheet(book)
        sheet.add_row([column.name for column in columns])
        for batch in rows.collect_batches(chunk_size=STRIDE_ROWS, maintain_order=True, engine="streaming"):
            for values in batch.iter_rows():
                sheet.add_row(values)
    unfinished.replace(target)


class _Sheet:
    """The one sheet of a workbook."""

    def __init__(self, book: Any) -> None:
        self._sheet = book.add_worksheet("rows")
        self._next_row = 0
        self._date = book.add_format({"num_format": "yyyy-mm-dd"})
        self._moment = book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss.000"})
        self._writers: dict[type, Write] = {
            bool: self._sheet.write_boolean,
            int: self._write_integer,
            float: self._write_float,
            Decimal: self._write_decimal,
            date: self._write_date,
            datetime: self._write_moment,
        }

    def add_row(self, values: Sequence[Any]) -> None:
        for place, value in enumerate(values):
            if value is not None:
                self._writers.get(type(value), self._write_text)(self._next_row, place, value)
        self._next_row += 1

    def _write_text(self, row: int, place: int, value: Any) -> None:
        text = plain_text(value)
        if len(text) > MAX_CELL_CHARACTERS:
            message = (
                f"A value in row {row} has {len(text):,} characters; a cell of Excel holds "
                f"{MAX_CELL_CHARACTERS:,}. Take another format, or leave its column out."
            )
            raise JobFault("CELL_TOO_LONG", message, "DATA")
        self._sheet.write_string(row, place, text)

    def _write_integer(self, row: int, place: int, value: int) -> None:
        if abs(value) < 10**MAX_DIGITS:
            self._sheet.write_number(row, place, value)
        else:
            self._sheet.write_string(row, place, str(value))

    def _write_float(self, row: int, place: int, value: float) -> None:
        if math.isfinite(value):
            self._sheet.write_number(row, place, value)
        else:
            self._write_text(row, place, value)

    def _write_decimal(self, row: int, place: int, value: Decimal) -> None:
        if len(value.as_tuple().digits) <= MAX_DIGITS:
            self._sheet.write_number(row, place, float(value))
        else:
            self._write_text(row, place, value)

    def _write_date(self, row: int, place: int, value: date) -> None:
        if value >= FIRST_DAY:
            self._sheet.write_datetime(row, place, value, self._date)
        else:
            self._write_text(row, place, value)

    def _write_moment(self, row: int, place: int, value: datetime) -> None:
        if value.tzinfo is None and value.date() >= FIRST_DAY and value.microsecond % 1000 == 0:
            self._sheet.write_datetime(row, place, value, self._moment)
        else:
            self._write_text(row, place, value)
