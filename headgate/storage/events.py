"""Events of jobs at rest, numbered in the order of commits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from headgate.storage.rows_of_jobs import table_of
from headgate.storage.tables import JobEvent, JobEventType, JobStatus, utc_now

POSTGRESQL_LOCK = 4_821_003_317
"""Any number that nothing else in the database locks."""
EVENTS = table_of(JobEvent)


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that has no number yet; see JobEvent."""

    job_id: str
    seq: int
    type: JobEventType
    status: JobStatus | None = None
    progress: Mapping[str, Any] | None = None
    message: str | None = None
    errors: Sequence[Mapping[str, Any]] | None = None
    at: datetime = field(default_factory=utc_now)

    def to_row(self) -> dict[str, Any]:
        """Name the values of its row's columns."""
        return {name: getattr(self, name) for name in self.__slots__}


async def append_events(session: AsyncSession, events: Sequence[NewEvent]) -> None:
    """Write events as the last thing that a transaction does.

    On PostgreSQL they hold back the events of others until this transaction has ended: numbers that are given in
    one order and committed in another would hide events from whoever reads on behind the highest one. On SQLite
    writers come one after another anyway.
    """
    if not events:
        return
    await session.flush()
    connection = await session.connection()
    if connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(POSTGRESQL_LOCK)))
    await connection.execute(insert(EVENTS), [event.to_row() for event in events])
