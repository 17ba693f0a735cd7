"""What a worker does with a job that is to stop, fails, or is not its own any more."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from headgate.domain import cancellation, jobs, recovery, runs, users
from headgate.domain.happenings import FINAL
from headgate.domain.permissions import Principal
from headgate.domain.ports import Report, TaskFault, TaskStopped
from headgate.domain.ranking import wake_up
from headgate.domain.services import Services
from headgate.jobs.consumer import Handle
from headgate.jobs.identity import worker_name
from headgate.jobs.leases import LeaseKeeper
from headgate.jobs.memory import InProcessQueue
from headgate.jobs.worker import Worker
from headgate.storage.tables import CancelMode, Job, JobStatus, utc_now
from tests.jobs.conftest import RESULT, LedEngine, given

SAFE, FORCE = CancelMode.SAFE, CancelMode.FORCE
SHORT_LEASE_S = 1.0
LONG_LEASE_S = 3600.0
PATIENCE_S = 30


def everyone(_worker: str) -> bool:
    return True


def nobody(_worker: str) -> bool:
    return False


async def cancel(services: Services, job: Job, mode: CancelMode) -> None:
    user = await users.ensure_administrator(services.database)
    await cancellation.cancel(services, Principal(user.id, user.role, utc_now()), job.id, mode)


async def end_of(services: Services, job: Job) -> Job:
    ended = await jobs.wait(services, job.id, PATIENCE_S)
    assert ended.status in FINAL
    return ended


async def test_a_safe_order_asks_the_task_to_stop_and_refuses_its_commit(
    services: Services, submit: Any, working: Any, engine: LedEngine
) -> None:
    permits: list[float | None] = []

    async def lead(report: Report) -> None:
        assert engine.permit is not None
        permits.append(await engine.permit())
        await given(engine.stop)
        permits.append(await engine.permit())
        raise TaskStopped

    engine.lead = lead  # type: ignore[method-assign]
    job = await submit()
    async with working(lease_s=LONG_LEASE_S):
        await engine.began.get()
        await cancel(services, job, SAFE)
        ended = await end_of(services, job)
    assert (ended.status, ended.attempts, ended.failures) == (JobStatus.CANCELED, 1, 0)
    assert permits[0] is not None
    assert LONG_LEASE_S - PATIENCE_S < permits[0] <= LONG_LEASE_S
    assert permits[1] is None


async def test_a_task_that_commits_in_spite_of_a_safe_order_stays_done(
    services: Services, submit: Any, working: Any, engine: LedEngine
) -> None:
    engine.lead = engine.wait  # type: ignore[method-assign]
    job = await submit()
    async with working():
        await engine.began.get()
        await cancel(services, job, SAFE)
        engine.finish.set()
        ended = await end_of(services, job)
    assert (ended.status, ended.cancel) == (JobStatus.SUCCEEDED, SAFE)


@pytest.mark.parametrize(("ingested", "status"), [(None, JobStatus.CANCELED), (RESULT, JobStatus.SUCCEEDED)])
async def test_a_forced_order_ends_the_task_and_finds_out_whether_it_had_committed(
    services: Services, submit: Any, working: Any, engine: LedEngine, ingested: Any, status: JobStatus
) -> None:
    engine.lead = engine.wait  # type: ignore[method-assign]
    engine.ingested = ingested
    job = await submit()
    async with working(lease_s=LONG_LEASE_S):
        await engine.began.get()
        await cancel(services, job, FORCE)
        assert (await engine.canceled.get())["job"] == job.id
        ended = await end_of(services, job)
    assert (ended.status, ended.attempts) == (status, 1)


async def test_an_order_is_made_stricter_while_the_task_stops(
    services: Services, submit: Any, working: Any, engine: LedEngine
) -> None:
    engine.lead = engine.wait  # type: ignore[method-assign]
    job = await submit()
    async with working(lease_s=LONG_LEASE_S):
        await engine.began.get()
        await cancel(services, job, SAFE)
        await given(engine.stop)
        await cancel(services, job, FORCE)
        assert (await end_of(services, job)).status is JobStatus.CANCELED


async def test_an_order_reaches_a_worker_that_hears_no_signal(
    services: Services, submit: Any, working: Any, engine: LedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.lead = engine.wait  # type: ignore[method-assign]
    job = await submit()
    async with working(lease_s=SHORT_LEASE_S):
        await engine.began.get()
        monkeypatch.setattr(services.signals, "notify", lambda topic: None)
        await cancel(services, job, FORCE)
        await asyncio.wait_for(engine.canceled.get(), PATIENCE_S)


@pytest.mark.parametrize(("ingested", "status"), [(None, JobStatus.CANCELED), (RESULT, JobStatus.SUCCEEDED)])
async def test_a_job_that_is_canceled_between_attempts_is_not_run_again(
    services: Services, submit: Any, working: Any, engine: LedEngine, ingested: Any, status: JobStatus
) -> None:
    engine.ingested = ingested
    job = await submit()
    await runs.claim(services, [job.id], "elsewhere:1:a", LONG_LEASE_S)
    await recovery.take_back(services, everyone)
    await cancel(services, job, SAFE)
    async with working():
        assert (await end_of(services, job)).status is status
    assert engine.began.empty()


async def test_a_task_that_stops_without_an_order_is_handed_back(
    services: Services, submit: Any, working: Any, engine: LedEngine
) -> None:
    faults = iter([TaskStopped()])

    async def lead(report: Report) -> None:
        for fault in faults:
            raise fault

    engine.lead = lead  # type: ignore[method-assign]
    job = await submit(spec={"retry": {"maxAttempts": 1}})
    async with working():
        ended = await end_of(services, job)
    assert (ended.status, ended.attempts, ended.failures) == (JobStatus.SUCCEEDED, 2, 0)


async def test_a_job_whose_system_failed_is_run_again_after_its_delay(
    services: Services, submit: Any, working: Any, engine: LedEngine
) -> None:
    faults = iter([TaskFault("OUTAGE", "Not there.", "DEPENDENCY", retryable=True)] * 2)

    async def lead(report: Report) -> None:
        for fault in faults:
            raise fault

    engine.lead = lead  # type: ignore[method-assign]
    job = await submit(spec={"retry": {"initialDelaySeconds": 0.05, "maxDelaySeconds": 0.05}})
    async with working(lease_s=LONG_LEASE_S):
        ended = await end_of(services, job)
    assert (ended.status, ended.attempts, ended.failures) == (JobStatus.SUCCEEDED, 3, 2)
    first, second, _ = (await jobs.attempts_of(services, [job.id]))[job.id]
    assert first.finished_at is not None
    assert (second.started_at - first.finished_at).total_seconds() >= 0.025


@pytest.mark.parametrize(("given", "expected"), [(None, 60), (5.0, 5), (3600.0, 60)])
async def test_a_task_may_take_as_long_as_its_job_says_up_to_the_limit_of_all(
    services: Services, submit: Any, working: Any, engine: LedEngine, given: float | None, expected: float
) -> None:
    job = await submit(spec={} if given is None else {"timeoutSeconds": given})
    async with working():
        await end_of(services, job)
    assert engine.timeout_s == expected


async def test_who_lost_the_lease_may_not_commit(
    services: Services, submit: Any, working: Any, engine: LedEngine
) -> None:
    engine.lead = engine.wait  # type: ignore[method-assign]
    job = await submit()
    async with working(lease_s=SHORT_LEASE_S):
        await engine.began.get()
        assert engine.permit is not None
        assert await engine.permit() is not None
        held = None
        while held is None:
            await recovery.take_back(services, everyone)
            held = (await runs.claim(services, [job.id], "elsewhere:1:a", LONG_LEASE_S)).get(job.id)
        await engine.canceled.get()
        while engine.permit is not None and await engine.permit() is not None:
            pass
    assert (await jobs.wait(services, job.id, 0)).status is JobStatus.RUNNING


def make_worker(
    services: Services,
    engine: LedEngine,
    database_url: str,
    *,
    consumer: Any = None,
    lease_s: float = LONG_LEASE_S,
) -> Worker:
    """A worker that takes from the line of all, without anybody beside it who looks after lost jobs."""
    line: Any = services.queue
    keeper = LeaseKeeper(database_url, worker_name(), lease_s=lease_s)
    parts = replace(services, lease_s=lease_s)
    return Worker(parts, engine, consumer or line, keeper, concurrency=2)


async def test_leases_are_renewed_while_the_event_loop_is_busy(
    services: Services, submit: Any, engine: LedEngine, database_url: str
) -> None:
    engine.lead = engine.wait  # type: ignore[method-assign]
    # Nothing else writes: on SQLite a transaction that stays open would keep the thread from its own.
    worker = make_worker(services, engine, database_url, lease_s=SHORT_LEASE_S)
    running = asyncio.create_task(worker.run())
    job = await submit()
    await engine.began.get()
    time.sleep(2.5 * SHORT_LEASE_S)  # noqa: ASYNC251
    assert await recovery.take_back(services, nobody) == 0
    assert engine.permit is not None
    assert await engine.permit() is not None
    engine.finish.set()
    assert (await end_of(services, job)).attempts == 1
    await worker.stop(grace_s=PATIENCE_S)
    await running


async def test_a_worker_that_gets_a_job_again_ends_its_earlier_run_of_it(
    services: Services, submit: Any, engine: LedEngine, database_url: str
) -> None:
    engine.lead = engine.wait  # type: ignore[method-assign]
    worker = make_worker(services, engine, database_url)
    running = asyncio.create_task(worker.run())
    job = await submit()
    await engine.began.get()

    await recovery.take_back(services, everyone)

    async with asyncio.timeout(PATIENCE_S):
        assert (await engine.began.get())["attempt"] == 2
        assert (await engine.canceled.get())["attempt"] == 1
    engine.finish.set()
    ended = await end_of(services, job)
    assert (ended.status, ended.attempts) == (JobStatus.SUCCEEDED, 2)
    await worker.stop(grace_s=0)
    await running


async def test_a_job_that_is_claimed_while_the_worker_stops_is_handed_back(
    services: Services, submit: Any, engine: LedEngine, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, claiming, go_on = runs.claim, asyncio.Event(), asyncio.Event()

    async def claim_slowly(*args: Any) -> dict[str, runs.Claim]:
        claiming.set()
        await go_on.wait()
        return await claim(*args)

    monkeypatch.setattr(runs, "claim", claim_slowly)
    worker = make_worker(services, engine, database_url)
    running = asyncio.create_task(worker.run())
    job = await submit()
    await claiming.wait()
    stopping = asyncio.create_task(worker.stop(grace_s=0))
    [working] = worker._working
    while not working.cancelling():  # noqa: ASYNC110
        await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(stopping, running)
    waiting = await jobs.wait(services, job.id, 0)
    assert (waiting.status, waiting.attempts) == (JobStatus.RETRYING, 1)
    assert engine.began.empty()


class FailingConsumer:
    """Hands out what waits in line, and ends in trouble when it is told to."""

    def __init__(self, queue: Any) -> None:
        self.queue = queue
        self.fail = asyncio.Event()

    async def consume(self, handle: Handle, *, concurrency: int) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self.queue.consume(handle, concurrency=concurrency))
            await self.fail.wait()
            raise ConnectionError("the line is broken")

    async def close(self) -> None:
        await self.queue.close()


async def test_a_worker_that_ends_in_trouble_hands_its_jobs_back(
    services: Services, submit: Any, engine: LedEngine, database_url: str
) -> None:
    engine.lead = engine.wait  # type: ignore[method-assign]
    assert isinstance(services.queue, InProcessQueue)
    consumer = FailingConsumer(services.queue)
    worker = make_worker(services, engine, database_url, consumer=consumer)
    running = asyncio.create_task(worker.run())
    job = await submit()
    await engine.began.get()
    consumer.fail.set()
    with pytest.raises(ExceptionGroup):
        await running
    assert not engine.canceled.empty()
    assert (await jobs.wait(services, job.id, 0)).status is JobStatus.RETRYING


async def test_a_wake_up_that_comes_twice_runs_a_job_once(
    services: Services, submit: Any, engine: LedEngine, database_url: str
) -> None:
    engine.lead = engine.wait  # type: ignore[method-assign]
    worker = make_worker(services, engine, database_url)
    running = asyncio.create_task(worker.run())
    job = await submit()
    await engine.began.get()
    await services.queue.wake([wake_up(job), wake_up(await jobs.require_job(services, job.id))])
    await worker._consumer.close()
    engine.finish.set()
    assert (await end_of(services, job)).attempts == 1
    await worker.stop(grace_s=PATIENCE_S)
    await running
    assert engine.began.empty()
