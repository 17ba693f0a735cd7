"""The database keeps what it acknowledged, the same on SQLite and on PostgreSQL."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, StatementError
from sqlmodel import SQLModel, col, select

from headgate.errors import UserFault
from headgate.storage.database import Database, DatabaseUnavailable
from headgate.storage.tables import File, FileFormat, FileStatus, Job, JobKind, JobStatus

WRITERS = 12
WRITES_EACH = 5


def a_file(**values: Any) -> File:
    return File(**{"id": "file_1", "name": "sales.csv", "status": FileStatus.READY, **values})


async def add(database: Database, row: SQLModel) -> None:
    async with database.transaction() as session:
        session.add(row)


async def stored_file(database: Database) -> File:
    async with database.read() as session:
        return await session.get_one(File, "file_1")


async def add_one_byte(database: Database) -> None:
    async with database.transaction() as session:
        file = await session.get_one(File, "file_1", with_for_update=True)
        await asyncio.sleep(0)
        file.byte_size += 1


async def test_a_row_comes_back_as_it_went_in(database: Database) -> None:
    east = timezone(timedelta(hours=9))
    moment = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=east)
    columns = [{"name": "größe", "type": "FLOAT"}]
    await add(database, a_file(byte_size=2**40, columns=columns, format="CSV", created_at=moment))

    file = await stored_file(database)

    assert file.byte_size == 2**40
    assert file.columns == columns
    assert file.dialect is None
    assert file.status is FileStatus.READY
    assert file.format is FileFormat.CSV
    assert file.created_at == moment
    assert file.created_at.tzinfo is UTC


async def test_missing_json_is_null_in_sql(database: Database) -> None:
    await add(database, a_file())
    async with database.read() as session:
        assert await session.scalar(select(File.id).where(col(File.failure).is_(None))) == "file_1"


async def test_moments_sort_and_compare_across_time_zones(database: Database) -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    await add(database, a_file(created_at=noon))
    earlier = noon.astimezone(timezone(timedelta(hours=9))) - timedelta(microseconds=1)
    async with database.read() as session:
        assert await session.scalar(select(File.id).where(File.created_at > earlier)) == "file_1"
        assert await session.scalar(select(File.id).where(File.created_at <= earlier)) is None


async def test_a_moment_without_time_zone_is_refused(database: Database) -> None:
    with pytest.raises(StatementError, match="has no time zone"):
        await add(database, a_file(created_at=datetime(2026, 1, 1)))


async def test_a_status_that_does_not_exist_is_refused(database: Database) -> None:
    with pytest.raises(StatementError):
        await add(database, a_file(status="DONE"))


async def test_concurrent_read_modify_writes_lose_nothing(database: Database) -> None:
    await add(database, a_file())

    async def write() -> None:
        for _ in range(WRITES_EACH):
            await add_one_byte(database)

    async with asyncio.TaskGroup() as group:
        for _ in range(WRITERS):
            group.create_task(write())

    assert (await stored_file(database)).byte_size == WRITERS * WRITES_EACH


async def test_two_connections_of_their_own_lose_nothing_either(database_url: str) -> None:
    databases = [Database.connect(database_url) for _ in range(3)]
    await add(databases[0], a_file())

    async with asyncio.TaskGroup() as group:
        for database in databases * WRITES_EACH:
            group.create_task(add_one_byte(database))

    assert (await stored_file(databases[0])).byte_size == 3 * WRITES_EACH
    for database in databases:
        await database.close()


async def change_everything_and_fail(database: Database) -> None:
    async with database.transaction() as session:
        file = await session.get_one(File, "file_1")
        file.name = "other.csv"
        session.add(Job(id="job_1", kind=JobKind.INGEST))
        await session.flush()
        raise ZeroDivisionError


async def test_an_error_rolls_everything_back(database: Database) -> None:
    await add(database, a_file())
    with pytest.raises(ZeroDivisionError):
        await change_everything_and_fail(database)

    assert (await stored_file(database)).name == "sales.csv"
    async with database.read() as session:
        assert await session.get(Job, "job_1") is None


async def test_a_cancelled_transaction_leaves_nothing_and_blocks_nobody(database: Database) -> None:
    await add(database, a_file())
    written = asyncio.Event()

    async def never_end() -> None:
        async with database.transaction() as session:
            file = await session.get_one(File, "file_1", with_for_update=True)
            file.byte_size = 1_000_000
            await session.flush()
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(never_end())
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    await asyncio.wait_for(add_one_byte(database), timeout=10)
    assert (await stored_file(database)).byte_size == 1


async def test_cancellation_at_any_step_loses_no_connection(database: Database) -> None:
    await add(database, a_file())
    for steps in range(30):
        task = asyncio.create_task(add_one_byte(database))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    before = (await stored_file(database)).byte_size
    await asyncio.wait_for(add_one_byte(database), timeout=10)
    assert (await stored_file(database)).byte_size == before + 1


async def test_each_query_of_a_reader_sees_what_was_committed_before_it(database: Database) -> None:
    await add(database, a_file())
    async with database.read() as session:
        assert await session.scalar(select(File.byte_size)) == 0
        await add_one_byte(database)
        assert await session.scalar(select(File.byte_size)) == 1


async def test_a_reader_cannot_write(database: Database) -> None:
    await add(database, a_file())
    async with database.read() as session:
        with pytest.raises(DBAPIError, match=r"read-?only"):
            await session.execute(text("UPDATE files SET name = 'other.csv'"))
    await add_one_byte(database)


async def test_a_foreign_key_must_lead_somewhere(database: Database) -> None:
    with pytest.raises(IntegrityError):
        await add(database, Job(id="job_1", kind=JobKind.INGEST, file_id="file_missing"))


async def test_a_new_job_waits_and_has_counted_nothing(database: Database) -> None:
    await add(database, Job(id="job_1", kind=JobKind.INGEST))
    async with database.read() as session:
        job = await session.get_one(Job, "job_1")
    assert job.status is JobStatus.QUEUED
    assert (job.rows_read, job.attempts, job.lease_token, job.last_event) == (0, 0, 0, 0)
    assert (job.spec, job.progress, job.failure) == ({}, {}, None)


async def test_a_closed_database_opens_again(database: Database) -> None:
    await add(database, a_file())
    await database.close()
    assert (await stored_file(database)).id == "file_1"


async def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "a b?c#d%20é"
    folder.mkdir()
    database = Database.connect(f"sqlite:///{folder}/x.db")
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE t (i INTEGER)"))
    await database.close()
    assert (folder / "x.db").is_file()


@pytest.mark.parametrize(
    "url", ["mysql://host/db", "sqlite://", "sqlite:///:memory:", "sqlite:///", "", "files.db"]
)
def test_a_url_of_another_kind_is_refused(url: str) -> None:
    with pytest.raises(UserFault, match="DATABASE_URL_INVALID"):
        Database.connect(url)


async def test_a_full_disk_is_an_outage_and_a_mistake_is_none(tmp_path: Path) -> None:
    database = Database.connect(f"sqlite:///{tmp_path / 'small.db'}")
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE pages (content BLOB)"))
        await session.execute(text("PRAGMA max_page_count = 8"))
    with pytest.raises(DatabaseUnavailable) as told:
        async with database.transaction() as session:
            await session.execute(text("INSERT INTO pages VALUES (zeroblob(100000))"))
    assert (told.value.code, told.value.retryable) == ("DATABASE_UNAVAILABLE", True)
    assert "INSERT" not in told.value.message
    with pytest.raises(OperationalError):
        async with database.read() as session:
            await session.execute(text("SELECT * FROM nothing"))
    async with database.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM pages")) == 0
    await database.close()


async def test_a_database_that_nobody_listens_for_is_an_outage() -> None:
    database = Database.connect("postgresql://somebody:secret@127.0.0.1:1/nothing")
    with pytest.raises(DatabaseUnavailable) as told:
        async with database.read() as session:
            await session.execute(text("SELECT 1"))
    assert "127.0.0.1" in str(told.value.reason)
    assert "127.0.0.1" not in told.value.message
    assert "secret" not in str(told.value.reason)
    await database.close()
