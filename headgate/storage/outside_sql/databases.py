"""Databases that lie outside, under one face: rows into a table, what a query answers, whether somebody is there."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from headgate.storage.outside_sql import postgresql_queries, postgresql_tables, sqlite_queries, sqlite_tables
from headgate.storage.outside_sql.dialled import Connection, Server, run
from headgate.storage.outside_sql.patience import Patience
from headgate.storage.outside_sql.queries import QUERY_FAILED, Answer, Query, Take
from headgate.storage.outside_sql.sqlite_file import opened
from headgate.storage.outside_sql.tables import WRITE_FAILED, Batches, Writing, Written


class OutsideDatabase(Protocol):
    """A database that lies outside. All raise JobFault, whose message tells no secret and no path of this host."""

    def write(self, writing: Writing, batches: Batches, patience: Patience) -> Written:
        """Write all rows, or none; what was written under the key before stays, and is answered again.

        Raises TABLE_MISMATCH, WRITE_FAILED.
        """

    def read(self, query: Query, take: Take, patience: Patience) -> Answer:
        """Let `take` have all that a query answers, piece by piece; nothing can be written by it.

        Raises QUERY_FAILED, UNKNOWN_COLUMN.
        """

    def ping(self, patience: Patience) -> str:
        """Ask for what costs nothing; answers what it is, for people."""


@dataclass(frozen=True, slots=True)
class PostgresqlDatabase:
    """A database of a PostgreSQL server."""

    server: Server

    def write(self, writing: Writing, batches: Batches, patience: Patience) -> Written:
        async def work(connection: Connection) -> Written:
            return await postgresql_tables.write(connection, writing, batches, patience)

        return run(self.server, patience, WRITE_FAILED, work)

    def read(self, query: Query, take: Take, patience: Patience) -> Answer:
        async def work(connection: Connection) -> Answer:
            return await postgresql_queries.read(connection, query, take, patience)

        return run(self.server, patience, QUERY_FAILED, work)

    def ping(self, patience: Patience) -> str:
        async def work(connection: Connection) -> str:
            await connection.fetchval("SELECT 1")
            version = connection.get_server_version()
            return f"PostgreSQL {version.major}.{version.minor}"

        return run(self.server, patience, QUERY_FAILED, work)


@dataclass(frozen=True, slots=True)
class SqliteDatabase:
    """A database in a file."""

    path: Path

    def write(self, writing: Writing, batches: Batches, patience: Patience) -> Written:
        return sqlite_tables.write(self.path, writing, batches, patience)

    def read(self, query: Query, take: Take, patience: Patience) -> Answer:
        return sqlite_queries.read(self.path, query, take, patience)

    def ping(self, patience: Patience) -> str:
        with opened(self.path, "ro", patience, QUERY_FAILED) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        return f"SQLite {sqlite3.sqlite_version}"
