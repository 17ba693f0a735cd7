"""Counters that all processes add to."""

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain.services import Services
from headgate.storage.tables import Counter

LEASE_TAKEOVERS = "lease_takeovers"
WAKE_UPS_LOST = "wake_ups_lost"


async def add(session: AsyncSession, name: str, count: int) -> None:
    """Add to a counter."""
    statement = update(Counter).where(col(Counter.name) == name).values(value=Counter.value + count)
    await session.execute(statement)


async def values(services: Services) -> dict[str, int]:
    """Read all counters."""
    async with services.database.read() as session:
        return {counter.name: counter.value for counter in await session.scalars(select(Counter))}
