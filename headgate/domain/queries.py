"""Queries that several nouns share."""

from collections.abc import Collection
from typing import TypeVar

from sqlalchemy import ColumnElement, false, func
from sqlmodel import col, select

from headgate.domain.ids import is_storable
from headgate.storage.database import Database
from headgate.storage.tables import (
    ApiKey,
    AuditEntry,
    Dataset,
    Endpoint,
    File,
    Job,
    Pipeline,
    Result,
    Table,
    User,
)

Row = TypeVar("Row", ApiKey, AuditEntry, Dataset, Endpoint, File, Job, Pipeline, Result, User)


async def by_ids(database: Database, table: type[Row], ids: Collection[str]) -> dict[str, Row]:
    """Find rows by id, in one query; unknown ids are left out."""
    statement = select(table).where(is_one_of(table.id, ids))
    async with database.read() as session:
        return {row.id: row for row in await session.scalars(statement)}


async def by_id(database: Database, table: type[Row], id: str) -> Row | None:
    """Find one row by id."""
    return (await by_ids(database, table, [id])).get(id)


async def count_rows(
    database: Database, table: type[Table], conditions: Collection[ColumnElement[bool]]
) -> int:
    """Count the rows that meet all conditions."""
    statement = select(func.count()).select_from(table).where(*conditions)
    async with database.read() as session:
        return (await session.scalars(statement)).one()


def is_one_of(column: str | None, values: Collection[str]) -> ColumnElement[bool]:
    """Match rows whose column holds one of these texts, which may be anything."""
    return col(column).in_([value for value in values if is_storable(value)])


def contains(column: str, text: str) -> ColumnElement[bool]:
    """Match rows whose column holds this text, which may be anything, in upper or lower case."""
    return col(column).icontains(text, autoescape=True) if is_storable(text) else false()
