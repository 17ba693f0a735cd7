"""Jobs are found and awaited."""

import asyncio
from typing import Any

import pytest

from headgate.domain import jobs
from headgate.domain.endings import Halt
from headgate.domain.jobs import JobFilter, JobOrder
from headgate.domain.pages import encode_cursor
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.ids import new_id
from headgate.storage.tables import JobStatus, Priority
from tests.domain.outcomes import FAULT


async def test_jobs_are_paged_both_ways_without_a_gap(services: Services, submit: Any) -> None:
    made = [(await submit()).id for _ in range(5)]

    for order, expected in ((JobOrder.CREATED_AT_ASC, made), (JobOrder.CREATED_AT_DESC, made[::-1])):
        seen: list[str] = []
        after = None
        while len(seen) < 5:
            page = await jobs.page(services, JobFilter(), order, 2, after)
            seen += [job.id for job in page.items]
            after = encode_cursor(seen[-1])
        assert seen == expected
        assert not page.has_next


async def test_a_filter_joins_its_conditions(services: Services, submit: Any, claim: Any) -> None:
    job, other = await submit("sales"), await submit("other")
    await claim(job)

    async def matching(**values: Any) -> set[str]:
        page = await jobs.page(services, JobFilter(**values), JobOrder.CREATED_AT_DESC, 20, None)
        assert await jobs.total(services, JobFilter(**values)) == len(page.items)
        return {found.id for found in page.items}

    both = {job.id, other.id}
    assert await matching() == both
    assert await matching(status=[JobStatus.RUNNING]) == {job.id}
    assert await matching(dataset="sales") == {job.id}
    assert await matching(dataset="\0") == set()
    assert await matching(ids=[other.id, "\0"]) == {other.id}
    assert await matching(ids=[]) == set()
    assert await matching(file=new_id("file")) == set()
    assert await matching(priority=[Priority.MEDIUM], created_by=job.created_by_id) == both
    assert await matching(created_after=job.created_at) == {other.id}
    assert await matching(created_before=other.created_at, dataset="other") == set()


async def test_running_and_waiting_jobs_are_counted(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    running, handed_back, done = [await claim(await submit()) for _ in range(3)]
    await submit()
    await end(handed_back, Halt.INTERRUPTED)
    await end(done, FAULT)
    assert await jobs.counts(services) == jobs.JobCounts(active=1, queued=2)
    assert running.attempt == 1


async def test_waiting_ends_when_the_job_does(services: Services, submit: Any, claim: Any, end: Any) -> None:
    held = await claim(await submit())
    waiting = asyncio.create_task(jobs.wait(services, held.job_id, 30))
    await end(held, FAULT)
    assert (await waiting).status is JobStatus.FAILED


async def test_waiting_ends_with_the_time(services: Services, submit: Any) -> None:
    job = await submit()
    assert (await jobs.wait(services, job.id, 0)).status is JobStatus.QUEUED
    assert (await jobs.wait(services, job.id, 0.01)).status is JobStatus.QUEUED


@pytest.mark.parametrize("seconds", [-1, 30.5, float("nan")])
async def test_nobody_waits_longer_than_30_seconds(services: Services, seconds: float) -> None:
    with pytest.raises(UserFault, match="INVALID_ARGUMENT"):
        await jobs.wait(services, new_id("job"), seconds)


async def test_a_job_that_is_not_there_cannot_be_awaited(services: Services) -> None:
    with pytest.raises(UserFault, match="NOT_FOUND"):
        await jobs.wait(services, new_id("job"), 1)
