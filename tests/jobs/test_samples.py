"""What a job tells of its bad rows while it runs is recorded, all of it, before the job ends."""

import asyncio
from typing import Any

import pytest

from headgate.domain import events, runs
from headgate.domain.ports import Report
from headgate.domain.samples import MAX_SAMPLES
from headgate.domain.services import Services
from headgate.storage.tables import Job, JobEventType


def errors(*rows: int) -> list[dict[str, Any]]:
    return [{"row": row, "column": "a", "code": "TYPE", "severity": "ERROR"} for row in rows]


async def told(services: Services, job: Job) -> list[int]:
    """Follow a job to its end; answers the rows of the samples that it told, in order."""
    return [
        sample["row"]
        async for each in events.watch(services, job.id)
        if each.event.type is JobEventType.ERRORS
        for sample in each.event.errors or ()
    ]


async def test_samples_are_told_while_the_job_runs(
    services: Services, submit: Any, working: Any, engine: Any
) -> None:
    async def lead(report: Report) -> None:
        await engine.found(errors(1, 2))
        await engine.finish.wait()

    engine.lead = lead
    job = await submit()
    async with working():
        async for each in events.watch(services, job.id):
            if each.event.errors:
                assert each.event.message == "TYPE in a"
                engine.finish.set()
    assert await told(services, job) == [1, 2]


async def test_samples_are_told_of_a_job_that_ends_at_once(
    services: Services, submit: Any, working: Any, engine: Any
) -> None:
    async def lead(report: Report) -> None:
        for row in range(1, 6):
            await engine.found(errors(row))

    engine.lead = lead
    job = await submit()
    async with working():
        assert await told(services, job) == [1, 2, 3, 4, 5]


async def test_no_more_samples_are_told_than_allowed(
    services: Services, submit: Any, working: Any, engine: Any
) -> None:
    async def lead(report: Report) -> None:
        for begin in range(0, 2 * MAX_SAMPLES, 30):
            await engine.found(errors(*range(begin, begin + 30)))

    engine.lead = lead
    job = await submit()
    async with working():
        assert await told(services, job) == list(range(MAX_SAMPLES))


async def test_samples_that_could_not_be_recorded_are_recorded_later(
    services: Services, submit: Any, working: Any, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded, failures = runs.progress, iter([True, True])

    async def progress(*args: Any, **options: Any) -> set[str]:
        if next(failures, False):
            raise ConnectionError("the database is away")
        return await recorded(*args, **options)

    monkeypatch.setattr(runs, "progress", progress)

    async def lead(report: Report) -> None:
        await engine.found(errors(1))
        await engine.found(errors(2))
        await engine.finish.wait()

    engine.lead = lead
    job = await submit()
    async with working():
        async for each in events.watch(services, job.id):
            if each.event.errors:
                engine.finish.set()
    assert await told(services, job) == [1, 2]


async def test_samples_that_are_being_recorded_when_the_job_ends_come_once_and_before_its_end(
    services: Services, submit: Any, working: Any, engine: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded, is_recording = runs.progress, engine.finish

    async def progress(*args: Any, **options: Any) -> set[str]:
        is_recording.set()
        for _ in range(100):
            await asyncio.sleep(0)
        return await recorded(*args, **options)

    monkeypatch.setattr(runs, "progress", progress)

    async def lead(report: Report) -> None:
        await engine.found(errors(1))
        await is_recording.wait()
        await engine.found(errors(2))

    engine.lead = lead
    job = await submit()
    async with working():
        assert await told(services, job) == [1, 2]
