"""Workers: the processes that run jobs, as they tell of themselves."""

from datetime import timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain.services import Services
from headgate.storage.database import Database
from headgate.storage.tables import Worker, utc_now

SILENT_LEASES = 2
"""A worker tells of itself several times in a lease; after so many without a word it is taken for gone."""


async def tell(session: AsyncSession, name: str, *, running_jobs: int) -> None:
    """Record that a worker lives and how much it has to do."""
    worker = await session.get(Worker, name) or Worker(id=name, host=name.rsplit(":", 2)[0])
    worker.last_seen_at = utc_now()
    worker.running_jobs = running_jobs
    session.add(worker)


async def living(services: Services) -> list[Worker]:
    """List the workers that told of themselves lately, oldest first."""
    return await seen(services.database, services.lease_s)


async def seen(database: Database, lease_s: float) -> list[Worker]:
    """List them, with no more at hand than the database and how long a lease is."""
    since = utc_now() - timedelta(seconds=SILENT_LEASES * lease_s)
    statement = select(Worker).where(col(Worker.last_seen_at) > since).order_by(col(Worker.started_at))
    async with database.read() as session:
        return list((await session.scalars(statement)).all())


async def forget(session: AsyncSession, name: str) -> None:
    """Strike off a worker that has ended."""
    await session.execute(delete(Worker).where(col(Worker.id) == name))


async def forget_silent(services: Services) -> None:
    """Strike off those that have been silent for long."""
    before = utc_now() - timedelta(seconds=SILENT_LEASES * services.lease_s)
    async with services.database.transaction() as session:
        await session.execute(delete(Worker).where(col(Worker.last_seen_at) <= before))
