"""Schedules that have come due start jobs: one for each tick, whichever processes look for them at the same time.

Whoever moves a pipeline's `next_run_at` on has the tick, and writes the tick's job in the same transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

import structlog
from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain import cancellation
from headgate.domain.acceptance import accept
from headgate.domain.audit import SCHEDULE, Deed
from headgate.domain.happenings import FINAL, announce, happened, status_changed
from headgate.domain.ingest import job_of_pipeline
from headgate.domain.job_results import summary_of
from headgate.domain.schedules import newest_tick, next_run_at
from headgate.domain.services import Services
from headgate.errors import HeadgateError, JobFault, Unavailable
from headgate.storage.events import NewEvent, append_events
from headgate.storage.ids import new_id
from headgate.storage.rows_of_jobs import add_results
from headgate.storage.tables import (
    CancelMode,
    Job,
    JobEventType,
    JobKind,
    JobStatus,
    OverlapPolicy,
    Pipeline,
    utc_now,
)

AT_ONCE = 100
"""So many due pipelines are read at a time."""
NO_SCHEDULE = JobFault("INVALID_SCHEDULE", "This schedule makes no sense here: set it anew.", "CONFIG")
CRASHED = JobFault("INTERNAL", "Something went wrong on our side when this job was to start.", "SYSTEM")

logger = structlog.get_logger(__name__)


class Passed(Exception):
    """A tick is not to be taken now: another process has it, the pipeline has changed, or a job is at work again."""


@dataclass(slots=True)
class Tick:
    """The newest tick of a pipeline that is due; earlier ones were missed. `following` is when the next one comes.

    `stopped` are the jobs that it made stop.
    """

    pipeline: Pipeline
    at: datetime
    following: datetime | None
    stopped: Sequence[Job] = field(default_factory=list)

    @classmethod
    def newest(cls, pipeline: Pipeline, now: datetime) -> Self:
        """Find it. Raises ValueError where the schedule makes no sense."""
        assert pipeline.next_run_at is not None
        schedule = {"cron": pipeline.cron, "timezone": pipeline.timezone}
        return cls(pipeline, newest_tick(schedule, pipeline.next_run_at, now), next_run_at(schedule, now))

    async def move_on(self, session: AsyncSession) -> Sequence[Job]:
        """Take the tick; answers the pipeline's jobs that are at work, which are locked. Raises Passed."""
        # Jobs are locked before what they belong to, here as elsewhere: so no two transactions wait for each other.
        at_work = select(Job).where(_is_at_work(self.pipeline)).order_by(col(Job.id))
        jobs = (await session.scalars(at_work.with_for_update(key_share=True))).all()
        same = select(Pipeline).where(Pipeline.id == self.pipeline.id).with_for_update(key_share=True)
        found = (await session.scalars(same)).one_or_none()
        if found is None or _turn_of(found) != _turn_of(self.pipeline):
            raise Passed
        found.next_run_at = self.following
        return jobs

    async def start(self, session: AsyncSession) -> list[NewEvent]:
        """Take the tick for a job that starts, and stop others where the schedule says so. Raises Passed."""
        at_work = await self.move_on(session)
        if not at_work:
            return []
        if self.pipeline.overlap is not OverlapPolicy.CANCEL_RUNNING:
            raise Passed
        ids = [job.id for job in at_work]
        self.stopped, events = await cancellation.order(session, ids, CancelMode.SAFE)
        for job in self.stopped:
            Deed(SCHEDULE, "cancel", job.id, {"mode": CancelMode.SAFE}).record(session)
        return events

    def deed(self, job: Job) -> Deed:
        """What the audit log says of the job that it starts."""
        said = {"job": job.id, "tick": self.at.isoformat()}
        if job.failure is not None:
            said["failure"] = job.failure["code"]
        return Deed(SCHEDULE, "runSchedule", self.pipeline.name, said)


def _turn_of(pipeline: Pipeline) -> tuple[object, ...]:
    return pipeline.enabled, pipeline.version, pipeline.next_run_at


async def fire_due(services: Services, now: datetime | None = None) -> int:
    """Take the ticks that are due; answers how many this process has taken.

    Where several ticks of a pipeline are due, as after a time without any process, the newest one counts for all.
    """
    now, total = now or utc_now(), 0
    while due := await _due(services, now):
        taken = sum([await _fire(services, pipeline, now) for pipeline in due])
        total += taken
        if taken < AT_ONCE:
            break
    return total


async def _due(services: Services, now: datetime) -> Sequence[Pipeline]:
    """Find pipelines that are due; one that lets its tick wait for a job at work is left out."""
    at_work = select(Job.id).where(Job.pipeline_id == Pipeline.id, *AT_WORK)
    waits = (col(Pipeline.overlap) == OverlapPolicy.QUEUE) & at_work.exists()
    is_due = (col(Pipeline.enabled).is_(True), col(Pipeline.next_run_at) <= now)
    statement = select(Pipeline).where(*is_due, ~waits).order_by(col(Pipeline.next_run_at)).limit(AT_ONCE)
    async with services.database.read() as session:
        return (await session.scalars(statement)).all()


AT_WORK = (col(Job.kind) == JobKind.INGEST, col(Job.status).not_in(FINAL))
"""Match jobs that a tick may overlap with: not those that only look at data or correct some rows."""


def _is_at_work(pipeline: Pipeline) -> ColumnElement[bool]:
    return and_(col(Job.pipeline_id) == pipeline.id, *AT_WORK)


async def _fire(services: Services, pipeline: Pipeline, now: datetime) -> bool:
    """Take the newest tick of a pipeline; where that can't be, it is still due, and no other is the worse for it."""
    try:
        await _take(services, _newest(pipeline, now))
    except Passed:
        return False
    except Exception:
        logger.exception("schedule.not_fired", pipeline=pipeline.name)
        return False
    return True


def _newest(pipeline: Pipeline, now: datetime) -> Tick:
    """The newest tick; where the schedule makes no sense by now, the one that was due, after which there is none."""
    try:
        return Tick.newest(pipeline, now)
    except ValueError:
        logger.exception("schedule.invalid", pipeline=pipeline.name)
        assert pipeline.next_run_at is not None
        return Tick(pipeline, pipeline.next_run_at, None)


async def _take(services: Services, tick: Tick) -> None:
    if await _is_to_be_left_out(services, tick):
        await _leave_out(services, tick)
        return
    try:
        if tick.following is None:
            raise NO_SCHEDULE
        await _start(services, tick)
    except (Passed, Unavailable, SQLAlchemyError, OSError):
        raise
    except HeadgateError as error:
        await _record(services, tick, JobFault(error.code, error.message, "CONFIG"))
    except Exception:
        logger.exception("schedule.crashed", pipeline=tick.pipeline.name)
        await _record(services, tick, CRASHED)


async def _start(services: Services, tick: Tick) -> None:
    new = await job_of_pipeline(services, tick.pipeline, created_by_id=None, tick_at=tick.at)
    await accept(services, [new], None, deed=tick.deed(new.job), first=tick.start)
    await cancellation.pass_on(services, tick.stopped)
    logger.info("schedule.fired", pipeline=tick.pipeline.name, tick_at=tick.at, job_id=new.job.id)


async def _is_to_be_left_out(services: Services, tick: Tick) -> bool:
    """Whether a job is at work that makes the schedule skip a tick, or the tick has had its job before.

    The second is so where the clock of a machine that changed the pipeline is behind.
    """
    reason = and_(col(Job.pipeline_id) == tick.pipeline.id, col(Job.tick_at) == tick.at)
    if tick.pipeline.overlap in (None, OverlapPolicy.SKIP):
        reason = or_(reason, _is_at_work(tick.pipeline))
    async with services.database.read() as session:
        return (await session.scalars(select(Job.id).where(reason).limit(1))).first() is not None


async def _leave_out(services: Services, tick: Tick) -> None:
    """Take a tick for no job, and tell so with the job that is at work."""
    message = f"The schedule's tick of {tick.at:%Y-%m-%d %H:%M} UTC was left out, as this job was at work."
    async with services.database.transaction() as session:
        at_work = await tick.move_on(session)
        events = [happened(job, JobEventType.LOG, message=message) for job in at_work[-1:]]
        await append_events(session, events)
    announce(services.signals, events)
    logger.info("schedule.skipped", pipeline=tick.pipeline.name, tick_at=tick.at)


async def _record(services: Services, tick: Tick, fault: JobFault) -> None:
    """Take a tick for a job that has failed before it began, so that people see it."""
    job = Job(
        id=new_id("job"),
        kind=JobKind.INGEST,
        pipeline_id=tick.pipeline.id,
        pipeline_version=tick.pipeline.version,
        tick_at=tick.at,
        spec=tick.pipeline.spec,
        failure=fault.to_json(),
    )
    events = [status_changed(job, JobStatus.FAILED, fault.message)]
    async with services.database.transaction() as session:
        await tick.move_on(session)
        session.add(job)
        tick.deed(job).record(session)
        await session.flush()
        await append_events(session, events)
        await add_results(session, [summary_of(job)])
    announce(services.signals, events)
    logger.warning("schedule.failed", pipeline=tick.pipeline.name, tick_at=tick.at, code=fault.code)
