"""A job in the hands of a worker: claim it, hold its lease, tell its progress.

Each is one transaction over as many jobs as there are at the moment. What belongs to a lease that was lost is
left out, and the caller is told. Signals leave after the commit.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain import batches, workers
from headgate.domain.happenings import WAITING, announce, happened, status_changed
from headgate.domain.items import ItemResult
from headgate.domain.samples import Sample, sampled
from headgate.domain.services import Services
from headgate.storage.database import Database
from headgate.storage.events import append_events
from headgate.storage.formats import FileFormat
from headgate.storage.ids import new_id
from headgate.storage.items_of_jobs import end_items
from headgate.storage.rows_of_jobs import (
    BEGINNING,
    JOBS,
    add_attempts,
    copy_of,
    lock_jobs,
    select_jobs,
    table_of,
    write_jobs,
)
from headgate.storage.tables import (
    CancelMode,
    Dataset,
    File,
    Job,
    JobEventType,
    JobKind,
    JobStatus,
    utc_now,
)


class Target(NamedTuple):
    """The dataset that a job writes to."""

    id: str
    name: str
    storage_key: str


class Source(NamedTuple):
    """The file that a job reads."""

    id: str
    format: FileFormat | None
    dialect: dict[str, Any] | None
    byte_size: int


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in the hands of one worker, as it was when the lease began.

    `dataset` is there where it writes to one, `file` where it reads one.
    """

    job: Job
    dataset: Target | None
    file: Source | None

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


DATASETS, FILES = table_of(Dataset), table_of(File)
OF_DATASET = [DATASETS.c[name] for name in Target._fields]
OF_FILE = [FILES.c[name] for name in Source._fields]
CLAIMABLE = (
    select_jobs(*OF_DATASET, *OF_FILE)
    .outerjoin(DATASETS, DATASETS.c.id == JOBS.c.dataset_id)
    .outerjoin(FILES, FILES.c.id == JOBS.c.file_id)
    .with_for_update(of=JOBS, skip_locked=True, key_share=True)
)


async def claim(
    services: Services, job_ids: Collection[str], worker: str, lease_s: float
) -> dict[str, Claim]:
    """Begin an attempt at each of these jobs and hold it for `lease_s` seconds; leaves out what is not to be had."""
    statement = CLAIMABLE.where(col(Job.id).in_(job_ids), is_due())
    async with services.database.transaction() as session:
        connection = await session.connection()
        claims = [_claimed(row) for row in await connection.execute(statement)]
        jobs = [claim.job for claim in claims]
        await add_attempts(session, [_begin_attempt(job, worker, lease_s) for job in jobs])
        events = [status_changed(job, JobStatus.RUNNING) for job in jobs]
        await write_jobs(session, jobs, BEGINNING)
        events += await batches.begin(session, batches.parents_of(jobs))
        await append_events(session, events)
    announce(services.signals, events)
    return {claim.job_id: claim for claim in claims}


def _claimed(row: Sequence[Any]) -> Claim:
    target, source = row[-len(OF_DATASET) - len(OF_FILE) : -len(OF_FILE)], row[-len(OF_FILE) :]
    return Claim(
        copy_of(row),
        Target(*target) if target[0] is not None else None,
        Source(*source) if source[0] is not None else None,
    )


async def renew(
    database: Database, worker: str, tokens: Mapping[str, int], lease_s: float
) -> dict[str, CancelMode | None]:
    """Hold the leases with these tokens, by job id, for `lease_s` seconds from now, and tell that the worker lives.

    Answers the jobs whose lease was still there, each with the way in which it is to be stopped, if it is.
    """
    async with database.transaction() as session:
        held = await lock_held(session, tokens)
        until = utc_now() + timedelta(seconds=lease_s)
        await session.execute(update(Job).where(col(Job.id).in_(held)).values(lease_expires_at=until))
        await workers.tell(session, worker, running_jobs=len(held))
    return {job.id: job.cancel for job in held.values()}


async def progress(
    services: Services,
    reports: Sequence[tuple[Claim, Mapping[str, Any]]],
    samples: Sequence[tuple[Claim, Sequence[Sample]]] = (),
    items: Sequence[tuple[Claim, Sequence[ItemResult]]] = (),
    *,
    with_totals: bool,
) -> set[str]:
    """Record how far jobs have come, samples of their errors, what became of their items, and the totals of batches.

    Answers the jobs whose lease is lost.
    """
    told = [claim for claim, _ in (*reports, *samples, *items)]
    async with services.database.transaction() as session:
        held = await lock_held(session, {claim.job_id: claim.token for claim in told})
        events = []
        for claim, errors in samples:
            if (job := held.get(claim.job_id)) is not None:
                events.append(sampled(job, errors))
        for claim, figures in reports:
            if (job := held.get(claim.job_id)) is not None:
                job.progress = dict(figures)
                events.append(happened(job, JobEventType.PROGRESS, progress=job.progress))
        for claim, results in items:
            if claim.job_id in held:
                await end_items(session, claim.job_id, results)
        await write_jobs(session, held.values(), ("progress", "last_event"))
        if with_totals:
            events += await batches.refresh(session, batches.parents_of(held.values()))
        await append_events(session, events)
    announce(services.signals, events)
    return {claim.job_id for claim in told} - held.keys()


async def orders(services: Services, job_ids: Collection[str]) -> dict[str, CancelMode]:
    """Look which of these jobs are to be stopped, and how."""
    statement = select(Job.id, Job.cancel).where(col(Job.id).in_(job_ids), col(Job.cancel).is_not(None))
    async with services.database.read() as session:
        return {job_id: mode for job_id, mode in await session.execute(statement) if mode is not None}


async def lock_held(
    session: AsyncSession, tokens: Mapping[str, int], *, skip_locked: bool = False
) -> dict[str, Job]:
    """Lock the rows of running jobs for the holders of their leases; those with another token are left out.

    What is changed in these copies has to be written.
    """
    are_held = JOBS.c.id.in_(tokens) & (JOBS.c.status == JobStatus.RUNNING)
    found = await lock_jobs(session, are_held, skip_locked=skip_locked)
    return {job.id: job for job in found if job.lease_token == tokens[job.id]}


def is_due() -> ColumnElement[bool]:
    """Match jobs that a worker may claim now; a batch is none, its children are."""
    return and_(col(Job.status).in_(WAITING), col(Job.due_at) <= utc_now(), col(Job.kind) != JobKind.BATCH)


def _begin_attempt(job: Job, worker: str, lease_s: float) -> dict[str, Any]:
    now = utc_now()
    job.attempts += 1
    job.lease_token += 1
    job.lease_expires_at = now + timedelta(seconds=lease_s)
    job.started_at = job.started_at or now
    return {
        "id": new_id("attempt"),
        "job_id": job.id,
        "number": job.attempts,
        "worker": worker,
        "status": JobStatus.RUNNING,
        "started_at": now,
    }
