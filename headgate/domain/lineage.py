"""Rejected rows that later jobs take up: corrections, and retries of failed rows.

Such a job resolves an earlier one. Its rows keep their numbers, so that those which pass are taken off the open
errors of all jobs of one lineage in which they are still open: of the first job, which read the input, and of
whichever jobs have resolved it, or one another, since then.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import CTE, Select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain import batches
from headgate.domain.happenings import FINAL, status_changed
from headgate.domain.ledgers import open_errors, reading, resolved_key
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.pipelines.steps.registry import steps_from_json
from headgate.storage.datasets import WriteMode
from headgate.storage.events import NewEvent
from headgate.storage.tables import Job, JobKind, JobStatus

RESOLVED_BY, LINEAGE = "resolvedBy", "lineage"
"""Keys of a job's spec: those that had resolved rows before it of the job that it resolves, and all jobs that had
committed rows of the same input."""
ALL_REJECTED = "ALL_ROWS_REJECTED"
NONE_REJECTED = "No row of it was rejected."
TAKES_ROWS = frozenset({JobKind.INGEST, JobKind.CORRECTION})


def open_rows_refusal(job: Job) -> str | None:
    """Say why the rejected rows of a job can't be taken up; None where they can."""
    if job.status not in FINAL:
        return f"The job has not ended yet: it is {job.status}."
    if job.kind not in TAKES_ROWS:
        return f"A job of the kind {job.kind} ingests no rows itself."
    if not job.rows_rejected:
        return NONE_REJECTED
    if not has_open_rows(job):
        return "The job failed as a whole, and took no row in. Mend what failed it, and retry all of it."
    if any(step.sees_all for step in steps_from_json(job.spec.get("steps") or ())):
        return "Steps of it make one row of several, or look at all rows. Mend the data, and send it again."
    return None if job.has_errors else "Its errors were kept for a time that has passed. Send the data again."


def has_open_rows(job: Job) -> bool:
    """Tell whether rows of a job were rejected one by one: all others of it are in the dataset."""
    all_rejected = job.failure is not None and job.failure["code"] == ALL_REJECTED
    return job.status is JobStatus.PARTIAL or (job.status is JobStatus.FAILED and all_rejected)


async def claim_rows(session: AsyncSession, new: Iterable[Job]) -> None:
    """Let new jobs take up the rows that are open by now in the jobs that they resolve, and keep others from it.

    Raises UserFault (ROWS_TAKEN) where another job is at rows of the same lineage.
    """
    resolving = {job.resolves_id: job for job in new if job.resolves_id is not None}
    if not resolving:
        return
    roots = await _lock_roots(session, set(resolving))
    at_work = select(Job.resolves_id).where(
        col(Job.id).in_(_lineages_of(roots)), col(Job.status).not_in(FINAL)
    )
    if (taken := (await session.scalars(at_work)).first()) is not None:
        message = (
            f"Another job is at the rejected rows of {taken} already. Send this again when it has ended."
        )
        raise UserFault("ROWS_TAKEN", message, ("jobId",), retryable=True)
    for earlier in await session.scalars(select(Job).where(col(Job.id).in_(resolving))):
        later = resolving[earlier.id]
        lineage = [*earlier.spec.get(LINEAGE, ()), earlier.id, *earlier.resolved_by]
        later.spec = {**later.spec, RESOLVED_BY: earlier.resolved_by, LINEAGE: lineage}
        if roots[lineage[0]].status is not JobStatus.FAILED:
            later.spec |= {"sinks": _beside_good_rows(later.spec["sinks"])}


def _beside_good_rows(sinks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Let rows go beside those of the same input that are in the dataset, which they must not replace."""
    return [{kind: _not_replacing(settings) for kind, settings in sink.items()} for sink in sinks]


def _not_replacing(settings: dict[str, Any]) -> dict[str, Any]:
    is_replacing = settings.get("mode") == WriteMode.REPLACE
    return {**settings, "mode": WriteMode.APPEND} if is_replacing else settings


async def _lock_roots(session: AsyncSession, job_ids: Collection[str]) -> dict[str, Job]:
    """Lock the first jobs of the lineages that these belong to."""
    upward = _upward(job_ids)
    firsts = select(upward.c.id).where(upward.c.resolves_id.is_(None))
    locked = select(Job).where(col(Job.id).in_(firsts)).order_by(col(Job.id))
    found = await session.scalars(locked.with_for_update(key_share=True))
    return {job.id: job for job in found}


def _upward(job_ids: Collection[str]) -> CTE:
    """Find these jobs, those that they resolve, and so on: `id` and `resolves_id`."""
    ids = select(Job.id, Job.resolves_id)
    found = ids.where(col(Job.id).in_(job_ids)).cte(recursive=True)
    return found.union(ids.join(found, col(Job.id) == found.c.resolves_id))


def _lineages_of(roots: Collection[str]) -> Select[tuple[str]]:
    """Select the ids of the lineages that begin with these jobs."""
    downward = select(Job.id).where(col(Job.id).in_(roots)).cte(recursive=True)
    downward = downward.union(select(Job.id).join(downward, col(Job.resolves_id) == downward.c.id))
    return select(downward.c.id)


async def resolve(services: Services, session: AsyncSession, ended: Sequence[Job]) -> list[NewEvent]:
    """Take the rows that passed in these jobs off the open errors of all jobs of their lineages."""
    resolving = {job.resolves_id: job for job in ended if job.resolves_id is not None}
    if not resolving:
        return []
    # All at once, in the order in which others lock them too: so nobody waits for each other.
    await _lock_roots(session, resolving)
    events: list[NewEvent] = []
    resolved: list[Job] = []
    for earlier_id, later in resolving.items():
        ancestors = set(await session.scalars(select(_upward([earlier_id]).c.id)))
        of_lineage = col(Job.id).in_(_lineages_of([later.spec[LINEAGE][0]])) & (col(Job.id) != later.id)
        found = select(Job).where(of_lineage, col(Job.rows_rejected) > 0).order_by(col(Job.id))
        for earlier in filter(has_open_rows, (await session.scalars(found)).all()):
            events += _take_off(earlier, later, await _passed_of(services, earlier, later, ancestors))
            resolved.append(earlier)
        await session.flush()
    return events + await batches.recount(session, batches.parents_of(resolved))


async def _passed_of(services: Services, earlier: Job, later: Job, ancestors: Collection[str]) -> int:
    """Count the rows that passed in a later job and were open in an earlier one until then."""
    if earlier.id in ancestors:
        return later.rows_read - later.rows_rejected
    errors = open_errors(services, earlier.id, earlier.resolved_by)
    return await reading(errors.count_resolved, services.store.location(resolved_key(later.id)))


def _take_off(earlier: Job, later: Job, passed: int) -> list[NewEvent]:
    """Count so many rows that passed in a later job as this one's own; the event tells where its status changes."""
    left = passed
    for name in ("rows_accepted", "rows_merged", "rows_filtered"):
        taken = min(left, getattr(later, name))
        setattr(earlier, name, getattr(earlier, name) + taken)
        left -= taken
    earlier.rows_rejected -= passed
    earlier.resolved_by = [*earlier.resolved_by, later.id]
    # Those of one that ended long ago may be gone.
    earlier.has_errors = earlier.has_errors and bool(earlier.rows_rejected or earlier.warnings)
    status = JobStatus.PARTIAL if earlier.rows_rejected else JobStatus.SUCCEEDED
    if status is earlier.status or not passed:
        return []
    earlier.failure, finished_at = None, earlier.finished_at
    event = status_changed(earlier, status, f"{passed} of its rejected rows passed in {later.id}.")
    earlier.finished_at = finished_at
    return [event]
