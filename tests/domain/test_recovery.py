"""No job is forgotten: leases of silent workers are taken back, lost wake-ups are sent again, one process at a time."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, update

from headgate.domain import counters, jobs, recovery, workers
from headgate.domain.counters import LEASE_TAKEOVERS, WAKE_UPS_LOST
from headgate.domain.retry_policy import RetryPolicy
from headgate.domain.services import Services
from headgate.jobs.memory import InProcessQueue
from headgate.storage.database import Database
from headgate.storage.tables import Job, JobEventType, JobStatus, Turn, Worker, utc_now
from tests.domain.outcomes import EXPIRED_S, FAULT, OUTAGE, events_of, reread

HOUR_S = 3600.0


def nobody(_worker: str) -> bool:
    return False


async def counted(services: Services, name: str) -> int:
    return (await counters.values(services))[name]


async def test_an_attempt_whose_lease_ran_out_has_failed_and_its_job_is_due_at_once(
    services: Services, submit: Any, claim: Any
) -> None:
    job = await submit()
    await claim(job, lease_s=EXPIRED_S)

    assert await recovery.take_back(services, nobody) == 1

    waiting = await reread(services, job)
    assert (waiting.status, waiting.lease_expires_at, waiting.failure) == (JobStatus.RETRYING, None, None)
    assert waiting.due_at <= utc_now()
    [attempt] = (await jobs.attempts_of(services, [job.id]))[job.id]
    assert attempt.failure is not None
    assert (attempt.status, attempt.failure["code"]) == (JobStatus.FAILED, "WORKER_LOST")
    assert attempt.finished_at is not None
    last = (await events_of(services, job))[-1]
    assert (last.type, last.status) == (JobEventType.STATUS, JobStatus.RETRYING)
    assert await counted(services, LEASE_TAKEOVERS) == 1


async def test_a_job_that_was_taken_back_is_woken(services: Services, submit: Any, claim: Any) -> None:
    assert isinstance(services.queue, InProcessQueue)
    job = await submit()
    assert await services.queue.take() == job.id
    await claim(job, lease_s=EXPIRED_S)
    await recovery.take_back(services, nobody)
    assert await services.queue.take() == job.id


async def test_leases_of_workers_that_are_gone_end_early(services: Services, submit: Any, claim: Any) -> None:
    dead, alive, waiting = await submit(), await submit(), await submit()
    await claim(dead, worker="host:1:dead")
    await claim(alive, worker="host:2:alive")
    assert await recovery.take_back(services, lambda worker: worker.endswith("dead")) == 1
    assert [(await reread(services, job)).status for job in (dead, alive, waiting)] == [
        JobStatus.RETRYING,
        JobStatus.RUNNING,
        JobStatus.QUEUED,
    ]


async def test_a_worker_that_was_lost_before_does_not_cost_the_job_its_present_one(
    services: Services, submit: Any, claim: Any
) -> None:
    job = await submit()
    await claim(job, worker="host:1:dead")
    await recovery.take_back(services, lambda worker: worker.endswith("dead"))
    await claim(job, worker="host:2:alive")
    assert await recovery.take_back(services, lambda worker: worker.endswith("dead")) == 0


async def test_a_lease_is_taken_back_once_however_many_try(
    services: Services, submit: Any, claim: Any
) -> None:
    taken = [await submit() for _ in range(5)]
    for job in taken:
        await claim(job, lease_s=EXPIRED_S)
    assert sum(await asyncio.gather(*(recovery.take_back(services, nobody) for _ in range(4)))) == 5
    assert await counted(services, LEASE_TAKEOVERS) == 5
    for job in taken:
        assert [event.seq for event in await events_of(services, job)] == [1, 2, 3]


async def test_only_wake_ups_that_were_lost_are_counted(services: Services, submit: Any, claim: Any) -> None:
    assert isinstance(services.queue, InProcessQueue)
    lost, _still_in_line, running = await submit(), await submit(), await submit()
    assert await services.queue.take() == lost.id
    await claim(running)

    assert await recovery.wake_due(services, 0) == 1
    assert await recovery.wake_due(services, 0) == 0
    assert await counted(services, WAKE_UPS_LOST) == 1


async def test_wake_ups_that_may_be_under_way_are_left_alone(services: Services, submit: Any) -> None:
    assert isinstance(services.queue, InProcessQueue)
    await submit()
    await services.queue.take()
    assert await recovery.wake_due(services, HOUR_S) == 0


async def test_jobs_that_have_ended_or_are_not_due_yet_are_not_woken(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    assert isinstance(services.queue, InProcessQueue)
    ended, later = await submit(), await submit(retry=RetryPolicy(initial_delay_s=HOUR_S, max_delay_s=HOUR_S))
    for _ in range(2):
        await services.queue.take()
    await end(await claim(ended), FAULT)
    await end(await claim(later), OUTAGE)
    assert await recovery.wake_due(services, 0) == 0


@pytest.mark.parametrize("is_known", [True, False])
async def test_of_many_processes_one_has_the_turn_in_each_interval(
    services: Services, is_known: bool, database_url: str
) -> None:
    if is_known:
        async with services.database.transaction() as session:
            session.add(Turn(name="chore", taken_at=utc_now() - timedelta(seconds=HOUR_S)))
    processes = [Database.connect(database_url) for _ in range(4)]

    async def take_turns() -> list[bool]:
        turns = (
            recovery.take_turn(replace(services, database=each), "chore", HOUR_S / 2)
            for each in processes * 3
        )
        return await asyncio.gather(*turns)

    assert sum(await take_turns()) == 1
    assert sum(await take_turns()) == 0
    async with services.database.transaction() as session:
        await session.execute(update(Turn).values(taken_at=utc_now() - timedelta(seconds=HOUR_S)))
    assert sum(await take_turns()) == 1
    assert await recovery.take_turn(services, "another chore", HOUR_S)
    for each in processes:
        await each.close()


async def test_workers_are_listed_while_they_tell_of_themselves(services: Services) -> None:
    async with services.database.transaction() as session:
        await workers.tell(session, "my.host:12:ab-cd", running_jobs=1)
        await workers.tell(session, "other:13:ab-cd", running_jobs=0)
    async with services.database.transaction() as session:
        await workers.tell(session, "my.host:12:ab-cd", running_jobs=3)
    assert [(each.id, each.host, each.running_jobs) for each in await workers.living(services)] == [
        ("my.host:12:ab-cd", "my.host", 3),
        ("other:13:ab-cd", "other", 0),
    ]

    silent = utc_now() - timedelta(seconds=workers.SILENT_LEASES * services.lease_s + 1)
    async with services.database.transaction() as session:
        await session.execute(update(Worker).where(col(Worker.host) == "other").values(last_seen_at=silent))
    assert [each.host for each in await workers.living(services)] == ["my.host"]
    await workers.forget_silent(services)
    async with services.database.transaction() as session:
        assert await session.get(Worker, "other:13:ab-cd") is None
        await workers.forget(session, "my.host:12:ab-cd")
    assert await workers.living(services) == []


async def test_a_waiting_job_keeps_its_place_in_line_over_its_attempts(
    services: Services, submit: Any, claim: Any
) -> None:
    job: Job = await submit()
    await claim(job, lease_s=EXPIRED_S)
    await recovery.take_back(services, nobody)
    assert (await reread(services, job)).rank_at == job.rank_at
