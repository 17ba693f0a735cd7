"""How long a page of rows takes, beside DuckDB over the same Parquet files, at the beginning and deep inside."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import orjson
import polars as pl

from benchmarks.data import write_csv
from benchmarks.figures import Figure, Sizes, alternate
from headgate.pipelines.sinks.writing import write_rows
from headgate.storage import commits, datasets
from headgate.storage.columns import Column
from headgate.storage.datasets import Snapshot, WriteMode
from headgate.storage.filters import RowFilter
from headgate.storage.rows import RowQuery, read_rows
from headgate.storage.tablefolders import LocalFolder

MAX_RATIO = 2.0
PAGE_ROWS = 1_000
DEPTH = 0.9
"""Such a share of the rows lies before a deep page."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page, as Headgate and as DuckDB are asked for it."""

    name: str
    query: RowQuery
    sql: str


COMMON = RowFilter(column="product", eq="amber")
RARE = RowFilter(column="quantity", eq=7)
PAGES = (
    Page("of all rows", RowQuery(), "true"),
    Page("of 1 row in 8", RowQuery(filter=COMMON), "product = 'amber'"),
    Page("of 1 row in 500", RowQuery(filter=RARE), "quantity = 7"),
    Page(
        "of all rows by price", RowQuery(order_by=[("price", False)]), "true ORDER BY price, file_row_number"
    ),
)


def measure_pages(folder: Path, sizes: Sizes) -> list[Figure]:
    """Read the first page and one deep inside, of each kind."""
    table = LocalFolder(folder / "pages")
    version = _make_table(table, write_csv(folder / "pages.csv", sizes.ingest_rows))
    connection = duckdb.connect()
    return [_measure(table, version, page, connection, sizes) for page in PAGES]


def _make_table(table: LocalFolder, csv: Path) -> Snapshot:
    frame = pl.scan_csv(csv, try_parse_dates=True)
    parts = write_rows(frame, table.path, "job-1", 1)
    columns = [Column(name, dtype) for name, dtype in frame.collect_schema().items()]
    return commits.commit(
        table, job="job", mode=WriteMode.REPLACE, base=None, columns=columns, parts=parts, note={}
    )


def _measure(table: LocalFolder, version: Snapshot, page: Page, connection: Any, sizes: Sizes) -> Figure:
    query = replace(page.query, first=PAGE_ROWS)
    deep = replace(query, after=_deep_cursor(table, version, query))
    files = [str(table.path / part.name) for part in version.parts]
    sql = f"SELECT * FROM read_parquet({files!r}, file_row_number=true) WHERE {page.sql} LIMIT {PAGE_ROWS}"
    first_s, deep_s, duckdb_s = alternate(
        sizes,
        (
            lambda: _taken_s(lambda: orjson.dumps(read_rows(table, version.version, query).records)),
            lambda: _taken_s(lambda: orjson.dumps(read_rows(table, version.version, deep).records)),
            lambda: _taken_s(lambda: connection.sql(sql).fetchall()),
        ),
    )
    ratio = max(first_s, deep_s) / duckdb_s
    measured = (
        f"{ratio:.2f} (first {first_s * 1000:.0f} ms, deep {deep_s * 1000:.0f} ms; {duckdb_s * 1000:.0f} ms)"
    )
    name = f"Page of {PAGE_ROWS:,} {page.name}, {version.row_count:,} in all / DuckDB"
    return Figure(name, measured, f"at most {MAX_RATIO:.1f}", ratio <= MAX_RATIO)


def _deep_cursor(table: LocalFolder, version: Snapshot, query: RowQuery) -> str | None:
    """The cursor of a row before which a great share of the others lies, in the order of the query."""
    begin = int(DEPTH * version.row_count)
    # That is the end of a page of one row, which a filter by the row's own values leaves.
    rows = datasets.scan(table, version)
    if query.order_by:
        rows = rows.sort([name for name, _ in query.order_by])
    row_id = int(rows.slice(begin, 1).select("id").collect().item())
    only = replace(query, filter=RowFilter(column="id", eq=row_id), first=1)
    return read_rows(table, version.version, only).end_cursor


def _taken_s(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
