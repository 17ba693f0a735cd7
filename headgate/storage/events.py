"""Events of jobs at rest, numbered in the order of commits."""

from collections.abc import Sequence

from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from headgate.storage.tables import JobEvent

POSTGRESQL_LOCK = 4_821_003_317
"""Any number that nothing else in the database locks."""


async def append_events(session: AsyncSession, events: Sequence[JobEvent]) -> None:
    """Write events as the last thing that a transaction does.

    On PostgreSQL they hold back the events of others until this transaction has ended: numbers that are given in
    one order and committed in another would hide events from whoever reads on behind the highest one. On SQLite
    writers come one after another anyway.
    """
    if not events:
        return
    await session.flush()
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(select(func.pg_advisory_xact_lock(POSTGRESQL_LOCK)))
    await session.execute(insert(JobEvent), [event.model_dump(exclude={"number"}) for event in events])
