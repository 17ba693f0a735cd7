"""The SQL database: SQLite in a file, or PostgreSQL by URL."""

import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Self

import asyncpg
import orjson
from sqlalchemy import URL, Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from headgate.errors import Unavailable, UserFault, reason_of
from headgate.storage.spans import record_statements
from headgate.tracing import is_tracing

BUSY_TIMEOUT_S = 30
SQLITE_READERS = 8
POSTGRESQL_SCHEMES = ("postgresql://", "postgres://")
READ_ONLY = {"default_transaction_read_only": "on"}
# A process that is stopped in a transaction must not keep its locks from all others.
WRITING = {"idle_in_transaction_session_timeout": "5000"}
# Driver autocommit leaves BEGIN to us: by default the driver begins late and as a reader, and a
# read-modify-write then loses what others wrote in between.
SQLITE_PRAGMAS = (
    f"busy_timeout = {BUSY_TIMEOUT_S * 1000}",
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
)

# A list is one query; a BEGIN before it and a ROLLBACK behind it cost as much again.
AUTOCOMMIT: dict[str, Any] = {
    "isolation_level": "AUTOCOMMIT",
    "skip_autocommit_rollback": True,
    "pool_reset_on_return": None,
}


def _read_json(value: str | float) -> Any:
    """Read JSON; what is one number by itself SQLite keeps as that."""
    return orjson.loads(value) if isinstance(value, str) else value


JSON_CODEC: dict[str, Any] = {
    "json_serializer": lambda value: orjson.dumps(value).decode(),
    "json_deserializer": _read_json,
}


SQLITE_OUTAGES = frozenset(
    {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
)
POSTGRESQL_OUTAGES = ("08", "53", "57P")
"""Classes of SQLSTATE: no connection, no room or memory, and a server that ends, starts or takes nobody."""


class DatabaseUnavailable(Unavailable):
    """The database cannot be used now."""

    def __init__(
        self, reason: str, message: str = "The database cannot be used now. Try again later."
    ) -> None:
        super().__init__("DATABASE_UNAVAILABLE", message)
        self.reason = reason
        # An error is made anew of its `args` on its way out of a process.
        self.args = (reason, message)


class Database:
    """Sessions over one database; safe to share within one event loop, one session per task.

    `read()` cannot write; each of its queries sees what was committed before it. `transaction()` commits when its
    block ends well and rolls back when it raises, cancellation included. SQLite runs one
    transaction at a time; on PostgreSQL, rows that are read in order to be changed must be read
    `with_for_update(key_share=True)`, which SQLite ignores; without `key_share` they would also keep out rows that
    refer to them, and two transactions could wait for each other.
    """

    def __init__(self, reader: AsyncEngine, writer: AsyncEngine) -> None:
        self._reader = reader
        self._writer = writer
        if is_tracing():
            record_statements(reader.sync_engine)
            record_statements(writer.sync_engine)
        self._read_session = async_sessionmaker(reader, expire_on_commit=False)
        self._write_session = async_sessionmaker(writer, expire_on_commit=False)

    @classmethod
    def connect(cls, url: str, *, check_links: bool = True) -> Self:
        """Take a `postgresql://` or `sqlite:///` URL as it is; connections open on first use.

        Without `check_links` SQLite lets tables be made anew that others refer to; PostgreSQL needs no such leave.
        Raises UserFault (DATABASE_URL_INVALID) for anything else, an in-memory SQLite included.
        """
        if url.startswith(POSTGRESQL_SCHEMES):
            return cls(*_postgresql_engines(url))
        return cls(*_sqlite_engines(_sqlite_path(url), check_links))

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Open a session for reading; a write in it raises DBAPIError.

        Raises DatabaseUnavailable where the database can't be reached, or can't do what it is asked for now.
        """
        with _telling_outages():
            async with self._read_session() as session:
                yield session

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """Open a session whose changes are committed together, or not at all; raises DatabaseUnavailable."""
        with _telling_outages():
            async with self._write_session.begin() as session:
                yield session

    @property
    def file(self) -> str | None:
        """The file of a SQLite database, as it was named; None for PostgreSQL."""
        url = self._reader.url
        return url.database if url.get_backend_name() == "sqlite" else None

    async def close(self) -> None:
        """Close every connection; the database can be used again afterwards."""
        await self._reader.dispose()
        await self._writer.dispose()


@contextmanager
def _telling_outages() -> Iterator[None]:
    """Raise DatabaseUnavailable in place of what says that the database can't be used now."""
    try:
        yield
    except (DBAPIError, NoConnection) as error:
        if not _is_outage(error):
            raise
        raise DatabaseUnavailable(reason_of(error)) from error


def _is_outage(error: DBAPIError | NoConnection) -> bool:
    if isinstance(error, NoConnection) or error.connection_invalidated:
        return True
    if isinstance(error.orig, sqlite3.Error):
        return error.orig.sqlite_errorcode & 0xFF in SQLITE_OUTAGES
    return str(getattr(error.orig, "sqlstate", None)).startswith(POSTGRESQL_OUTAGES)


def _postgresql_engines(url: str) -> tuple[AsyncEngine, AsyncEngine]:
    def make_engine(settings: Mapping[str, str], **options: Any) -> AsyncEngine:
        # asyncpg reads the URL itself: it knows what libpq knows (sslmode, several hosts, a socket's folder).
        async def open_connection(*_: Any, **given: Any) -> asyncpg.Connection:
            try:
                return await asyncpg.connect(url, server_settings=dict(settings), **given)
            except (OSError, asyncpg.PostgresError) as error:
                raise DatabaseUnavailable(reason_of(error)) from error

        return create_async_engine(
            "postgresql+asyncpg://",
            async_creator=open_connection,
            pool_pre_ping=True,
            **JSON_CODEC,
            **options,
        )

    return make_engine(READ_ONLY, **AUTOCOMMIT), make_engine(WRITING)


def _sqlite_engines(path: str, check_links: bool) -> tuple[AsyncEngine, AsyncEngine]:
    """Many readers beside one writer, so that writers queue fairly here and not in SQLite's busy loop."""
    url = URL.create("sqlite+aiosqlite", database=path)
    common = {"max_overflow": 0, "pool_timeout": BUSY_TIMEOUT_S, **JSON_CODEC}
    reader = create_async_engine(url, pool_size=SQLITE_READERS, **common, **AUTOCOMMIT)
    writer = create_async_engine(url, pool_size=1, **common)
    _prepare_connections(reader, (*SQLITE_PRAGMAS, "query_only = ON"))
    _prepare_connections(writer, (*SQLITE_PRAGMAS, f"foreign_keys = {'ON' if check_links else 'OFF'}"))
    event.listen(writer.sync_engine, "begin", _begin_immediately)
    return reader, writer


def _sqlite_path(url: str) -> str:
    scheme, _, path = url.partition(":///")
    if scheme != "sqlite" or not path or path.startswith(":memory:"):
        raise UserFault(
            "DATABASE_URL_INVALID", "The database URL is neither postgresql:// nor sqlite:///<file>."
        )
    return path


def _prepare_connections(engine: AsyncEngine, pragmas: tuple[str, ...]) -> None:
    def open_once(*_: object) -> None:
        # What cannot be opened fails here: in aiosqlite's own thread it would fail a second time, and
        # print that, wherever the event loop has ended by then.
        sqlite3.connect(str(engine.url.database)).close()

    def prepare(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None
        for pragma in pragmas:
            connection.cursor().execute(f"PRAGMA {pragma}")

    event.listen(engine.sync_engine, "do_connect", open_once)
    event.listen(engine.sync_engine, "connect", prepare)


def _begin_immediately(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
