"""Databases that lie outside, for tests that write to them and read from them as a job does."""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import polars as pl

from headgate.pipelines.endpoints.outside import Endpoint, Outside
from headgate.pipelines.rowmap import ROW_INDEX
from headgate.pipelines.sinks.sink import Delivered, Delivery, SinkRows
from headgate.pipelines.sinks.table import TableSink
from headgate.pipelines.sources.source import Fetching
from headgate.pipelines.sources.sql import SqlSource
from headgate.storage.columns import Column
from headgate.storage.outside_sql.tables import quoted
from tests.conftest import run_sql

HERE = ip_network("127.0.0.0/8")
NAME = "warehouse"


class Watching(Protocol):
    def __call__(self, stage: str, **figures: Any) -> None: ...


def unwatched(stage: str, **figures: Any) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class OutsideDatabase:
    """A database under the endpoint NAME, and a folder for files of jobs."""

    url: str
    folder: Path

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")

    def outside(self, timeout_s: float = 60) -> Outside:
        return Outside({NAME: Endpoint(NAME, "SQL", {"url": self.url})}, [HERE], timeout_s)

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Do something by oneself, and answer the rows."""
        if self.is_sqlite:
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as connection, connection:
                return connection.execute(statement, values).fetchall()
        return asyncio.run(self._postgresql(statement, values))

    async def _postgresql(self, statement: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        connection: Any = await asyncpg.connect(self.url)
        try:
            return [tuple(row) for row in await connection.fetch(statement, *values)]
        finally:
            await connection.close()

    @contextmanager
    def held(self, table: str) -> Iterator[None]:
        """Let nobody else write to a table for as long as the block lasts."""
        if self.is_sqlite:
            with closing(sqlite3.connect(self.url.removeprefix("sqlite:///"))) as connection:
                connection.execute("BEGIN IMMEDIATE")
                yield
            return
        with asyncio.Runner() as runner:
            other: Any = runner.run(asyncpg.connect(self.url))
            runner.run(other.execute(f"BEGIN; LOCK TABLE {quoted(table)} IN EXCLUSIVE MODE"))
            yield
            runner.run(other.close())

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """All rows of a table, in the order of their values."""
        names = ", ".join(map(quoted, columns)) or "*"
        return sorted(self.sql(f"SELECT {names} FROM {quoted(table)}"), key=repr)

    def sink_rows(self, frame: pl.DataFrame) -> SinkRows:
        """Rows as the engine hands them to a sink, in two files."""
        numbered = frame.with_row_index(ROW_INDEX).cast({ROW_INDEX: pl.Int64})
        half = (frame.height + 1) // 2
        files = [self.folder / f"{uuid4().hex}.parquet" for _ in range(2)]
        numbered.head(half).write_parquet(files[0])
        numbered.tail(frame.height - half).write_parquet(files[1])
        columns = [Column(name, dtype) for name, dtype in frame.schema.items()]
        return SinkRows(files, columns, frame.height)

    def delivery(
        self, key: str | None = None, watch: Watching = unwatched, timeout_s: float = 60
    ) -> Delivery:
        return Delivery("job_1", key or uuid4().hex, self.folder, self.outside(timeout_s), watch)

    def write(self, rows: Any, key: str | None = None, **settings: Any) -> Delivered:
        """Write rows, a frame or what makes one, by a table sink with these settings."""
        frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows)
        sink = TableSink.model_validate({"endpoint": NAME, "table": "t"} | settings)
        return sink.write(self.sink_rows(frame), self.delivery(key))


def made_in(server_url: str, folder: Path) -> OutsideDatabase:
    """A new database of a PostgreSQL server."""
    name = f"outside_{uuid4().hex}"
    run_sql(server_url, f"CREATE DATABASE {name}")
    return OutsideDatabase(urlsplit(server_url)._replace(path=f"/{name}").geturl(), folder)


def fetched(
    database: OutsideDatabase, query: str, *, state: Any = None, **given: Any
) -> tuple[pl.DataFrame, Any]:
    """What a source of kind sql fetches, as one frame, and its state."""
    usual: dict[str, Any] = {"max_bytes": 100 << 20, "watch": unwatched, "timeout_s": 60}
    for name in usual:
        usual[name] = given.pop(name, usual[name])
    folder = database.folder / uuid4().hex
    folder.mkdir()
    to = Fetching(folder, database.outside(usual["timeout_s"]), usual["max_bytes"], usual["watch"], state)
    done = SqlSource.model_validate({"endpoint": NAME, "query": query} | given).fetch(to)
    assert sorted(path.name for path in folder.iterdir()) == [file.name for file in done.files]
    return pl.concat([pl.read_parquet(folder / file.name) for file in done.files]), done.state
