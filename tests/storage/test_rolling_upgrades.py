"""A process of the last release works on the tables of this version, while others are replaced one by one."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Connection, MetaData, Table, insert, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from headgate.storage.database import Database
from headgate.storage.migrate import upgrade

[REVISION] = (Path(__file__).parent.parent.parent / "releases").glob("*/revision")
MADE_BY_MIGRATIONS = {"alembic_version", "counters"}
UNCHANGING = {"audit_entries"}
"""The database itself refuses to change or remove these rows."""
BREAKING = (
    "ALTER TABLE users RENAME COLUMN name TO called",
    "ALTER TABLE attempts RENAME TO tries",
    "ALTER TABLE files ADD COLUMN shelf VARCHAR NOT NULL CHECK (shelf <> '')",
    "CREATE TRIGGER no_uploads BEFORE UPDATE ON uploads BEGIN SELECT RAISE(ABORT, 'no'); END",
)


async def within(url: str, work: Callable[[Connection], Any]) -> Any:
    database = Database.connect(url)
    try:
        async with database.transaction() as session:
            return await (await session.connection()).run_sync(work)
    finally:
        await database.close()


def tables_at(url: str, revision: str) -> MetaData:
    """The tables as a release knew them."""
    upgrade(url, revision)
    known = MetaData()
    asyncio.run(within(url, known.reflect))
    return known


def use(connection: Connection, known: MetaData) -> list[str]:
    """Write, change and read a row of every table with the columns of a release alone; answers the tables' names."""
    written: dict[str, dict[str, Any]] = {}
    for table in known.sorted_tables:
        if table.name in MADE_BY_MIGRATIONS:
            continue
        row = written[table.name] = {column.name: value_of(column, written) for column in table.columns}
        connection.execute(insert(table).values(row))
        if table.name not in UNCHANGING:
            connection.execute(update(table).where(same_row(table, row)).values(row))
        [found] = connection.execute(select(table).where(same_row(table, row)))
        assert set(found._mapping) == set(row)
    return list(written)


def same_row(table: Table, row: dict[str, Any]) -> Any:
    [first, *_] = table.primary_key.columns
    return first == row[first.name]


def value_of(column: "Column[Any]", written: dict[str, dict[str, Any]]) -> Any:
    """Some value that the column takes; of one that refers to a row, that of the row."""
    for key in column.foreign_keys:
        table, _, name = key.target_fullname.rpartition(".")
        return written[table][name] if table in written else None
    values: dict[type, Any] = {
        bool: True,
        int: 1,
        float: 1.0,
        str: "1",
        datetime: datetime(2026, 1, 1, tzinfo=UTC),
        date: date(2026, 1, 1),
        bytes: b"1",
        object: {},  # JSON
    }
    return values[column.type.python_type]


def test_what_the_last_release_writes_and_reads_is_still_there(make_url: Callable[[], str]) -> None:
    known = tables_at(make_url(), REVISION.read_text().strip())
    url = make_url()
    upgrade(url)
    assert {"jobs", "files", "datasets", "audit_entries"} <= set(
        asyncio.run(within(url, lambda connection: use(connection, known)))
    )


@pytest.mark.parametrize(
    "change", BREAKING, ids=["renamed column", "renamed table", "needed column", "refused update"]
)
def test_a_migration_that_breaks_the_last_release_would_be_noticed(tmp_path: Path, change: str) -> None:
    known = tables_at(f"sqlite:///{tmp_path}/old.db", REVISION.read_text().strip())
    url = f"sqlite:///{tmp_path}/new.db"
    upgrade(url)
    asyncio.run(within(url, lambda connection: connection.execute(text(change))))
    with pytest.raises(SQLAlchemyError):
        asyncio.run(within(url, lambda connection: use(connection, known)))
