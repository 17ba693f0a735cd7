"""How much more an upsert into a table of PostgreSQL costs than to copy the same rows there."""

import asyncio
import time
from collections.abc import Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import polars as pl

from benchmarks.data import write_csv
from benchmarks.figures import Figure, Sizes, alternate
from benchmarks.postgresql import HOST, postgresql_running
from headgate.pipelines.endpoints.outside import Endpoint, Outside
from headgate.pipelines.rowmap import ROW_INDEX
from headgate.pipelines.sinks.sink import Delivery, SinkRows
from headgate.pipelines.sinks.table import TableSink
from headgate.storage.columns import Column

MAX_RATIO = 3.0
COLUMNS = """
id BIGINT PRIMARY KEY, quantity BIGINT, price DOUBLE PRECISION, score DOUBLE PRECISION, product TEXT, note TEXT,
day DATE, active BOOLEAN
"""
"""A table as the sink makes it, for both: to keep the key that an upsert needs costs a plain COPY something too."""
HALF = "DELETE FROM rows WHERE id % 2 = 0"


def measure_upsert(folder: Path, sizes: Sizes) -> list[Figure]:
    """Write the same rows by COPY alone and by the sink `table`: into an empty table, and where half is there."""
    csv = write_csv(folder / "upsert.csv", sizes.few_rows)
    rows = _sink_rows(csv, folder / "upsert.parquet")
    with postgresql_running(over_tcp=True) as url:
        copied_s, first_s, again_s = alternate(
            sizes,
            (
                lambda: _copied_s(url, csv),
                lambda: _upserted_s(url, rows, folder, []),
                lambda: _upserted_s(url, rows, folder, [HALF]),
            ),
        )
    return [
        _figure("into an empty table", sizes, first_s, copied_s),
        _figure("into a table that has half of them", sizes, again_s, copied_s),
    ]


def _sink_rows(csv: Path, path: Path) -> SinkRows:
    """The rows as the engine hands them to a sink."""
    frame = pl.scan_csv(csv, try_parse_dates=True).with_row_index(ROW_INDEX)
    frame.with_columns(pl.col(ROW_INDEX).cast(pl.Int64)).sink_parquet(path)
    schema = pl.scan_parquet(path).drop(ROW_INDEX).collect_schema()
    count = int(pl.scan_parquet(path).select(pl.len()).collect().item())
    return SinkRows([path], [Column(name, dtype) for name, dtype in schema.items()], count)


def _copied_s(url: str, csv: Path) -> float:
    """Copy the file into a table that is new, by what is fastest for one who has it as CSV already."""

    async def copy(connection: Any) -> float:
        await _renew(connection, ["CHECKPOINT"])
        started = time.perf_counter()
        await connection.copy_to_table("rows", source=csv, format="csv", header=True)
        return time.perf_counter() - started

    return _over(url, copy)


def _upserted_s(url: str, rows: SinkRows, folder: Path, before: Sequence[str]) -> float:
    """Upsert the rows; the table holds them but for what is done `before`, or nothing where that is nothing."""

    async def prepare(connection: Any) -> float:
        await _renew(connection, [])
        if before:
            await connection.copy_to_table("rows", source=folder / "upsert.csv", format="csv", header=True)
        for statement in (*before, "VACUUM ANALYZE rows", "CHECKPOINT"):
            await connection.execute(statement)
        return 0.0

    _over(url, prepare)
    outside = Outside({"bench": Endpoint("bench", "SQL", {"url": url})}, [ip_network(HOST)])
    delivery = Delivery("job", uuid4().hex, folder, outside, lambda stage, **figures: None)
    sink = TableSink.model_validate({"endpoint": "bench", "table": "rows", "mode": "UPSERT", "keys": ["id"]})
    started = time.perf_counter()
    delivered = sink.write(rows, delivery)
    taken_s = time.perf_counter() - started
    assert delivered.said["rows"] == rows.count
    return taken_s


async def _renew(connection: Any, then: Sequence[str]) -> None:
    for statement in ("DROP TABLE IF EXISTS rows", f"CREATE TABLE rows ({COLUMNS})", *then):
        await connection.execute(statement)


def _over(url: str, work: Any) -> float:
    async def run() -> float:
        connection = await asyncpg.connect(url)
        try:
            return float(await work(connection))
        finally:
            await connection.close()

    return asyncio.run(run())


def _figure(what: str, sizes: Sizes, taken_s: float, copied_s: float) -> Figure:
    ratio = taken_s / copied_s
    measured = f"{ratio:.2f} ({sizes.few_rows / taken_s:,.0f} rows/s; COPY {sizes.few_rows / copied_s:,.0f})"
    name = f"Upsert of {sizes.few_rows:,} rows {what} / plain COPY"
    return Figure(name, measured, f"at most {MAX_RATIO:.1f}", ratio <= MAX_RATIO)
