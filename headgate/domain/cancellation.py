"""Stopping jobs, and what may still be done with one."""

from collections.abc import Collection, Sequence

from sqlalchemy import or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain import batches
from headgate.domain.audit import Deed
from headgate.domain.happenings import (
    FINAL,
    ORDERS,
    STOPPED,
    WAITING,
    announce,
    ended,
    happened,
    status_changed,
)
from headgate.domain.ids import require_id
from headgate.domain.jobs import require_job
from headgate.domain.permissions import Principal, require
from headgate.domain.ranking import wake_up
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.events import NewEvent, append_events
from headgate.storage.tables import CancelMode, Job, JobEventType, JobKind, JobStatus, Role, utc_now

REQUESTED = {
    CancelMode.SAFE: "It was asked to stop at its next safe point.",
    CancelMode.FORCE: "It was asked to stop at once.",
}
MAX_BATCHES = 100


async def cancel(services: Services, principal: Principal, job_id: str, mode: CancelMode) -> Job:
    """Stop a job, or the unfinished jobs of a batch; answers it as it is then, which may be still running.

    A job that has committed by the time it is stopped stays done; one that is stopped already is answered again.
    Raises UserFault: FORBIDDEN, INVALID_ID, NOT_FOUND, JOB_ENDED.
    """
    require(principal, Role.OPERATOR)
    require_id(job_id, "job", ("jobId",))
    deed = Deed(principal, "cancel", job_id, {"mode": mode})
    had_ended = not await _cancel(services, [job_id], mode, deed)
    job = await require_job(services, job_id)
    if had_ended and job.status is not JobStatus.CANCELED:
        raise UserFault("JOB_ENDED", ended(job), ("jobId",))
    if job.kind is JobKind.BATCH:
        await _cancel_children(services, job)
        job = await require_job(services, job_id)
    return job


async def carry_out(services: Services) -> None:
    """Stop what is left of batches that are to stop: their cancellation outlives whoever began it."""
    statement = (
        select(Job)
        .where(Job.kind == JobKind.BATCH, col(Job.cancel).is_not(None), col(Job.status).not_in(FINAL))
        .limit(MAX_BATCHES)
    )
    async with services.database.read() as session:
        stopping = (await session.scalars(statement)).all()
    for parent in stopping:
        await _cancel_children(services, parent)


async def _cancel_children(services: Services, parent: Job) -> None:
    mode = parent.cancel or CancelMode.SAFE
    is_open = (Job.parent_id == parent.id, col(Job.status).not_in(FINAL))
    has_no_order = or_(col(Job.cancel).is_(None), col(Job.cancel).not_in([mode, CancelMode.FORCE]))
    async with services.database.read() as session:
        children = (await session.scalars(select(Job.id).where(*is_open, has_no_order))).all()
    if children:
        await _cancel(services, children, mode)


async def _cancel(
    services: Services, job_ids: Collection[str], mode: CancelMode, deed: Deed | None = None
) -> bool:
    """Stop these jobs, and record the deed if that is one; answers whether any of them had not ended."""
    async with services.database.transaction() as session:
        jobs, events = await order(session, job_ids, mode)
        if deed is not None and events:
            deed.record(session)
        await append_events(session, events)
    announce(services.signals, events)
    await pass_on(services, jobs)
    return bool(jobs)


async def order(
    session: AsyncSession, job_ids: Collection[str], mode: CancelMode
) -> tuple[Sequence[Job], list[NewEvent]]:
    """Write the order to stop these jobs; answers those that had not ended, and the events to append.

    Once that is committed, the order is to be passed on.
    """
    statement = (
        select(Job)
        .where(col(Job.id).in_(job_ids), col(Job.status).not_in(FINAL))
        .order_by(col(Job.id))
        .with_for_update(key_share=True)
    )
    jobs = (await session.scalars(statement)).all()
    events = [event for job in jobs if (event := _order(job, mode)) is not None]
    return jobs, events + await batches.refresh(session, batches.parents_of(jobs))


async def pass_on(services: Services, jobs: Sequence[Job]) -> None:
    """Let those know who run these jobs, and have those woken that wait."""
    services.signals.notify(ORDERS)
    await services.queue.wake([wake_up(job) for job in jobs if job.status in WAITING and _is_single(job)])


def _order(job: Job, mode: CancelMode) -> NewEvent | None:
    """Stop a job that never ran; let whoever runs another one, or will, know."""
    if job.cancel in (mode, CancelMode.FORCE):
        return None
    job.cancel = mode
    if job.status is JobStatus.QUEUED and _is_single(job):
        return status_changed(job, JobStatus.CANCELED, STOPPED)
    if job.status in WAITING and _is_single(job):
        # An attempt whose worker was lost may have committed: the next one finds out, and does no more than that.
        # It waits in line for a later moment under its present token.
        job.due_at = utc_now()
        job.lease_token += 1
    return happened(job, JobEventType.LOG, message=REQUESTED[mode])


def _is_single(job: Job) -> bool:
    return job.kind is not JobKind.BATCH
