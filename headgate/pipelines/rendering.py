"""The task "render": rows of a dataset's version become one file, which grows from its beginning to its end."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from headgate.errors import JobFault
from headgate.pipelines.readers.dataset import DatasetRows, scan_rows
from headgate.pipelines.sinks.spelling import cells, record_batches, write_ndjson
from headgate.pipelines.workbooks import write_workbook
from headgate.storage.columns import Column
from headgate.storage.filters import RowFilter
from headgate.storage.formats import FileFormat
from headgate.storage.locations import location_from_json
from headgate.storage.room import is_full
from headgate.storage.tablefolders import table_folder

ROWS_A_GROUP = 122_880
"""So many rows a row group of Parquet has; it is held in memory until it is whole."""

Write = Callable[[pl.LazyFrame, Sequence[Column], Path], None]


def run_render(task: Mapping[str, Any]) -> dict[str, Any]:
    """Run the task "render", which has folder, version, filter, columns (or null for all), format and target.

    The answer is empty. Raises JobFault: UNKNOWN_COLUMN, INVALID_FILTER, CELL_TOO_LONG, NO_ROOM; what was written by
    then stays.
    """
    wanted = RowFilter.from_json(task["filter"]) if task["filter"] else None
    source = DatasetRows(table_folder(location_from_json(task["folder"])), task["version"], wanted)
    rows, columns = scan_rows(source)
    if task["columns"] is not None:
        known = {column.name: column for column in columns}
        columns = [known[name] for name in task["columns"]]
    try:
        WRITERS[FileFormat(task["format"])](
            rows.select(column.name for column in columns), columns, Path(task["target"])
        )
    except OSError as error:
        if not is_full(error):
            raise
        raise JobFault("NO_ROOM", "The disk is full.", "SYSTEM", retryable=True) from error
    return {}


def _write_delimited(rows: pl.LazyFrame, columns: Sequence[Column], target: Path, *, separator: str) -> None:
    rows.select(cells(columns, escape_formulas=True)).sink_csv(target, separator=separator)


def _write_ndjson(rows: pl.LazyFrame, columns: Sequence[Column], target: Path) -> None:
    write_ndjson(record_batches(rows, columns, _ignore), target)


def _write_parquet(rows: pl.LazyFrame, columns: Sequence[Column], target: Path) -> None:
    rows.sink_parquet(target, row_group_size=ROWS_A_GROUP)


def _write_arrow(rows: pl.LazyFrame, columns: Sequence[Column], target: Path) -> None:
    # Not every reader knows the newest way to lay out texts.
    rows.sink_ipc(target, compat_level=pl.CompatLevel.oldest())


WRITERS: Mapping[FileFormat, Write] = {
    FileFormat.CSV: partial(_write_delimited, separator=","),
    FileFormat.TSV: partial(_write_delimited, separator="\t"),
    FileFormat.NDJSON: _write_ndjson,
    FileFormat.PARQUET: _write_parquet,
    FileFormat.ARROW: _write_arrow,
    FileFormat.EXCEL: write_workbook,
}


def _ignore(stage: str, **figures: Any) -> None:
    """Whoever downloads sees how far it is."""
