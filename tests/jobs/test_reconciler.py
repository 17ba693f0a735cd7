"""What is done in turn by all processes is done by one of them, at its own pace, whatever goes wrong."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from headgate.domain import recovery
from headgate.domain.services import Services
from headgate.jobs.reconciler import Chore, Reconciler

SOON_S = 0.05
NEVER_S = 3600.0
PATIENCE_S = 30


class Work:
    """Counts how often it was done; the first times end in trouble."""

    def __init__(self, troubles: int = 0) -> None:
        self.troubles = troubles
        self.done: asyncio.Queue[int] = asyncio.Queue()
        self.count = 0

    async def __call__(self) -> None:
        self.count += 1
        self.done.put_nowait(self.count)
        if self.count <= self.troubles:
            raise ConnectionError("the database is gone")

    async def reach(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while await self.done.get() < count:
                pass


@asynccontextmanager
async def reconciling(services: Services, chores: Sequence[Chore]) -> AsyncIterator[None]:
    reconciler = Reconciler(services, chores)
    running = asyncio.create_task(reconciler.run())
    try:
        yield
    finally:
        reconciler.stop()
        await asyncio.wait_for(running, PATIENCE_S)


async def test_a_chore_is_done_at_once_and_then_again_and_again(services: Services) -> None:
    work = Work()
    async with reconciling(services, [Chore("chore", SOON_S, work)]):
        await work.reach(4)


async def test_trouble_is_tried_again(services: Services) -> None:
    work = Work(troubles=2)
    async with reconciling(services, [Chore("chore", SOON_S, work)]):
        await work.reach(3)


async def test_of_many_processes_one_does_a_chore(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, take_turn, turns = Work(), recovery.take_turn, asyncio.Queue[bool]()

    async def counted(*args: Any) -> bool:
        has_turn = await take_turn(*args)
        turns.put_nowait(has_turn)
        return has_turn

    monkeypatch.setattr(recovery, "take_turn", counted)
    chores = [Chore("chore", NEVER_S, work)]
    async with reconciling(services, chores), reconciling(services, chores), reconciling(services, chores):
        assert sorted([await turns.get() for _ in range(3)]) == [False, False, True]
    assert work.count == 1


async def test_a_chore_that_takes_long_holds_no_other_back(services: Services) -> None:
    going_on, quick = asyncio.Event(), Work()
    async with reconciling(services, [Chore("long", SOON_S, going_on.wait), Chore("quick", SOON_S, quick)]):
        await quick.reach(3)
        going_on.set()


async def test_a_reconciler_that_is_stopped_does_not_wait_for_its_next_turn(services: Services) -> None:
    work = Work()
    async with asyncio.timeout(PATIENCE_S), reconciling(services, [Chore("chore", NEVER_S, work)]):
        await work.reach(1)
    assert work.count == 1
