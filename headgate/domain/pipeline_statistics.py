"""Figures over the jobs of pipelines, worked out by the database."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, func, select
from sqlmodel import col

from headgate.domain.queries import is_one_of
from headgate.domain.services import Services
from headgate.domain.statistics import US_PER_MS, percentile, ranked
from headgate.storage.moments import MicrosecondsBetween
from headgate.storage.tables import Job, JobStatus

US_PER_S = 1_000_000
WELL = (JobStatus.SUCCEEDED, JobStatus.PARTIAL)
ENDS = (*WELL, JobStatus.FAILED, JobStatus.CANCELED)


@dataclass(frozen=True, slots=True)
class PipelineStatistics:
    """Figures of a pipeline's jobs.

    `success_rate` is the part, 0 to 1, that ended well, SUCCEEDED or PARTIAL, of those that ended by themselves. The
    durations, in milliseconds, are those of jobs that were started and have ended: half of these, or 95 in 100, took
    no longer; `rows_per_second` is what these read together in the time that they took together. Each is None where
    there is no such job.
    """

    jobs: int = 0
    succeeded: int = 0
    partial: int = 0
    failed: int = 0
    canceled: int = 0
    rows_read: int = 0
    rows_accepted: int = 0
    rows_rejected: int = 0
    duration_p50_ms: float | None = None
    duration_p95_ms: float | None = None
    rows_per_second: float | None = None
    last_succeeded_at: datetime | None = None

    @property
    def success_rate(self) -> float | None:
        well = self.succeeded + self.partial
        ended = well + self.failed
        return well / ended if ended else None


async def of_pipelines(
    services: Services, pipeline_ids: Collection[str], *, since: datetime | None = None
) -> dict[str, PipelineStatistics]:
    """Work out the figures of each pipeline's jobs, those accepted at a moment or later; without any it is left out."""
    async with services.database.read() as session:
        found = await session.execute(_summary(pipeline_ids, since))
        return {row.key: _statistics(row) for row in found}


def _summary(pipeline_ids: Collection[str], since: datetime | None) -> Select[Any]:
    job = ranked(_chosen(pipeline_ids, since).subquery()).subquery().c
    is_timed = job.duration_us.is_not(None)
    return select(
        job.key,
        func.count().label("jobs"),
        *(_count(job.status == status).label(status.lower()) for status in ENDS),
        *(func.sum(job[name]).label(name) for name in ("rows_read", "rows_accepted", "rows_rejected")),
        percentile(job, 50).label("p50_us"),
        percentile(job, 95).label("p95_us"),
        func.sum(case((is_timed, job.rows_read), else_=0)).label("timed_rows"),
        func.sum(job.duration_us).label("timed_us"),
        func.max(case((job.status.in_(WELL), job.finished_at))).label("last_succeeded_at"),
    ).group_by(job.key)


def _chosen(pipeline_ids: Collection[str], since: datetime | None) -> Select[Any]:
    """One row for each job; the duration in microseconds, null where there is none."""
    names = (Job.status, Job.rows_read, Job.rows_accepted, Job.rows_rejected, Job.finished_at)
    columns: list[Any] = [col(Job.pipeline_id).label("key"), *map(col, names)]
    chosen: Select[Any] = select(
        *columns,
        MicrosecondsBetween(col(Job.started_at), col(Job.finished_at)).label("duration_us"),
    ).where(is_one_of(Job.pipeline_id, pipeline_ids))
    return chosen if since is None else chosen.where(col(Job.created_at) >= since)


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _statistics(row: Any) -> PipelineStatistics:
    said = row._mapping
    numbers = ("jobs", *map(str.lower, ENDS), "rows_read", "rows_accepted", "rows_rejected")
    return PipelineStatistics(
        **{name: int(said[name]) for name in numbers},
        duration_p50_ms=_ms(said["p50_us"]),
        duration_p95_ms=_ms(said["p95_us"]),
        rows_per_second=int(said["timed_rows"]) * US_PER_S / int(said["timed_us"])
        if said["timed_us"]
        else None,
        last_succeeded_at=said["last_succeeded_at"],
    )


def _ms(duration_us: int | None) -> float | None:
    return None if duration_us is None else duration_us / US_PER_MS
