"""Figures of pipelines are what a plain computation makes of the same jobs."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import ceil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from headgate.domain.pipeline_statistics import PipelineStatistics, of_pipelines
from headgate.domain.services import Services
from headgate.storage.ids import new_id
from headgate.storage.tables import Job, JobKind, JobStatus, Pipeline

IDS = [f"pipeline_01h455vb4pex5vsknk084sn02{mark}" for mark in "abc"]
BEGIN = datetime(2026, 1, 30, tzinfo=UTC)
COUNT = st.integers(0, 2**40)
LENGTH = st.sampled_from([timedelta(), timedelta(microseconds=1)]) | st.timedeltas(timedelta(), timedelta(3))


@st.composite
def _jobs(draw: st.DrawFn) -> Job:
    started = draw(st.none() | st.timedeltas(timedelta(), timedelta(days=2)).map(lambda after: BEGIN + after))
    return Job(
        id=new_id("job"),
        kind=JobKind.INGEST,
        status=draw(st.sampled_from(JobStatus)),
        pipeline_id=draw(st.none() | st.sampled_from(IDS)),
        rows_read=draw(COUNT),
        rows_accepted=draw(COUNT),
        rows_rejected=draw(COUNT),
        created_at=BEGIN + timedelta(days=draw(st.integers(-2, 2))),
        started_at=started,
        finished_at=started + draw(LENGTH) if started is not None and draw(st.booleans()) else None,
    )


def _ms(durations: Sequence[timedelta], percent: int) -> float | None:
    if not durations:
        return None
    return sorted(durations)[ceil(len(durations) * percent / 100) - 1] // timedelta(microseconds=1) / 1000


def _expected(jobs: Sequence[Job]) -> PipelineStatistics:
    by_status = {status: [job for job in jobs if job.status == status] for status in JobStatus}
    timed = [(job, job.finished_at - job.started_at) for job in jobs if job.finished_at and job.started_at]
    took_us = sum((duration for _, duration in timed), timedelta()) // timedelta(microseconds=1)
    well = [*by_status[JobStatus.SUCCEEDED], *by_status[JobStatus.PARTIAL]]
    return PipelineStatistics(
        jobs=len(jobs),
        succeeded=len(by_status[JobStatus.SUCCEEDED]),
        partial=len(by_status[JobStatus.PARTIAL]),
        failed=len(by_status[JobStatus.FAILED]),
        canceled=len(by_status[JobStatus.CANCELED]),
        rows_read=sum(job.rows_read for job in jobs),
        rows_accepted=sum(job.rows_accepted for job in jobs),
        rows_rejected=sum(job.rows_rejected for job in jobs),
        duration_p50_ms=_ms([duration for _, duration in timed], 50),
        duration_p95_ms=_ms([duration for _, duration in timed], 95),
        rows_per_second=sum(job.rows_read for job, _ in timed) * 1_000_000 / took_us if took_us else None,
        last_succeeded_at=max((job.finished_at for job in well if job.finished_at), default=None),
    )


async def _keep(services: Services, jobs: Sequence[Job]) -> None:
    """Let these be all jobs there are."""
    async with services.database.transaction() as session:
        await session.execute(delete(Job))
        await session.execute(delete(Pipeline))
        session.add_all(Pipeline(id=id, name=id) for id in IDS)
        await session.flush()
        session.add_all(Job(**job.model_dump()) for job in jobs)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(jobs=st.lists(_jobs(), max_size=30))
async def test_figures_are_what_a_plain_computation_finds(services: Services, jobs: list[Job]) -> None:
    await _keep(services, jobs)
    for since in (None, BEGIN):
        counted = [job for job in jobs if since is None or job.created_at >= since]
        of_each = {id: [job for job in counted if job.pipeline_id == id] for id in IDS}
        expected = {id: _expected(own) for id, own in of_each.items() if own}
        assert await of_pipelines(services, [*IDS, "\0"], since=since) == expected


@pytest.mark.parametrize(
    ("figures", "rate"),
    [
        (PipelineStatistics(), None),
        (PipelineStatistics(jobs=2, canceled=2), None),
        (PipelineStatistics(succeeded=1, partial=2, failed=1, canceled=5), 0.75),
        (PipelineStatistics(failed=3), 0.0),
    ],
    ids=range(4),
)
def test_the_rate_of_success_is_of_those_that_ended_by_themselves(
    figures: PipelineStatistics, rate: float | None
) -> None:
    assert figures.success_rate == rate
