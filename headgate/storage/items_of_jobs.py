"""Items of jobs of mappings, written many at a time."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, insert, update
from sqlalchemy.ext.asyncio import AsyncSession

from headgate.storage.rows_of_jobs import table_of
from headgate.storage.tables import JobItem

ITEMS = table_of(JobItem)
RESULT = ("status", "attempts", "response", "failure")
"""What becomes of an item."""
END_ITEM = (
    update(ITEMS)
    .where(ITEMS.c.job_id == bindparam("of_job"), ITEMS.c.position == bindparam("of_position"))
    .values({name: bindparam(name) for name in RESULT})
)


async def add_items(session: AsyncSession, items: Sequence[Mapping[str, Any]]) -> None:
    """Write new items, each with job_id, position, id, source, target and mapping."""
    if items:
        connection = await session.connection()
        await connection.execute(insert(ITEMS), [*items])


async def end_items(session: AsyncSession, job_id: str, results: Sequence[Mapping[str, Any]]) -> None:
    """Write what became of items of a job: position says which, then status, attempts, response and failure."""
    if results:
        rows = [
            {"of_job": job_id, "of_position": each["position"], **{name: each[name] for name in RESULT}}
            for each in results
        ]
        connection = await session.connection()
        await connection.execute(END_ITEM, rows)
