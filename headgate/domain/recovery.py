"""What keeps jobs from being forgotten: leases of silent workers are taken back, wake-ups are sent again.

Every process does this in turn; the database's rows are all that it goes by.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, and_, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from headgate.domain import counters
from headgate.domain.endings import end_attempt
from headgate.domain.happenings import announce, status_changed
from headgate.domain.ports import WakeUp
from headgate.domain.ranking import wake_up
from headgate.domain.runs import is_due, lock_held
from headgate.domain.services import Services
from headgate.errors import JobFault
from headgate.storage.events import append_events
from headgate.storage.rows_of_jobs import end_attempts, write_jobs
from headgate.storage.tables import Attempt, Job, JobStatus, Turn, utc_now

HAND_OVER_S = 0.5
MAX_DUE = 10_000
"""So many wake-ups are sent again at a time: the most urgent ones."""
WORKER_LOST = JobFault(
    "WORKER_LOST", "The worker fell silent before the job had ended.", "SYSTEM", retryable=True
)

logger = structlog.get_logger(__name__)


async def take_turn(services: Services, chore: str, every_s: float) -> bool:
    """Tell whether it is for this process to do a chore that is due every so many seconds, for all processes."""
    now = utc_now()
    async with services.database.read() as session:
        seen = await session.get(Turn, chore)
    if seen is not None and seen.taken_at > now - timedelta(seconds=every_s):
        return False
    try:
        async with services.database.transaction() as session:
            if seen is None:
                session.add(Turn(name=chore, taken_at=now))
                return True
            is_as_seen = (col(Turn.name) == chore, col(Turn.taken_at) == seen.taken_at)
            taken = await session.execute(update(Turn).where(*is_as_seen).values(taken_at=now))
            return bool(taken.rowcount)  # type: ignore[attr-defined]
    except IntegrityError:
        # Another process was faster to do it for the first time.
        return False


async def take_back(services: Services, is_gone: Callable[[str], bool]) -> int:
    """Let jobs wait again whose lease has run out or whose worker is known to be gone; answers how many."""
    found = await _find_lost(services, is_gone)
    if not found:
        return 0
    async with services.database.transaction() as session:
        tokens = {job_id: token for job_id, (token, _) in found.items()}
        held = await lock_held(session, tokens, skip_locked=True)
        # One that was renewed since then is nobody else's.
        lost = [job for job in held.values() if job.lease_expires_at == found[job.id][1]]
        if not lost:
            return 0
        await end_attempts(session, [end_attempt(job, JobStatus.FAILED, WORKER_LOST) for job in lost])
        for job in lost:
            job.due_at = utc_now()
        events = [status_changed(job, JobStatus.RETRYING, WORKER_LOST.message) for job in lost]
        await write_jobs(session, lost)
        await counters.add(session, counters.LEASE_TAKEOVERS, len(lost))
        await append_events(session, events)
    announce(services.signals, events)
    logger.warning("jobs.taken_back", count=len(lost))
    await services.queue.wake([wake_up(job) for job in lost])
    return len(lost)


async def _find_lost(
    services: Services, is_gone: Callable[[str], bool]
) -> dict[str, tuple[int, datetime | None]]:
    """The token and the end of each lease whose holder works on the job no more, by the job's id."""
    statement = (
        select(Job.id, Job.lease_token, Job.lease_expires_at, Attempt.worker)
        .join(Attempt, and_(col(Attempt.job_id) == Job.id, col(Attempt.number) == Job.attempts))
        .where(Job.status == JobStatus.RUNNING)
    )
    async with services.database.read() as session:
        running = (await session.execute(statement)).all()
    now = utc_now()
    return {
        job_id: (token, until)
        for job_id, token, until, worker in running
        if until is None or until <= now or is_gone(worker)
    }


async def wake_due(services: Services, waiting_s: float) -> int:
    """Send the wake-ups of due jobs again, where they were lost; answers how many of those were.

    A job that has been due for less than `waiting_s` seconds may have its wake-up under way.
    """
    due = await _due(services, col(Job.due_at) <= utc_now() - timedelta(seconds=waiting_s))
    missing = await services.queue.missing(due)
    if missing and waiting_s:
        # What was handed to a worker this very moment is no longer in line, and not claimed yet.
        await asyncio.sleep(HAND_OVER_S)
        missing = await _due(services, col(Job.id).in_([each.job_id for each in missing]))
    lost = await services.queue.wake(missing) if missing else 0
    if lost:
        logger.warning("wake_ups.lost", count=lost)
        async with services.database.transaction() as session:
            await counters.add(session, counters.WAKE_UPS_LOST, lost)
    return lost


async def _due(services: Services, condition: ColumnElement[bool]) -> list[WakeUp]:
    """Make the wake-ups of due jobs that meet a condition, the most urgent first."""
    statement = (
        select(Job.id, Job.lease_token, Job.rank_at)
        .where(is_due(), condition)
        .order_by(col(Job.rank_at))
        .limit(MAX_DUE)
    )
    async with services.database.read() as session:
        return [WakeUp(*row) for row in await session.execute(statement)]
