"""Figures over many jobs are what a plain computation makes of the same jobs."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from math import ceil
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from headgate.domain.jobs import JobFilter
from headgate.domain.services import Services
from headgate.domain.statistics import CHOICES, MAX_GROUPS, JobGroup, JobStatistics, by_group
from headgate.storage.ids import new_id
from headgate.storage.tables import Job, JobKind, JobStatus, Pipeline, Priority

BEGIN = datetime(2026, 1, 30, 23, 59, 59, 999_999, tzinfo=UTC)
COUNT = st.integers(0, 2**40)
MOMENT = st.timedeltas(timedelta(), timedelta(days=2)).map(lambda after: BEGIN + after)
LENGTH = st.one_of(
    st.sampled_from([timedelta(), timedelta(microseconds=1)]), st.timedeltas(timedelta(), timedelta(3))
)

PIPELINES = {
    f"pipeline_01h455vb4pex5vsknk084sn0{n:02}": name for n, name in enumerate(("sales", "people", "ads"))
}


@st.composite
def _jobs(draw: st.DrawFn) -> Job:
    started = draw(st.none() | MOMENT)
    return Job(
        id=new_id("job"),
        kind=draw(st.sampled_from([JobKind.INGEST, JobKind.VALIDATE, JobKind.BATCH])),
        status=draw(st.sampled_from(JobStatus)),
        priority=draw(st.sampled_from(Priority)),
        pipeline_id=draw(st.none() | st.sampled_from(sorted(PIPELINES))),
        rows_read=draw(COUNT),
        rows_rejected=draw(COUNT),
        created_at=draw(MOMENT),
        started_at=started,
        finished_at=started + draw(LENGTH) if started is not None and draw(st.booleans()) else None,
    )


def _key(job: Job, group: JobGroup) -> str:
    keys = {
        JobGroup.STATUS: job.status,
        JobGroup.KIND: job.kind,
        JobGroup.PRIORITY: job.priority,
        JobGroup.PIPELINE: PIPELINES.get(job.pipeline_id or "", ""),
        JobGroup.DAY: job.created_at.date().isoformat(),
    }
    return str(keys[group])


def _percentile(durations: Sequence[timedelta], percent: int) -> float | None:
    if not durations:
        return None
    nearest = sorted(durations)[ceil(len(durations) * percent / 100) - 1]
    return nearest // timedelta(microseconds=1) / 1000


def _expected(jobs: Iterable[Job], group: JobGroup, *, counts_batches: bool) -> list[JobStatistics]:
    groups: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        if group is JobGroup.PIPELINE and job.pipeline_id is None:
            continue
        groups[_key(job, group)].append(job)
    order = CHOICES.get(group) or sorted(groups, reverse=group is JobGroup.DAY)
    return [_figures(key, groups[key], counts_batches) for key in order if key in groups]


def _figures(key: str, jobs: list[Job], counts_batches: bool) -> JobStatistics:
    counted = [job for job in jobs if counts_batches or job.kind is not JobKind.BATCH]
    durations = [job.finished_at - job.started_at for job in jobs if job.finished_at and job.started_at]
    return JobStatistics(
        key,
        len(jobs),
        sum(job.rows_read for job in counted),
        sum(job.rows_rejected for job in counted),
        _percentile(durations, 50),
        _percentile(durations, 95),
    )


async def _keep(services: Services, jobs: Iterable[Job]) -> None:
    """Let these be all jobs there are."""
    async with services.database.transaction() as session:
        await session.execute(delete(Job))
        await session.execute(delete(Pipeline))
        session.add_all(Pipeline(id=id, name=name) for id, name in PIPELINES.items())
        await session.flush()
        session.add_all(Job(**job.model_dump()) for job in jobs)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(jobs=st.lists(_jobs(), max_size=40))
async def test_every_grouping_is_what_a_plain_computation_finds(services: Services, jobs: list[Job]) -> None:
    await _keep(services, jobs)
    for group in JobGroup:
        expected = _expected(jobs, group, counts_batches=group is JobGroup.KIND)
        assert await by_group(services, JobFilter(), group) == expected
    batches = [job for job in jobs if job.kind is JobKind.BATCH]
    found = await by_group(services, JobFilter(kind=[JobKind.BATCH]), JobGroup.STATUS)
    assert found == _expected(batches, JobGroup.STATUS, counts_batches=True)


def _done(number: int, **values: Any) -> Job:
    """A job that took this many milliseconds."""
    began = datetime(2026, 1, 31, tzinfo=UTC)
    ended = began + timedelta(milliseconds=number)
    usual: dict[str, Any] = {
        "status": JobStatus.SUCCEEDED,
        "created_at": began,
        "started_at": began,
        "finished_at": ended,
    }
    return Job(id=new_id("job"), kind=JobKind.INGEST, **(usual | values))


async def test_percentiles_are_durations_that_were_measured(services: Services) -> None:
    await _keep(services, [_done(number) for number in range(1, 21)])
    [figures] = await by_group(services, JobFilter(), JobGroup.STATUS)
    assert (figures.jobs, figures.duration_p50_ms, figures.duration_p95_ms) == (20, 10, 19)


async def test_days_are_those_of_utc(services: Services) -> None:
    midnight = datetime(2026, 1, 31, tzinfo=UTC)
    elsewhere = midnight.astimezone(timezone(timedelta(hours=-11)))
    before = (midnight - timedelta(microseconds=1)).astimezone(timezone(timedelta(hours=14)))
    await _keep(services, [_done(1, created_at=elsewhere), _done(1, created_at=before)])
    found = await by_group(services, JobFilter(), JobGroup.DAY)
    assert [figures.key for figures in found] == ["2026-01-31", "2026-01-30"]


async def test_of_many_days_the_newest_are_told(services: Services) -> None:
    days = [datetime(2025, 1, 1, 12, tzinfo=UTC) + timedelta(days=day) for day in range(400)]
    await _keep(services, [_done(1, created_at=day) for day in days])
    found = await by_group(services, JobFilter(), JobGroup.DAY)
    newest = [day.date() for day in reversed(days)][:MAX_GROUPS]
    assert [date.fromisoformat(figures.key) for figures in found] == newest


async def test_only_jobs_that_the_filter_matches_count(services: Services) -> None:
    await _keep(services, [_done(1, priority=priority) for priority in Priority])
    found = await by_group(services, JobFilter(priority=[Priority.LOW, Priority.HIGH]), JobGroup.PRIORITY)
    assert [(figures.key, figures.jobs) for figures in found] == [("HIGH", 1), ("LOW", 1)]
