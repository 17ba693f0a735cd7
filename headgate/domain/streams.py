"""Streams of records: what calls append to a dataset is gathered in batches, each of which is a job.

The job of a batch is there from its first call on, and is due once the batch is sealed: when it is large or old enough,
and the batch before it has ended, so that rows are committed in the order in which they were accepted. All of this is
done under the lock of the stream's row, and then of the job's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain.acceptance import NewJob, keep_datasets, keep_pipelines
from headgate.domain.audit import Deed
from headgate.domain.happenings import FINAL, announce, status_changed
from headgate.domain.idempotency import Token, mismatch
from headgate.domain.ranking import line_up, wake_up
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.events import NewEvent, append_events
from headgate.storage.tables import Append, IdempotencyKey, Job, JobStatus, Stream, utc_now

OPEN_UNTIL = datetime(9999, 12, 31, tzinfo=UTC)
"""When the job of a batch is due that is not sealed."""
TRIES = 5
"""So often is begun anew where another process was faster to make a stream, or to keep a key."""
LOOK_AGAIN_S = 5.0
STREAMS_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """When a batch is sealed, by its age and its bytes, and how many bytes of one stream may wait."""

    seconds: float = 1.0
    batch_bytes: int = 32 * 1024**2
    backlog_bytes: int = 512 * 1024**2


@dataclass(frozen=True, slots=True)
class Entry:
    """What one call appends: a row of `appends` without its job, and the batch that it opens where none is open."""

    row: dict[str, Any]
    token: Token | None
    batch: NewJob
    deed: Deed

    @property
    def stream_id(self) -> str:
        """The stream that it belongs to."""
        return stream_id(self.batch.job)


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of an entry: it is in the batch of a job, if any of its records were accepted.

    `replayed_id` names the earlier call under the same key that it repeats: then it was not taken.
    """

    job_id: str | None = None
    replayed_id: str | None = None


@dataclass(frozen=True, slots=True)
class Pause:
    """How long a batch is left alone: for so many seconds, or until the job that it is `behind` has ended."""

    seconds: float
    behind: str | None = None


def stream_id(job: Job) -> str:
    """Name the stream of a dataset and a pipeline, or none."""
    return f"{job.dataset_id}.{job.pipeline_id or ''}"


async def take(services: Services, entries: Sequence[Entry], limits: BatchLimits) -> list[Taken | UserFault]:
    """Make entries of one stream durable, in their order, all in one transaction; answers what became of each.

    Faults are BACKLOG_FULL and IDEMPOTENCY_MISMATCH. Raises UserFault where the pipeline (NOT_FOUND) or the
    dataset (DATASET_DELETED) was deleted.
    """
    for tries_left in reversed(range(TRIES)):
        taking = _Taking(services, limits)
        try:
            async with services.database.transaction() as session:
                answers = await taking.take(session, entries)
        except IntegrityError:
            if not tries_left:
                raise
        else:
            break
    announce(services.signals, taking.events)
    await services.queue.wake([wake_up(job) for job in taking.sealed])
    return answers


@dataclass
class _Taking:
    """One transaction that takes entries."""

    services: Services
    limits: BatchLimits
    events: list[NewEvent] = field(default_factory=list)
    sealed: list[Job] = field(default_factory=list)

    async def take(self, session: AsyncSession, entries: Sequence[Entry]) -> list[Taken | UserFault]:
        stream = await _locked(session, entries[0].batch.job)
        known = await _known_keys(session, entries)
        answers = [await self._take(session, stream, entry, known) for entry in entries]
        taken = [
            entry.row | {"job_id": answer.job_id, "is_keyed": entry.token is not None}
            for entry, answer in zip(entries, answers, strict=True)
            if isinstance(answer, Taken) and answer.replayed_id is None and (answer.job_id or entry.token)
        ]
        await session.flush()
        if taken:
            await session.execute(insert(Append), taken)
        await self._seal_full(session, stream)
        await append_events(session, self.events)
        return answers

    async def _take(
        self,
        session: AsyncSession,
        stream: Stream,
        entry: Entry,
        known: dict[tuple[str, str], IdempotencyKey],
    ) -> Taken | UserFault:
        token = entry.token
        earlier = None if token is None else known.get((token.user_id, token.key))
        if token is not None and earlier is not None:
            is_same = earlier.fingerprint == token.fingerprint
            return Taken(replayed_id=earlier.subject_id) if is_same else mismatch()
        job = None
        if entry.row["row_count"]:
            if stream.job_id is not None and stream.byte_size >= self.limits.backlog_bytes:
                return backlog_full()
            if (job := await self._open(session, stream, entry)) is None:
                return pipeline_changed()
            stream.row_count += entry.row["row_count"]
            stream.byte_size += entry.row["byte_size"]
        if token is not None:
            known[token.user_id, token.key] = kept = _kept(token, entry.row["id"])
            session.add(kept)
        return Taken(None if job is None else job.id)

    async def _open(self, session: AsyncSession, stream: Stream, entry: Entry) -> Job | None:
        """The job of the open batch, or of one that is opened; None while neither is possible."""
        new = entry.batch.job
        if (job := await _open_job(session, stream)) is not None:
            if job.pipeline_version == new.pipeline_version:
                return job
            # It goes through the pipeline as it was when the batch was opened.
            if await _unended(session, stream) is not None:
                return None
            self.sealed.append(_seal(stream, job))
        await keep_pipelines(session, [new])
        await keep_datasets(session, [new])
        new.last_event = 0
        line_up(new, OPEN_UNTIL)
        self.events.append(status_changed(new, JobStatus.QUEUED))
        entry.deed.record(session)
        session.add(new)
        await session.flush()
        stream.job_id, stream.opened_at = new.id, utc_now()
        stream.row_count = stream.byte_size = 0
        return new

    async def _seal_full(self, session: AsyncSession, stream: Stream) -> None:
        if stream.job_id is None or stream.byte_size < self.limits.batch_bytes:
            return
        job = await _open_job(session, stream)
        if job is not None and await _unended(session, stream) is None:
            self.sealed.append(_seal(stream, job))


def backlog_full() -> UserFault:
    """Refuse records while too many wait before them."""
    message = (
        "Too many records wait to be taken in before these. Send them again in a while, in the same order."
    )
    return UserFault("BACKLOG_FULL", message, ("records",), retryable=True)


def pipeline_changed() -> UserFault:
    """Refuse records while those wait that go through the pipeline as it was."""
    message = "The pipeline was changed, and records wait for what it was. Send these again in a while."
    return UserFault("BACKLOG_FULL", message, ("pipeline",), retryable=True)


def _kept(token: Token, append_id: str) -> IdempotencyKey:
    return IdempotencyKey(
        user_id=token.user_id, key=token.key, fingerprint=token.fingerprint, subject_id=append_id
    )


async def _known_keys(
    session: AsyncSession, entries: Sequence[Entry]
) -> dict[tuple[str, str], IdempotencyKey]:
    """What was started before under the keys of these entries."""
    keys = [entry.token.key for entry in entries if entry.token is not None]
    if not keys:
        return {}
    found = await session.scalars(select(IdempotencyKey).where(col(IdempotencyKey.key).in_(keys)))
    return {(known.user_id, known.key): known for known in found}


async def _locked(session: AsyncSession, job: Job) -> Stream:
    """Lock the stream of a job's dataset and pipeline, which is made where it is missing."""
    statement = select(Stream).where(Stream.id == stream_id(job)).with_for_update(key_share=True)
    if (stream := (await session.scalars(statement)).first()) is None:
        assert job.dataset_id is not None
        stream = Stream(id=stream_id(job), dataset_id=job.dataset_id, pipeline_id=job.pipeline_id)
        session.add(stream)
        await session.flush()
    return stream


async def _open_job(session: AsyncSession, stream: Stream) -> Job | None:
    """Lock the job of the open batch; None where there is none, as its job was canceled."""
    if stream.job_id is None:
        return None
    statement = select(Job).where(Job.id == stream.job_id).with_for_update(key_share=True)
    job = (await session.scalars(statement)).one()
    is_open = job.status is JobStatus.QUEUED and job.due_at == OPEN_UNTIL
    if not is_open:
        stream.job_id = None
    return job if is_open else None


async def _unended(session: AsyncSession, stream: Stream) -> str | None:
    """The job of the batch before the open one, as long as it has not ended."""
    statement = select(Job.id).where(Job.id == stream.sealed_job_id, col(Job.status).not_in(FINAL))
    return (await session.scalars(statement)).first()


def _seal(stream: Stream, job: Job) -> Job:
    """Let the open batch be taken in now; what comes from now on belongs to another one."""
    line_up(job, utc_now())
    stream.sealed_job_id, stream.job_id, stream.opened_at = job.id, None, None
    return job


async def seal_ripe(services: Services, stream_id: str, limits: BatchLimits) -> Pause | None:
    """Seal the open batch of a stream if it is large or old enough and the one before it has ended.

    Answers how long to leave it alone where it is not; None where there is nothing open any more.
    """
    async with services.database.transaction() as session:
        statement = select(Stream).where(Stream.id == stream_id).with_for_update(key_share=True)
        stream = (await session.scalars(statement)).first()
        if stream is None or (job := await _open_job(session, stream)) is None:
            return None
        if (left_s := _seconds_left(stream, limits)) > 0:
            return Pause(left_s)
        if (behind := await _unended(session, stream)) is not None:
            return Pause(LOOK_AGAIN_S, behind)
        _seal(stream, job)
    await services.queue.wake([wake_up(job)])
    return None


def _seconds_left(stream: Stream, limits: BatchLimits) -> float:
    if stream.byte_size >= limits.batch_bytes or stream.opened_at is None:
        return 0.0
    return limits.seconds - (utc_now() - stream.opened_at).total_seconds()


async def seal_all(services: Services, limits: BatchLimits) -> None:
    """Seal what is ripe in all streams: their own processes may have been killed."""
    before = utc_now() - timedelta(seconds=limits.seconds)
    is_old = (col(Stream.job_id).is_not(None), col(Stream.opened_at) <= before)
    async with services.database.read() as session:
        ripe = (await session.scalars(select(Stream.id).where(*is_old).limit(STREAMS_AT_ONCE))).all()
    for found in ripe:
        await seal_ripe(services, found, limits)


async def has_ended(services: Services, job_id: str) -> bool:
    """Tell whether a batch has ended, which the next one waits for."""
    async with services.database.read() as session:
        return await session.scalar(select(Job.status).where(Job.id == job_id)) in FINAL
