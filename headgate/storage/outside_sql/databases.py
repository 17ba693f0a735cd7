"""Databases that lie outside, under one face: rows into a table, what a query answers, whether somebody is there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from headgate.storage.outside_sql import postgresql_tables, sqlite_tables
from headgate.storage.outside_sql.dialled import Connection, Server, run
from headgate.storage.outside_sql.patience import Patience
from headgate.storage.outside_sql.sqlite_file import opened
from headgate.storage.outside_sql.tables import Batches, Writing, Written

WRITE_FAILED, QUERY_FAILED = "WRITE_FAILED", "QUERY_FAILED"


class OutsideDatabase(Protocol):
    """A database that lies outside. All raise JobFault, whose message tells no secret and no path of this host."""

    def write(self, writing: Writing, batches: Batches, patience: Patience) -> Written:
        """Write all rows, or none; what was written under the key before stays, and is answered again.

        Raises TABLE_MISMATCH, WRITE_FAILED.
        """

    def ping(self, patience: Patience) -> None:
        """Ask for something that costs nothing."""


@dataclass(frozen=True, slots=True)
class PostgresqlDatabase:
    """A database of a PostgreSQL server."""

    server: Server

    def write(self, writing: Writing, batches: Batches, patience: Patience) -> Written:
        async def work(connection: Connection) -> Written:
            return await postgresql_tables.write(connection, writing, batches, patience)

        return run(self.server, patience, WRITE_FAILED, work)

    def ping(self, patience: Patience) -> None:
        async def work(connection: Connection) -> None:
            await connection.fetchval("SELECT 1")

        run(self.server, patience, QUERY_FAILED, work)


@dataclass(frozen=True, slots=True)
class SqliteDatabase:
    """A database in a file."""

    path: Path

    def write(self, writing: Writing, batches: Batches, patience: Patience) -> Written:
        return sqlite_tables.write(self.path, writing, batches, patience)

    def ping(self, patience: Patience) -> None:
        with opened(self.path, "ro", patience, QUERY_FAILED) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
