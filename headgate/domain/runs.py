"""What a worker does with a job: claim it, tell its progress, close it.

Each is one transaction of whoever holds the job's lease. Whoever lost it gets LeaseLost, and the
database stays as it is. Signals leave after the commit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, or_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain.jobs import WAITING, topic
from headgate.domain.services import Services
from headgate.errors import HeadgateError, JobFault
from headgate.storage.ids import new_id
from headgate.storage.tables import (
    Attempt,
    Dataset,
    File,
    Job,
    JobEvent,
    JobEventType,
    JobStatus,
    Result,
    ResultKind,
    utc_now,
)

MAX_DUE = 10_000
COUNTS = ("read", "accepted", "rejected", "filtered", "merged")
INTERRUPTED = JobFault(
    "INTERRUPTED", "The worker was stopped before the job had ended.", "SYSTEM", retryable=True
)
WORKER_LOST = JobFault(
    "WORKER_LOST", "The worker fell silent before the job had ended.", "SYSTEM", retryable=True
)


class LeaseLost(HeadgateError):
    """Another worker has the job now, or nobody: what this one made of it does not count."""

    def __init__(self, job_id: str) -> None:
        super().__init__("LEASE_LOST", f"The lease of {job_id} is gone.")


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in the hands of one worker, as it was when the lease began; `file` where it reads one."""

    job: Job
    dataset: Dataset
    file: File | None

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.job.id

    @property
    def token(self) -> int:
        """The fencing token: the next claim of the job raises it."""
        return self.job.lease_token

    @property
    def attempt(self) -> int:
        """The number of this attempt, from 1."""
        return self.job.attempts


async def due(services: Services) -> list[str]:
    """List jobs that wait for a worker, or whose worker fell silent; oldest first, 10,000 at most."""
    statement = select(Job.id).where(_is_claimable()).order_by(col(Job.created_at)).limit(MAX_DUE)
    async with services.database.read() as session:
        return list((await session.scalars(statement)).all())


async def expire_leases(services: Services, is_gone: Callable[[str], bool]) -> None:
    """End the leases of workers that are known to be gone, so that nobody waits for them to run out."""
    statement = (
        select(Job, Attempt.worker)
        .join(Attempt, and_(col(Attempt.job_id) == Job.id, col(Attempt.number) == Job.attempts))
        .where(Job.status == JobStatus.RUNNING)
        .with_for_update()
    )
    async with services.database.transaction() as session:
        for job, worker in (await session.execute(statement)).all():
            if worker is not None and is_gone(worker):
                job.lease_expires_at = utc_now()


async def claim(services: Services, job_id: str, worker: str, lease_s: float) -> Claim | None:
    """Begin an attempt at a job and hold it for `lease_s` seconds; None where it is not to be had."""
    async with services.database.transaction() as session:
        if (job := await _lock(session, Job.id == job_id, _is_claimable())) is None:
            return None
        if job.status is JobStatus.RUNNING:
            await _end_attempt(session, job, JobStatus.FAILED, WORKER_LOST)
        _begin_attempt(session, job, worker, lease_s)
        dataset = await session.get_one(Dataset, job.dataset_id)
        file = await session.get_one(File, job.file_id) if job.file_id is not None else None
    services.signals.notify(topic(job_id))
    return Claim(job, dataset, file)


async def renew(services: Services, claim: Claim, lease_s: float) -> None:
    """Hold the job for `lease_s` seconds from now; raises LeaseLost."""
    async with services.database.transaction() as session:
        job = await _held(session, claim)
        job.lease_expires_at = utc_now() + timedelta(seconds=lease_s)


async def progress(services: Services, claim: Claim, figures: Mapping[str, Any]) -> None:
    """Record how far the job is, with an event; raises LeaseLost."""
    async with services.database.transaction() as session:
        job = await _held(session, claim)
        job.progress = dict(figures)
        job.rows_read = figures.get("rows_read", 0)
        _add_event(session, job, JobEventType.PROGRESS, progress=job.progress)
    services.signals.notify(topic(claim.job_id))


async def succeed(services: Services, claim: Claim, result: Mapping[str, Any]) -> None:
    """Close the job with what the engine answered: SUCCEEDED, or PARTIAL where rows were rejected.

    A job whose counts don't add up fails instead. Raises LeaseLost.
    """
    counts = result["counts"]
    if counts["read"] != sum(counts[name] for name in COUNTS[1:]):
        fault = JobFault("COUNTS_MISMATCH", "The counts of rows do not add up.", "SYSTEM", details=counts)
        await fail(services, claim, fault, counts)
        return
    async with services.database.transaction() as session:
        job = await _held(session, claim)
        job.dataset_version = result["dataset"]["version"]
        job.progress = _finished(claim, job, counts)
        await _advance_dataset(session, job, result["dataset"])
        session.add(_result(job, claim.dataset, result))
        await _close(session, job, JobStatus.PARTIAL if counts["rejected"] else JobStatus.SUCCEEDED, counts)
    services.signals.notify(topic(claim.job_id))


async def fail(
    services: Services, claim: Claim, fault: JobFault, counts: Mapping[str, int] | None = None
) -> None:
    """Close the job as FAILED, with the rows that were counted until then; raises LeaseLost."""
    async with services.database.transaction() as session:
        job = await _held(session, claim)
        job.failure = failure_json(fault)
        await _close(session, job, JobStatus.FAILED, counts or {}, fault)
    services.signals.notify(topic(claim.job_id))


async def release(services: Services, claim: Claim) -> None:
    """Hand the job back, for any worker to take at once; raises LeaseLost."""
    async with services.database.transaction() as session:
        job = await _held(session, claim)
        job.status = JobStatus.RETRYING
        job.lease_expires_at = None
        await _end_attempt(session, job, JobStatus.FAILED, INTERRUPTED)
        _add_event(session, job, JobEventType.STATUS, status=job.status, message=INTERRUPTED.message)
    services.signals.notify(topic(claim.job_id))


def failure_json(fault: JobFault) -> dict[str, Any]:
    """Say a fault as it is stored: code, category, message, retryable, details."""
    return {
        "code": fault.code,
        "category": fault.category,
        "message": fault.message,
        "retryable": fault.retryable,
        "details": dict(fault.details) if fault.details is not None else None,
    }


def _is_claimable() -> ColumnElement[bool]:
    is_silent = and_(col(Job.status) == JobStatus.RUNNING, col(Job.lease_expires_at) <= utc_now())
    return or_(col(Job.status).in_(WAITING), is_silent)


async def _held(session: AsyncSession, claim: Claim) -> Job:
    """Lock the job's row for the holder of its lease, and for no one else."""
    is_mine = and_(col(Job.lease_token) == claim.token, col(Job.status) == JobStatus.RUNNING)
    if (job := await _lock(session, Job.id == claim.job_id, is_mine)) is None:
        raise LeaseLost(claim.job_id)
    return job


async def _lock(session: AsyncSession, *conditions: ColumnElement[bool] | bool) -> Job | None:
    return (await session.scalars(select(Job).where(*conditions).with_for_update())).first()


def _begin_attempt(session: AsyncSession, job: Job, worker: str, lease_s: float) -> None:
    now = utc_now()
    job.status = JobStatus.RUNNING
    job.attempts += 1
    job.lease_token += 1
    job.lease_expires_at = now + timedelta(seconds=lease_s)
    job.started_at = job.started_at or now
    session.add(
        Attempt(id=new_id("attempt"), job_id=job.id, number=job.attempts, worker=worker, started_at=now)
    )
    _add_event(session, job, JobEventType.STATUS, status=job.status)


async def _end_attempt(
    session: AsyncSession, job: Job, status: JobStatus, fault: JobFault | None = None
) -> None:
    statement = select(Attempt).where(Attempt.job_id == job.id, Attempt.number == job.attempts)
    attempt = (await session.scalars(statement)).one()
    attempt.status = status
    attempt.finished_at = utc_now()
    if fault is not None:
        job.progress = {**job.progress, "eta_seconds": None}
    attempt.failure = failure_json(fault) if fault is not None else None


def _add_event(session: AsyncSession, job: Job, type: JobEventType, **values: Any) -> None:
    job.last_event += 1
    session.add(JobEvent(job_id=job.id, seq=job.last_event, type=type, **values))


async def _close(
    session: AsyncSession,
    job: Job,
    status: JobStatus,
    counts: Mapping[str, int],
    fault: JobFault | None = None,
) -> None:
    job.status = status
    job.finished_at = utc_now()
    job.lease_expires_at = None
    job.warnings = counts.get("warnings", 0)
    for name in COUNTS:
        setattr(job, f"rows_{name}", counts.get(name, 0))
    await _end_attempt(session, job, status, fault)
    message = fault.message if fault is not None else None
    _add_event(session, job, JobEventType.STATUS, status=status, progress=job.progress, message=message)


async def _advance_dataset(session: AsyncSession, job: Job, committed: Mapping[str, Any]) -> None:
    """Let the dataset's row show a commit, unless it shows a later one already."""
    dataset = await session.get_one(Dataset, job.dataset_id, with_for_update=True)
    if dataset.version is not None and dataset.version >= committed["version"]:
        return
    dataset.version = committed["version"]
    dataset.row_count = committed["row_count"]
    dataset.byte_size = committed["byte_size"]
    dataset.columns = committed["columns"]
    dataset.updated_at = utc_now()


def _result(job: Job, dataset: Dataset, result: Mapping[str, Any]) -> Result:
    return Result(
        id=new_id("result"),
        kind=ResultKind.DATASET,
        name=dataset.name,
        job_id=job.id,
        dataset_id=dataset.id,
        dataset_version=job.dataset_version,
        data={"counts": result["counts"], "rowCount": result["dataset"]["row_count"]},
        created_by_id=job.created_by_id,
    )


def _finished(claim: Claim, job: Job, counts: Mapping[str, int]) -> dict[str, Any]:
    size = claim.file.byte_size if claim.file is not None else job.progress.get("bytes_total")
    return {
        "stage": "done",
        "fraction": 1.0,
        "rows_read": counts["read"],
        "rows_written": counts["accepted"],
        "bytes_read": size or 0,
        "bytes_total": size,
        "rows_per_second": _rows_per_second(job, counts["read"]),
        "eta_seconds": 0.0,
    }


def _rows_per_second(job: Job, rows: int) -> float | None:
    """The pace from the start of the first attempt to now; None where the clock has gone back meanwhile."""
    elapsed_s = (utc_now() - job.started_at).total_seconds() if job.started_at is not None else 0.0
    return rows / elapsed_s if elapsed_s > 0 else None
