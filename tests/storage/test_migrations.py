"""Migrations lead from an empty database to the tables of the code."""

import asyncio
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from headgate.storage.database import Database
from headgate.storage.migrate import upgrade
from headgate.storage.tables import Role, Table, User

NEW = {
    "has_errors",
    "pipeline_id",
    "pipeline_version",
    "request_id",
    "resolved_by",
    "resolves_id",
    "tick_at",
    "traceparent",
}
"""Columns of jobs that came with the third tables."""
MOMENT = "'2026-01-01 10:00:0{}+00:00'"
FIRST_ROWS = (
    "INSERT INTO jobs (id, kind, status, priority, spec, rows_read, rows_accepted, rows_rejected, rows_filtered,"
    " rows_merged, warnings, progress, attempts, lease_token, last_event, created_at)"
    f" VALUES ('job_1', 'INGEST', 'RUNNING', 'LOW', '{{}}', 0, 0, 0, 0, 0, 0, '{{}}', 1, 1, 2, {MOMENT.format(1)})",
    "INSERT INTO attempts (id, job_id, number, status, started_at)"
    f" VALUES ('attempt_1', 'job_1', 1, 'RUNNING', {MOMENT.format(2)})",
    "INSERT INTO job_events (job_id, seq, type, at, status)"
    f" VALUES ('job_1', 2, 'STATUS', {MOMENT.format(2)}, 'RUNNING')",
    "INSERT INTO job_events (job_id, seq, type, at, status)"
    f" VALUES ('job_1', 1, 'STATUS', {MOMENT.format(1)}, 'QUEUED')",
)


async def look(url: str, at: Callable[[Connection], Any]) -> Any:
    database = Database.connect(url)
    async with database.read() as session:
        seen = await (await session.connection()).run_sync(at)
    await database.close()
    return seen


async def add_user(url: str) -> None:
    database = Database.connect(url)
    async with database.transaction() as session:
        session.add(User(id="user_1", email="ada@example.org", role=Role.ADMIN))
    await database.close()


def write_first_jobs(url: str) -> None:
    """Write what the first tables could hold: a job with events, which other rows refer to."""

    async def write() -> None:
        database = Database.connect(url)
        async with database.transaction() as session:
            for statement in FIRST_ROWS:
                await session.execute(text(statement))
        await database.close()

    asyncio.run(write())


def add_rejecting_job(url: str) -> None:
    """Write a job of the second tables, with rejected rows, beside the first one."""

    async def write() -> None:
        database = Database.connect(url)
        async with database.transaction() as session:
            columns = ", ".join(
                column.name for column in Table.metadata.tables["jobs"].c if column.name not in NEW
            )
            copied = columns.replace("id,", "'job_2',", 1).replace("rows_rejected", "3")
            await session.execute(text(f"INSERT INTO jobs ({columns}) SELECT {copied} FROM jobs"))
        await database.close()

    asyncio.run(write())


def events(connection: Connection) -> list[Any]:
    rows = connection.execute(text("SELECT job_id, seq, status FROM job_events ORDER BY number"))
    return [tuple(row) for row in rows]


def ranks(connection: Connection) -> list[Any]:
    rows = connection.execute(text("SELECT id, due_at = created_at, rank_at = created_at, crashes FROM jobs"))
    return [tuple(row) for row in rows]


def with_errors(connection: Connection) -> list[Any]:
    return list(connection.scalars(text("SELECT id FROM jobs WHERE has_errors ORDER BY id")))


def user_ids(connection: Connection) -> list[str]:
    return list(connection.scalars(text("SELECT id FROM users")))


def table_names(connection: Connection) -> set[str]:
    return set(inspect(connection).get_table_names())


def foreign_keys(connection: Connection) -> set[str | None]:
    inspector = inspect(connection)
    return {key["name"] for name in inspector.get_table_names() for key in inspector.get_foreign_keys(name)}


def differences(connection: Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection), Table.metadata))


async def test_an_empty_database_gets_every_table(database_url: str) -> None:
    assert await look(database_url, table_names) == {*Table.metadata.tables, "alembic_version"}


async def test_the_migrated_tables_are_those_of_the_code(database_url: str) -> None:
    assert await look(database_url, differences) == []


async def test_constraints_have_the_names_of_the_code(database_url: str) -> None:
    tables = Table.metadata.tables.values()
    declared = {constraint.name for table in tables for constraint in table.foreign_key_constraints}
    assert await look(database_url, foreign_keys) == declared


def test_migrating_again_keeps_what_is_there(database_url: str) -> None:
    asyncio.run(add_user(database_url))
    upgrade(database_url)
    assert asyncio.run(look(database_url, user_ids)) == ["user_1"]


def test_several_processes_may_migrate_at_once(make_url: Callable[[], str]) -> None:
    url = make_url()
    with ProcessPoolExecutor(3, mp_context=multiprocessing.get_context("spawn")) as processes:
        assert list(processes.map(upgrade, [url] * 3)) == [None] * 3
    assert asyncio.run(look(url, differences)) == []


def test_an_upgrade_keeps_the_jobs_and_numbers_their_events(make_url: Callable[[], str]) -> None:
    url = make_url()
    upgrade(url, "0001")
    write_first_jobs(url)
    upgrade(url)
    assert asyncio.run(look(url, ranks)) == [("job_1", True, True, 0)]
    assert asyncio.run(look(url, events)) == [("job_1", 1, "QUEUED"), ("job_1", 2, "RUNNING")]
    assert asyncio.run(look(url, differences)) == []


def test_jobs_that_rejected_rows_are_known_to_have_errors(make_url: Callable[[], str]) -> None:
    url = make_url()
    upgrade(url, "0001")
    write_first_jobs(url)
    upgrade(url, "0002")
    add_rejecting_job(url)
    upgrade(url)
    assert asyncio.run(look(url, with_errors)) == ["job_2"]
    assert asyncio.run(look(url, differences)) == []


def test_a_database_that_a_newer_version_has_migrated_stays_as_it_is(make_url: Callable[[], str]) -> None:
    url = make_url()
    upgrade(url)
    asyncio.run(run(url, "UPDATE alembic_version SET version_num = '9999'"))
    upgrade(url)
    assert asyncio.run(look(url, revision)) == "9999"
    assert asyncio.run(look(url, differences)) == []


def revision(connection: Connection) -> Any:
    return connection.scalar(text("SELECT version_num FROM alembic_version"))


async def run(url: str, statement: str) -> None:
    database = Database.connect(url)
    async with database.transaction() as session:
        await session.execute(text(statement))
    await database.close()
