"""Accepting jobs: what they read becomes durable, then the jobs themselves; from then on they will be carried out."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain.audit import Deed
from headgate.domain.happenings import announce, status_changed
from headgate.domain.idempotency import Token, start_once
from headgate.domain.jobs import require_job
from headgate.domain.lineage import claim_rows
from headgate.domain.ranking import line_up, wake_up
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.events import NewEvent, append_events
from headgate.storage.formats import FileFormat
from headgate.storage.ids import new_id
from headgate.storage.items_of_jobs import add_items
from headgate.storage.tables import Dataset, File, FileStatus, Job, JobKind, JobStatus, Pipeline

WRITES_AT_ONCE = 16
"""So many contents are made durable at the same time: most of it is waiting for the disk."""


@dataclass(frozen=True, slots=True)
class Content:
    """Data that came with the request itself, as it is written to the store."""

    format: FileFormat
    chunks: Iterable[bytes]


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job that is to be accepted; the dataset that it writes to, if any, is made where it is missing.

    `at` is where in the request its spec comes from, and `read_at` what it reads; `items` are those of a job of
    mappings, as `add_items` takes them.
    """

    job: Job
    dataset_name: str | None
    content: Content | None = None
    at: tuple[str, ...] = ("spec",)
    read_at: tuple[str, ...] = ("data",)
    items: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Accepted:
    """A job that was accepted, now or, where `replayed`, by an earlier request with the same key."""

    job: Job
    replayed: bool = False


async def replayed(services: Services, job_id: str) -> Accepted:
    """Answer the job that an earlier request with the same key has started."""
    return Accepted(await require_job(services, job_id), replayed=True)


def input_key(job_id: str) -> str:
    """Name the object that holds the data which came with the job's own request."""
    return f"inputs/{job_id}"


def fetched_key(job_id: str) -> str:
    """Name the folder that holds what was fetched from the URL of a job."""
    return f"fetched/{job_id}"


First = Callable[[AsyncSession], Awaitable[list[NewEvent]]]
"""What a transaction does first; answers events that are to be appended. What it raises ends all of it."""


async def accept(
    services: Services,
    new: Sequence[NewJob],
    token: Token | None,
    parent: Job | None = None,
    *,
    deed: Deed | None,
    first: First | None = None,
) -> str | None:
    """Accept jobs, all or none; answers the id of what another request with this key has started, if one has.

    With a parent they are its children, and it is what the key stands for. The audit log gets the `deed` that they are
    the work of; jobs that change nothing have none. What is to be done `first` is so in the same transaction. Raises
    what that raises, and UserFault (IDEMPOTENCY_MISMATCH, ROWS_TAKEN, FILE_NOT_READY).
    """
    jobs = [each.job for each in new]
    subject_id = parent.id if parent is not None else jobs[0].id
    events: list[NewEvent] = []

    async def start(session: AsyncSession) -> None:
        await keep_pipelines(session, jobs)
        await _keep_files(session, jobs)
        await keep_datasets(session, jobs)
        if deed is not None:
            deed.record(session)
        if first is not None:
            events.extend(await first(session))
        await claim_rows(session, jobs)
        # Children refer to their parent, which the session does not know without a relation.
        for generation in ([parent] if parent is not None else [], jobs):
            session.add_all(generation)
            await session.flush()
        await add_items(session, [item for each in new for item in each.items])
        await append_events(session, events)

    async with AsyncExitStack() as kept:
        await _write_contents(services, new, kept)
        await _name_datasets(services, new)
        for job in [parent, *jobs] if parent is not None else jobs:
            line_up(job, job.created_at)
            events.append(status_changed(job, JobStatus.QUEUED))
        if (known := await start_once(services, token, subject_id, start)) is not None:
            return known
        kept.pop_all()
    announce(services.signals, events)
    await services.queue.wake([wake_up(job) for job in jobs if job.kind is not JobKind.BATCH])
    return None


async def keep_pipelines(session: AsyncSession, jobs: Sequence[Job]) -> None:
    """Keep the pipelines of new jobs from being deleted until these are there; raises UserFault (NOT_FOUND)."""
    wanted = {job.pipeline_id for job in jobs if job.pipeline_id is not None}
    if not wanted:
        return
    statement = select(Pipeline.id).where(col(Pipeline.id).in_(wanted)).order_by(col(Pipeline.id))
    found = await session.scalars(statement.with_for_update(read=True, key_share=True))
    if wanted - set(found):
        raise UserFault("NOT_FOUND", "The pipeline was deleted just now.", ("pipeline",))


async def _keep_files(session: AsyncSession, jobs: Sequence[Job]) -> None:
    """Keep the files of new jobs from being deleted until these are there; raises UserFault (FILE_NOT_READY)."""
    wanted = {job.file_id for job in jobs if job.file_id is not None}
    if not wanted:
        return
    statement = select(File.id).where(col(File.id).in_(wanted), File.status == FileStatus.READY)
    found = await session.scalars(statement.order_by(col(File.id)).with_for_update(read=True, key_share=True))
    if gone := wanted - set(found):
        raise UserFault("FILE_NOT_READY", f"The file {min(gone)} was deleted just now.", ("data", "file"))


async def keep_datasets(session: AsyncSession, jobs: Sequence[Job]) -> None:
    """Keep the datasets of new jobs from being deleted until these are there; raises UserFault (DATASET_DELETED)."""
    wanted = {job.dataset_id for job in jobs if job.dataset_id is not None}
    if not wanted:
        return
    there = select(Dataset.id).where(col(Dataset.id).in_(wanted), col(Dataset.deleted_at).is_(None))
    found = await session.scalars(there.order_by(col(Dataset.id)).with_for_update(read=True, key_share=True))
    if wanted - set(found):
        message = "The dataset was deleted just now. Send this again to make a new one."
        raise UserFault("DATASET_DELETED", message, ("dataset",), retryable=True)


async def _write_contents(services: Services, new: Sequence[NewJob], kept: AsyncExitStack) -> None:
    """Make the contents durable before the jobs that need them; those of jobs that are not accepted go again."""
    for begin in range(0, len(new), WRITES_AT_ONCE):
        written = (_write_content(services, each, kept) for each in new[begin : begin + WRITES_AT_ONCE])
        # All are waited for, so that nothing is written any more once what was written is deleted.
        for outcome in await asyncio.gather(*written, return_exceptions=True):
            if outcome is not None:
                raise outcome


async def _write_content(services: Services, new: NewJob, kept: AsyncExitStack) -> None:
    if new.content is None:
        return
    key = input_key(new.job.id)
    kept.push_async_callback(services.store.delete, key)
    async with services.store.writer(key) as writer:
        for chunk in new.content.chunks:
            await writer.write(chunk)


async def _name_datasets(services: Services, new: Sequence[NewJob]) -> None:
    known: dict[str, str] = {}
    for each in new:
        if each.dataset_name is None:
            continue
        if each.dataset_name not in known:
            known[each.dataset_name] = await ensure_dataset(services, each.dataset_name)
        each.job.dataset_id = known[each.dataset_name]


async def ensure_dataset(services: Services, name: str) -> str:
    """Answer the id of the dataset of this name, which is made where it is missing."""
    statement = select(Dataset.id).where(Dataset.name == name)
    async with services.database.read() as session:
        if (found := (await session.scalars(statement)).first()) is not None:
            return found
    dataset_id = new_id("dataset")
    try:
        async with services.database.transaction() as session:
            session.add(Dataset(id=dataset_id, name=name, storage_key=f"datasets/{dataset_id}"))
    except IntegrityError:
        # Another request made it at the same moment.
        async with services.database.read() as session:
            return (await session.scalars(statement)).one()
    return dataset_id
