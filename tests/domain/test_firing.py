"""Schedules start jobs: one for each tick, however many processes look, and whatever state the pipeline is in."""

import asyncio
import multiprocessing
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from sqlmodel import col, select, update

from headgate.domain import firing, ingest, recovery
from headgate.domain.firing import fire_due
from headgate.domain.services import Services
from headgate.jobs.memory import InProcessQueue
from headgate.storage.database import Database
from headgate.storage.ids import new_id
from headgate.storage.tables import (
    CancelMode,
    Job,
    JobEventType,
    JobStatus,
    OverlapPolicy,
    Pipeline,
)
from tests.domain.conftest import ToldEngine
from tests.domain.outcomes import events_of, no_bad_rows, reread
from tests.services import make_services

SIX = datetime(2026, 3, 2, 6, tzinfo=UTC)
NOW = SIX + timedelta(seconds=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
RECORDS = {"source": {"records": {"rows": [{"a": 1}]}}, "sinks": [{"dataset": {"name": "sales"}}]}
PROCESSES = 3

Plan = Callable[..., Awaitable[Pipeline]]


@pytest.fixture
def plan(services: Services) -> Plan:
    """Make a pipeline whose schedule, every hour, is due at six unless it is told otherwise."""

    async def plan(name: str = "hourly", spec: dict[str, Any] = RECORDS, **values: Any) -> Pipeline:
        usual: dict[str, Any] = {
            "cron": "0 * * * *",
            "timezone": "UTC",
            "overlap": OverlapPolicy.SKIP,
            "next_run_at": SIX,
        }
        pipeline = Pipeline(id=new_id("pipeline"), name=name, spec=spec, **(usual | values))
        async with services.database.transaction() as session:
            session.add(pipeline)
        return pipeline

    return plan


async def jobs_of(services: Services, pipeline: Pipeline) -> list[Job]:
    statement = select(Job).where(Job.pipeline_id == pipeline.id).order_by(col(Job.id))
    async with services.database.read() as session:
        return list((await session.scalars(statement)).all())


async def next_run(services: Services, pipeline: Pipeline) -> datetime | None:
    async with services.database.read() as session:
        return await session.scalar(select(Pipeline.next_run_at).where(Pipeline.id == pipeline.id))


async def test_a_tick_that_is_due_starts_a_job_which_is_in_line_at_once(
    services: Services, plan: Plan
) -> None:
    assert isinstance(services.queue, InProcessQueue)
    pipeline = await plan(version=3)

    assert await fire_due(services, NOW) == 1

    [job] = await jobs_of(services, pipeline)
    assert (job.status, job.tick_at, job.pipeline_version) == (JobStatus.QUEUED, SIX, 3)
    assert job.created_by_id is None
    assert await services.queue.take() == job.id
    assert await next_run(services, pipeline) == SIX + HOUR
    assert await fire_due(services, NOW) == 0


async def test_nothing_fires_before_its_time_or_without_being_enabled(services: Services, plan: Plan) -> None:
    early, disabled = await plan("early"), await plan("disabled", enabled=False)
    none = await plan("none", cron=None, timezone=None, overlap=None, next_run_at=None)
    assert await fire_due(services, SIX - timedelta(microseconds=1)) == 0
    assert await fire_due(services, SIX) == 1
    assert [len(await jobs_of(services, each)) for each in (early, disabled, none)] == [1, 0, 0]


async def test_of_ticks_that_were_missed_the_newest_is_made_up_for(services: Services, plan: Plan) -> None:
    pipeline = await plan(next_run_at=SIX - timedelta(days=400))
    assert await fire_due(services, NOW + 30 * MINUTE) == 1
    assert [job.tick_at for job in await jobs_of(services, pipeline)] == [SIX]
    assert await next_run(services, pipeline) == SIX + HOUR


async def test_more_pipelines_than_are_read_at_a_time_fire_in_one_go(
    services: Services, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(firing, "AT_ONCE", 2)
    planned = [await plan(f"pipeline-{number}") for number in range(5)]
    assert await fire_due(services, NOW) == 5
    assert [len(await jobs_of(services, each)) for each in planned] == [1] * 5


@pytest.fixture
async def others(database_url: str, tmp_path: Path) -> AsyncIterator[list[Services]]:
    """Other processes over the same database and store, as far as the database can tell."""
    async with AsyncExitStack() as stack:
        databases = [Database.connect(database_url) for _ in range(PROCESSES)]
        for database in databases:
            stack.push_async_callback(database.close)
        yield [make_services(database, tmp_path / "store", ToldEngine()) for database in databases]


@pytest.mark.parametrize("overlap", OverlapPolicy)
async def test_each_tick_has_one_job_however_many_look_at_the_same_time(
    services: Services, others: list[Services], plan: Plan, claim: Any, end: Any, overlap: OverlapPolicy
) -> None:
    planned = [await plan(f"pipeline-{number}", overlap=overlap) for number in range(3)]
    for hour in range(3):
        taken = await asyncio.gather(*(fire_due(each, NOW + hour * HOUR) for each in others))
        assert sum(taken) == len(planned)
        for pipeline in planned:
            newest = (await jobs_of(services, pipeline))[-1]
            assert newest.status is JobStatus.QUEUED
            await end(await claim(newest), no_bad_rows(hour))
    for pipeline in planned:
        ticks = [job.tick_at for job in await jobs_of(services, pipeline)]
        assert ticks == [SIX, SIX + HOUR, SIX + 2 * HOUR]


def fire_in_a_process(database_url: str, store: str, moments: list[datetime]) -> int:
    async def fire() -> int:
        database = Database.connect(database_url)
        services = make_services(database, Path(store), ToldEngine())
        try:
            return sum([await fire_due(services, moment) for moment in moments])
        finally:
            await database.close()

    return asyncio.run(fire())


async def test_each_tick_has_one_job_across_processes(
    services: Services, plan: Plan, database_url: str, tmp_path: Path
) -> None:
    pipeline = await plan(cron="* * * * *", overlap=OverlapPolicy.CANCEL_RUNNING)
    moments = [NOW + minute * MINUTE for minute in range(20)]
    loop, spawned = asyncio.get_running_loop(), multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawned) as pool:
        store = str(tmp_path / "store")
        firing = (loop.run_in_executor(pool, fire_in_a_process, database_url, store, moments) for _ in "ab")
        taken = sum(await asyncio.gather(*firing))
    ticks = [job.tick_at for job in await jobs_of(services, pipeline)]
    assert len(ticks) == taken == len(set(ticks))
    # Whoever is ahead of the other takes what the other would have taken later.
    assert set(ticks) <= {SIX + minute * MINUTE for minute in range(20)}
    assert max(each for each in ticks if each) == SIX + 19 * MINUTE


async def test_a_tick_is_left_out_while_a_job_is_at_work_which_says_so(
    services: Services, plan: Plan, claim: Any
) -> None:
    pipeline = await plan()
    await fire_due(services, NOW)
    [job] = await jobs_of(services, pipeline)
    await claim(job)

    assert await fire_due(services, NOW + HOUR) == 1

    assert len(await jobs_of(services, pipeline)) == 1
    assert await next_run(services, pipeline) == SIX + 2 * HOUR
    last = (await events_of(services, job))[-1]
    assert (last.type, last.message) == (
        JobEventType.LOG,
        "The schedule's tick of 2026-03-02 07:00 UTC was left out, as this job was at work.",
    )


async def test_a_tick_waits_for_the_job_at_work_and_the_newest_one_waits_alone(
    services: Services, plan: Plan, claim: Any, end: Any
) -> None:
    pipeline, other = await plan(overlap=OverlapPolicy.QUEUE), await plan("other", next_run_at=SIX + HOUR)
    await fire_due(services, NOW)
    [job] = await jobs_of(services, pipeline)
    taken = await claim(job)

    assert await fire_due(services, NOW + HOUR) == 1
    assert [len(await jobs_of(services, each)) for each in (pipeline, other)] == [1, 1]
    assert await fire_due(services, NOW + 2 * HOUR) == 1
    assert len(await jobs_of(services, pipeline)) == 1

    await end(taken, no_bad_rows())
    assert await fire_due(services, NOW + 2 * HOUR) == 1
    assert [job.tick_at for job in await jobs_of(services, pipeline)] == [SIX, SIX + 2 * HOUR]
    assert await next_run(services, pipeline) == SIX + 3 * HOUR


async def test_a_tick_stops_the_jobs_at_work_and_starts_its_own(
    services: Services, plan: Plan, claim: Any
) -> None:
    pipeline = await plan(overlap=OverlapPolicy.CANCEL_RUNNING)
    await fire_due(services, NOW)
    [running] = await jobs_of(services, pipeline)
    await claim(running)
    await fire_due(services, NOW + HOUR)
    _, waiting = await jobs_of(services, pipeline)
    await fire_due(services, NOW + 2 * HOUR)

    running, waiting, newest = await jobs_of(services, pipeline)
    assert (running.status, running.cancel) == (JobStatus.RUNNING, CancelMode.SAFE)
    assert waiting.status is JobStatus.CANCELED
    assert (newest.status, newest.cancel, newest.tick_at) == (JobStatus.QUEUED, None, SIX + 2 * HOUR)
    assert (await events_of(services, waiting))[-1].status is JobStatus.CANCELED


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({**RECORDS, "source": {"dataset": {"name": "nowhere"}}}, "NOT_FOUND"),
        ({**RECORDS, "source": {"file": {"id": new_id("file")}}}, "NOT_FOUND"),
        ({"source": RECORDS["source"]}, "DATASET_REQUIRED"),
        ({**RECORDS, "steps": [{"nothing": {}}]}, "INVALID_SPEC"),
    ],
    ids=["dataset", "file", "sink", "step"],
)
async def test_a_tick_whose_job_cannot_start_is_a_failed_job_and_holds_up_nobody(
    services: Services, plan: Plan, spec: dict[str, Any], code: str
) -> None:
    broken, fine = await plan("broken", spec), await plan("fine")

    assert await fire_due(services, NOW) == 2

    [failed] = await jobs_of(services, broken)
    assert failed.failure is not None
    assert (failed.status, failed.tick_at) == (JobStatus.FAILED, SIX)
    assert (failed.failure["code"], failed.failure["category"]) == (code, "CONFIG")
    assert failed.finished_at is not None
    assert [event.status for event in await events_of(services, failed)] == [JobStatus.FAILED]
    assert await next_run(services, broken) == SIX + HOUR
    assert [job.status for job in await jobs_of(services, fine)] == [JobStatus.QUEUED]
    assert await fire_due(services, NOW) == 0


async def test_a_pipeline_that_cannot_start_stops_no_job_of_its_own(services: Services, plan: Plan) -> None:
    pipeline = await plan(overlap=OverlapPolicy.CANCEL_RUNNING)
    await fire_due(services, NOW)
    async with services.database.transaction() as session:
        await session.execute(update(Pipeline).values(spec={"source": RECORDS["source"]}))
    await fire_due(services, NOW + HOUR)
    assert [job.status for job in await jobs_of(services, pipeline)] == [JobStatus.QUEUED, JobStatus.FAILED]


async def test_a_schedule_that_makes_no_sense_any_more_is_told_once(services: Services, plan: Plan) -> None:
    pipeline = await plan(timezone="Atlantis/Capital")
    assert await fire_due(services, NOW) == 1
    [failed] = await jobs_of(services, pipeline)
    assert failed.failure is not None
    assert failed.failure["code"] == "INVALID_SCHEDULE"
    assert await next_run(services, pipeline) is None


async def test_what_goes_wrong_on_our_side_is_told_once(
    services: Services, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise KeyError("secret")

    monkeypatch.setattr(firing, "job_of_pipeline", broken)
    pipeline = await plan()
    assert await fire_due(services, NOW) == 1
    [failed] = await jobs_of(services, pipeline)
    assert failed.failure is not None
    assert (failed.failure["code"], failed.failure["category"]) == ("INTERNAL", "SYSTEM")
    assert "secret" not in str(failed.failure)


async def test_a_tick_is_still_due_after_trouble_with_the_database(
    services: Services, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: Any, **__: Any) -> None:
        raise OperationalError("", {}, ConnectionError("the database is gone"))

    pipeline, make = await plan(), ingest.job_of_pipeline
    monkeypatch.setattr(firing, "job_of_pipeline", gone)
    assert await fire_due(services, NOW) == 0
    monkeypatch.setattr(firing, "job_of_pipeline", make)
    assert await fire_due(services, NOW) == 1
    assert [job.tick_at for job in await jobs_of(services, pipeline)] == [SIX]


async def test_a_tick_that_had_its_job_is_not_taken_again_by_a_clock_that_is_behind(
    services: Services, plan: Plan, claim: Any, end: Any
) -> None:
    pipeline = await plan()
    await fire_due(services, NOW)
    [job] = await jobs_of(services, pipeline)
    await end(await claim(job), no_bad_rows())
    async with services.database.transaction() as session:
        await session.execute(update(Pipeline).values(next_run_at=SIX))
    assert await fire_due(services, NOW) == 1
    assert len(await jobs_of(services, pipeline)) == 1
    assert await next_run(services, pipeline) == SIX + HOUR


async def test_a_pipeline_that_changed_meanwhile_fires_as_it_is_then(
    services: Services, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline, make = await plan(), ingest.job_of_pipeline

    async def changed(*args: Any, **values: Any) -> Any:
        async with services.database.transaction() as session:
            await session.execute(update(Pipeline).values(version=2))
        monkeypatch.setattr(firing, "job_of_pipeline", make)
        return await make(*args, **values)

    monkeypatch.setattr(firing, "job_of_pipeline", changed)
    assert await fire_due(services, NOW) == 0
    assert await fire_due(services, NOW) == 1
    assert [job.pipeline_version for job in await jobs_of(services, pipeline)] == [2]


async def test_a_job_of_a_schedule_is_a_job_like_any_other(
    services: Services, plan: Plan, claim: Any, end: Any
) -> None:
    pipeline = await plan()
    await fire_due(services, NOW)
    [job] = await jobs_of(services, pipeline)
    await claim(job, lease_s=-1)
    assert await recovery.take_back(services, lambda _: False) == 1
    await end(await claim(job), no_bad_rows())
    assert (await reread(services, job)).status is JobStatus.SUCCEEDED
