"""What monitoring wants to know of all jobs and workers; every process finds the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlmodel import col

from headgate.domain import counters, workers
from headgate.domain.happenings import FINAL
from headgate.domain.runs import is_due
from headgate.domain.services import Services
from headgate.storage.moments import MicrosecondsBetween
from headgate.storage.tables import Job, JobEvent, JobKind, JobStatus, utc_now

MAX_ENDED = 1000
US_PER_S = 1_000_000


@dataclass(frozen=True, slots=True)
class Figures:
    """How things are at the moment: `due_jobs` could be run now, and the oldest of them has been due for so long.

    `jobs` has no status that no job has; `counters` are those of `headgate.domain.counters`.
    """

    jobs: Mapping[JobStatus, int]
    due_jobs: int
    oldest_due_s: float
    workers: int
    running_jobs: int
    counters: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that has ended, told by event `number`; the duration is None for one that never began."""

    number: int
    kind: JobKind
    status: JobStatus
    duration_s: float | None


async def figures(services: Services) -> Figures:
    """Find out how things are."""
    due_jobs, oldest_due_s = await _due(services)
    living = await workers.living(services)
    return Figures(
        jobs=await _by_status(services),
        due_jobs=due_jobs,
        oldest_due_s=oldest_due_s,
        workers=len(living),
        running_jobs=sum(worker.running_jobs for worker in living),
        counters=await counters.values(services),
    )


async def ended(services: Services, after: int, upto: int) -> list[Ended]:
    """Read which jobs have ended by the events behind number `after` up to `upto`, in their order.

    Answers 1000 at most; where there are fewer, no more come up to `upto`, as events are numbered in the order of
    their commits.
    """
    within = (col(JobEvent.number) > after, col(JobEvent.number) <= upto, col(JobEvent.status).in_(FINAL))
    duration_us = MicrosecondsBetween(col(Job.started_at), col(Job.finished_at))
    statement = (
        select(col(JobEvent.number), col(Job.kind), col(Job.status), duration_us)
        .join(Job)
        .where(*within)
        .order_by(col(JobEvent.number))
        .limit(MAX_ENDED)
    )
    async with services.database.read() as session:
        return [_ended(row) for row in await session.execute(statement)]


async def _by_status(services: Services) -> dict[JobStatus, int]:
    statement = select(col(Job.status), func.count()).group_by(col(Job.status))
    async with services.database.read() as session:
        return dict((await session.execute(statement)).all())


async def _due(services: Services) -> tuple[int, float]:
    statement = select(func.count(), func.min(Job.due_at)).where(is_due())
    async with services.database.read() as session:
        count, oldest = (await session.execute(statement)).one()
    return count, max((utc_now() - oldest).total_seconds(), 0.0) if oldest else 0.0


def _ended(row: Any) -> Ended:
    number, kind, status, took_us = row
    return Ended(number, kind, status, None if took_us is None else took_us / US_PER_S)
