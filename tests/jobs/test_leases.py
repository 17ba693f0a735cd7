"""A worker's leases are held for as long as it lives, and it knows for how long they are sure to last."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from time import monotonic
from typing import Any

import pytest

from headgate.domain import jobs, recovery, runs, workers
from headgate.domain.runs import Claim
from headgate.domain.services import Services
from headgate.jobs.leases import Beat, LeaseKeeper
from headgate.storage.tables import CancelMode, Job

WORKER = "host:1:a"
SHORT_S = 0.3
LONG_S = 3600.0
PATIENCE_S = 30

Keeping = Callable[..., AbstractAsyncContextManager["Kept"]]


class Kept:
    """A keeper at work, and what it has found so far."""

    def __init__(self, keeper: LeaseKeeper) -> None:
        self.keeper = keeper
        self.beats: asyncio.Queue[Beat] = asyncio.Queue()

    async def until(self, is_wanted: Callable[[Beat], bool]) -> Beat:
        async with asyncio.timeout(PATIENCE_S):
            while not is_wanted(beat := await self.beats.get()):
                pass
        return beat


@pytest.fixture
def keeping(database_url: str) -> Keeping:
    @asynccontextmanager
    async def keeping(lease_s: float = SHORT_S) -> AsyncIterator[Kept]:
        kept = Kept(LeaseKeeper(database_url, WORKER, lease_s=lease_s))
        kept.keeper.start(kept.beats.put_nowait)
        try:
            yield kept
        finally:
            await kept.keeper.close()

    return keeping


@pytest.fixture
async def claimed(services: Services, submit: Any) -> Claim:
    """A job in the hands of the worker, for a short time."""
    job = await submit()
    return (await runs.claim(services, [job.id], WORKER, SHORT_S))[job.id]


async def lease_end(services: Services, claim: Claim) -> datetime:
    until = (await jobs.require_job(services, claim.job_id)).lease_expires_at
    assert until is not None
    return until


async def test_a_lease_is_renewed_again_and_again(
    services: Services, claimed: Claim, keeping: Keeping
) -> None:
    async with keeping() as kept:
        kept.keeper.hold(claimed, monotonic())
        first = await lease_end(services, claimed)
        for _ in range(5):
            assert (await kept.until(lambda beat: True)).lost == {}
        assert await lease_end(services, claimed) > first
        assert 0 < kept.keeper.seconds_left(claimed) <= SHORT_S


async def test_a_lease_that_is_lost_is_told_with_its_token(
    services: Services, claimed: Claim, keeping: Keeping
) -> None:
    await recovery.take_back(services, lambda worker: True)
    async with keeping() as kept:
        kept.keeper.hold(claimed, monotonic())
        beat = await kept.until(lambda beat: bool(beat.lost))
    assert beat.lost == {claimed.job_id: claimed.token}


async def test_orders_are_told(services: Services, claimed: Claim, keeping: Keeping) -> None:
    async with services.database.transaction() as session:
        (await session.get_one(Job, claimed.job_id)).cancel = CancelMode.FORCE
    async with keeping() as kept:
        kept.keeper.hold(claimed, monotonic())
        beat = await kept.until(lambda beat: bool(beat.orders))
    assert beat.orders == {claimed.job_id: CancelMode.FORCE}


async def test_a_lease_that_was_let_go_is_not_renewed(
    services: Services, claimed: Claim, keeping: Keeping
) -> None:
    async with keeping() as kept:
        kept.keeper.hold(claimed, monotonic())
        kept.keeper.drop(claimed)
        # The beat that is under way may have begun before.
        await kept.until(lambda beat: True)
        before = await lease_end(services, claimed)
        for _ in range(3):
            await kept.until(lambda beat: True)
        assert await lease_end(services, claimed) == before
    assert kept.keeper.seconds_left(claimed) == 0


async def test_a_lease_counts_for_no_longer_than_it_was_sure_to_last(
    services: Services, claimed: Claim
) -> None:
    keeper = LeaseKeeper("sqlite:///none.db", WORKER, lease_s=LONG_S)
    assert keeper.seconds_left(claimed) <= 0
    keeper.hold(claimed, monotonic() - 10)
    assert LONG_S - PATIENCE_S < keeper.seconds_left(claimed) <= LONG_S - 10
    keeper.hold(claimed, monotonic() - LONG_S)
    assert keeper.seconds_left(claimed) <= 0


async def test_the_lease_of_an_earlier_claim_neither_counts_nor_takes_the_present_one_along(
    services: Services, claimed: Claim
) -> None:
    await recovery.take_back(services, lambda worker: True)
    newer = (await runs.claim(services, [claimed.job_id], WORKER, LONG_S))[claimed.job_id]
    keeper = LeaseKeeper("sqlite:///none.db", WORKER, lease_s=LONG_S)
    keeper.hold(newer, monotonic())
    assert keeper.seconds_left(claimed) <= 0
    keeper.drop(claimed)
    assert keeper.seconds_left(newer) > 0


async def test_leases_run_out_by_themselves_where_the_database_cannot_be_reached(
    services: Services, claimed: Claim, keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    renew, tried, is_gone = runs.renew, threading.Semaphore(0), True

    async def troubled(*args: Any) -> Any:
        tried.release()
        if is_gone:
            raise ConnectionError("the database is gone")
        return await renew(*args)

    monkeypatch.setattr(runs, "renew", troubled)
    async with keeping() as kept:
        kept.keeper.hold(claimed, monotonic())
        # The first try comes at once, the fourth a whole lease later.
        for _ in range(5):
            assert await asyncio.to_thread(tried.acquire, timeout=PATIENCE_S)
        assert kept.keeper.seconds_left(claimed) <= 0
        assert kept.beats.empty()
        is_gone = False
        await kept.until(lambda beat: not beat.lost)
        assert kept.keeper.seconds_left(claimed) > 0


async def test_a_worker_is_listed_from_its_start_to_its_end(
    services: Services, claimed: Claim, keeping: Keeping
) -> None:
    async with keeping() as kept:
        await kept.until(lambda beat: True)
        [worker] = await workers.living(services)
        assert (worker.id, worker.host) == (WORKER, "host")
        kept.keeper.hold(claimed, monotonic())
        await kept.until(lambda beat: True)
        await kept.until(lambda beat: True)
        assert [each.running_jobs for each in await workers.living(services)] == [1]
    assert await workers.living(services) == []


async def test_a_keeper_that_never_began_can_be_closed() -> None:
    await LeaseKeeper("sqlite:///none.db", WORKER, lease_s=LONG_S).close()
