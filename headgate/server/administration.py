"""What changes users from the command line, beside servers that run or without any."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from headgate.domain.passwords import Passwords
from headgate.domain.ports import Signals
from headgate.jobs.memory import InProcessSignals
from headgate.jobs.redis_signals import RedisSignals
from headgate.storage.database import Database

HASHERS = 1


@dataclass(frozen=True, slots=True)
class Administration:
    """As much of the services as it takes to change who may enter."""

    database: Database
    signals: Signals
    passwords: Passwords


@asynccontextmanager
async def administering(database: Database, redis_url: str | None) -> AsyncIterator[Administration]:
    """Put it together for as long as the block lasts.

    Through Redis, servers hear of changes at once; those without it find out by themselves, within seconds.
    """
    async with AsyncExitStack() as stack:
        signals: Signals = InProcessSignals()
        if redis_url is not None:
            signals = await stack.enter_async_context(RedisSignals(redis_url))
        yield Administration(database, signals, Passwords(HASHERS))
