"""Rejected rows that later jobs take up: corrections, and retries of failed rows.

Such a job resolves an earlier one. Its rows keep their numbers, so that those which pass are taken off the open
errors of the earlier job, of the one which that resolved in its turn, and so on up to the first.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain import batches
from headgate.domain.happenings import FINAL, status_changed
from headgate.errors import UserFault
from headgate.storage.events import NewEvent
from headgate.storage.tables import Job, JobKind, JobStatus

RESOLVED_BY, LINEAGE = "resolvedBy", "lineage"
"""Keys of a job's spec: those that had resolved rows before it of the job that it resolves, and all jobs that had
committed rows of the same input."""
ALL_REJECTED = "ALL_ROWS_REJECTED"
TAKES_ROWS = frozenset({JobKind.INGEST, JobKind.CORRECTION})


def open_rows_refusal(job: Job) -> str | None:
    """Say why the rejected rows of a job can't be taken up; None where they can."""
    if job.status not in FINAL:
        return f"The job has not ended yet: it is {job.status}."
    if job.kind not in TAKES_ROWS:
        return f"A job of the kind {job.kind} ingests no rows itself."
    if not job.rows_rejected:
        return "No row of it was rejected."
    if not has_open_rows(job):
        return "The job failed as a whole, and took no row in. Mend what failed it, and retry all of it."
    return None if job.has_errors else "Its errors were kept for a time that has passed. Send the data again."


def has_open_rows(job: Job) -> bool:
    """Tell whether rows of a job were rejected one by one: all others of it are in the dataset."""
    all_rejected = job.failure is not None and job.failure["code"] == ALL_REJECTED
    return job.status is JobStatus.PARTIAL or (job.status is JobStatus.FAILED and all_rejected)


async def claim_rows(session: AsyncSession, new: Iterable[Job]) -> None:
    """Let new jobs take up the rows that are open by now in the jobs that they resolve, and keep others from it.

    Raises UserFault (ROWS_TAKEN) where another job is at these rows.
    """
    resolving = {job.resolves_id: job for job in new if job.resolves_id is not None}
    if not resolving:
        return
    earlier = select(Job).where(col(Job.id).in_(resolving)).order_by(col(Job.id))
    locked = (await session.scalars(earlier.with_for_update(key_share=True))).all()
    at_work = select(Job.resolves_id).where(
        col(Job.resolves_id).in_(resolving), col(Job.status).not_in(FINAL)
    )
    if (taken := (await session.scalars(at_work)).first()) is not None:
        message = (
            f"Another job is at the rejected rows of {taken} already. Send this again when it has ended."
        )
        raise UserFault("ROWS_TAKEN", message, ("jobId",), retryable=True)
    for job in locked:
        later = resolving[job.id]
        lineage = [*job.spec.get(LINEAGE, ()), job.id, *job.resolved_by]
        later.spec = {**later.spec, RESOLVED_BY: job.resolved_by, LINEAGE: lineage}


async def resolve(session: AsyncSession, ended: Sequence[Job]) -> list[NewEvent]:
    """Take the rows that passed in these jobs off the open errors of those that they resolve, all the way up."""
    events: list[NewEvent] = []
    resolved: list[Job] = []
    for job in ended:
        earlier_id = job.resolves_id
        while earlier_id is not None:
            earlier = await session.get_one(Job, earlier_id, with_for_update={"key_share": True})
            events += _take_off(earlier, job)
            resolved.append(earlier)
            earlier_id = earlier.resolves_id
    await session.flush()
    return events + await batches.recount(session, batches.parents_of(resolved))


def _take_off(earlier: Job, later: Job) -> list[NewEvent]:
    """Count the rows that passed in a later job as this one's own; the event tells where that changes its status."""
    passed = later.rows_read - later.rows_rejected
    earlier.rows_rejected -= passed
    earlier.rows_accepted += later.rows_accepted
    earlier.rows_merged += later.rows_merged
    earlier.rows_filtered += later.rows_filtered
    earlier.resolved_by = [*earlier.resolved_by, later.id]
    earlier.has_errors = bool(earlier.rows_rejected or earlier.warnings)
    status = JobStatus.PARTIAL if earlier.rows_rejected else JobStatus.SUCCEEDED
    if status is earlier.status or not passed:
        return []
    earlier.failure, finished_at = None, earlier.finished_at
    event = status_changed(earlier, status, f"{passed} of its rejected rows passed in {later.id}.")
    earlier.finished_at = finished_at
    return [event]
