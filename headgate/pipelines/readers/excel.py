"""Excel workbooks (.xlsx, .xlsm): the first sheet, row by row, cells with the values that Excel shows them to be."""

import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

from headgate.errors import JobFault
from headgate.pipelines.prepared import Prepared, Source, Watch
from headgate.pipelines.readers.naming import column_names
from headgate.pipelines.recordblocks import RecordBlocks
from headgate.pipelines.rejections import Rejection, RejectionLog
from headgate.pipelines.replay import RowSet

MAX_UNPACKED_BYTES = 4 << 30
MAX_ROWS = 1 << 20
"""No sheet has more; a row that says it were a later one would be waited for through all rows before it."""
BYTES_PER_CELL = 64
REPORT_ROWS = 1_000
HEAD_ROWS = 50
MIN_WIDTH = 3
"""A line of one cell above a table of two columns may as well be a header with one name too few."""
TITLE = "The row stands above the header: it is a title or a note, and no record."

Row = tuple[int, Sequence[Any]]
"""The number of a row in its sheet, and its cells."""


def read(source: Source, scratch: Path, log: RejectionLog, watch: Watch) -> Prepared:
    """The header names the columns; empty rows are no records; `line` is the sheet's row.

    The header is the first row that isn't empty, or, below titles, the first one that is as wide as those behind it:
    what stands above that is rejected.
    """
    import openpyxl

    _refuse_bomb(source.path)
    # It takes no path that ends like none of Excel's files, and those of the store have no endings.
    with source.path.open("rb") as file:
        workbook = openpyxl.load_workbook(file, read_only=True, data_only=True)
        try:
            sheet = workbook.worksheets[0]
            sheet.reset_dimensions()
            return _read_rows(_filled_rows(sheet.iter_rows()), source.only, scratch, log, watch)
        finally:
            workbook.close()


def _refuse_bomb(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > MAX_UNPACKED_BYTES:
        raise JobFault("FILE_TOO_LARGE", "The workbook unpacks to more than 4 GiB. Send it as CSV.", "DATA")


def _filled_rows(rows: Iterator[Sequence[Any]]) -> Iterator[Row]:
    for number, row in enumerate(rows, start=1):
        if number > MAX_ROWS:
            raise ValueError("A sheet has no such row.")
        if any(cell.value is not None for cell in row):
            yield number, row


def _read_rows(
    rows: Iterator[Row],
    only: RowSet | None,
    scratch: Path,
    log: RejectionLog,
    watch: Watch,
) -> Prepared:
    titles, header, rows = _split(rows)
    names = column_names(["" if cell.value is None else str(cell.value) for cell in header])
    blocks = RecordBlocks(scratch, names)
    for number, (line, row) in enumerate(titles, start=1):
        if only is None or number in only:
            log.reject([Rejection(number, line, None, None, "STRUCTURE", TITLE, _record(row))])
    for number, (line, row) in enumerate(rows, start=len(titles) + 1):
        if number % REPORT_ROWS == 0:
            watch("reading", rows_read=number)
        if only is not None and number not in only:
            continue
        if faults := list(_faults(number, line, row, names)):
            log.reject(faults)
        else:
            record = {name: cell.value for name, cell in zip(names, row, strict=False)}
            blocks.add(record, number, line, BYTES_PER_CELL * len(names))
    return blocks.prepare()


def _split(rows: Iterator[Row]) -> tuple[list[Row], Sequence[Any], Iterator[Row]]:
    """The rows above the header, the header, and those below it."""
    head = list(islice(rows, HEAD_ROWS))
    if not head:
        raise JobFault("EMPTY_FILE", "The workbook's first sheet is empty.", "DATA")
    widths = [_width(row) for _, row in head]
    usual = Counter(widths).most_common(1)[0][0]
    first = next((index for index, width in enumerate(widths) if width >= usual), 0)
    if usual < MIN_WIDTH or max(widths[:first], default=0) > 1:
        first = 0
    return head[:first], head[first][1], chain(head[first + 1 :], rows)


def _width(row: Sequence[Any]) -> int:
    return sum(1 for cell in row if cell.value is not None)


def _record(row: Sequence[Any]) -> list[str | None]:
    return [None if cell.value is None else str(cell.value) for cell in row]


def _faults(number: int, line: int, row: Sequence[Any], names: Sequence[str]) -> Iterator[Rejection]:
    from openpyxl.cell.cell import TYPE_ERROR

    record = _record(row)
    for index, cell in enumerate(row):
        if index >= len(names) and cell.value is not None:
            message = (
                f"The row has a value in column {index + 1} where the header names {len(names)} columns."
            )
            yield Rejection(number, line, None, str(cell.value), "STRUCTURE", message, record)
        elif cell.value is not None and cell.data_type == TYPE_ERROR:
            message = f"The cell holds the error {cell.value} in place of a value."
            yield Rejection(number, line, names[index], str(cell.value), "CELL_ERROR", message, record)
