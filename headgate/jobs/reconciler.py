"""Does, in turn with all other processes, what nobody would do by himself: chores that are due every so often."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from headgate.domain import recovery
from headgate.domain.services import Services
from headgate.jobs.waiting import is_set_within

TURNS_PER_INTERVAL = 2
"""Each process looks twice in an interval: one that dies at its turn costs no more than one interval."""
EARLY = 0.9

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """What one process does for all, every so many seconds.

    With `by_all` every process does it that often: what costs less to do than to take turns at.
    """

    name: str
    every_s: float
    do: Callable[[], Awaitable[object]]
    by_all: bool = False


class Reconciler:
    """Takes its turn at each chore, at the chore's own pace, until `stop()`; trouble is logged, and tried again."""

    def __init__(self, services: Services, chores: Sequence[Chore]) -> None:
        self._services = services
        self._chores = chores
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Do chores until stopped."""
        async with asyncio.TaskGroup() as group:
            for chore in self._chores:
                group.create_task(self._repeat(chore))

    def stop(self) -> None:
        """Begin no more chores."""
        self._stopping.set()

    async def _repeat(self, chore: Chore) -> None:
        pause_s = chore.every_s / (1 if chore.by_all else TURNS_PER_INTERVAL)

        async def take_turn() -> None:
            if chore.by_all or await recovery.take_turn(self._services, chore.name, pause_s * EARLY):
                await chore.do()

        await attempt(chore.name, take_turn)
        while not await is_set_within(self._stopping, pause_s):
            await attempt(chore.name, take_turn)


async def attempt(chore: str, work: Callable[[], Awaitable[object]]) -> None:
    """Do some work; trouble with it is logged, and whoever has the next turn tries again."""
    try:
        await work()
    except Exception:
        logger.exception("chore.failed", chore=chore)
