"""What must hold behind all trouble: every job has ended, with its effects once, and everybody was told once."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl
from sqlmodel import col, select

from headgate.domain.happenings import FINAL
from headgate.domain.retry_policy import MAX_CRASHES
from headgate.domain.row_errors import ledger_key
from headgate.storage import datasets
from headgate.storage.database import Database
from headgate.storage.tablefolders import LocalFolder
from headgate.storage.tables import Attempt, Dataset, Job, JobEvent, JobEventType, JobKind, JobStatus
from tests.chaos.follower import Seen
from tests.chaos.load import Accepted, Load

WELL = frozenset({JobStatus.SUCCEEDED, JobStatus.PARTIAL})


@dataclass(frozen=True)
class Record:
    """All that the database says in the end."""

    jobs: dict[str, Job]
    attempts: dict[str, list[Attempt]]
    events: dict[str, list[JobEvent]]
    datasets: list[Dataset]

    @classmethod
    async def read(cls, database: Database) -> "Record":
        attempts, events = defaultdict(list), defaultdict(list)
        async with database.read() as session:
            jobs = {job.id: job for job in await session.scalars(select(Job))}
            for attempt in await session.scalars(select(Attempt).order_by(col(Attempt.number))):
                attempts[attempt.job_id].append(attempt)
            for event in await session.scalars(select(JobEvent).order_by(col(JobEvent.number))):
                events[event.job_id].append(event)
            found = list(await session.scalars(select(Dataset)))
        return cls(jobs, attempts, events, found)


async def unfinished(database: Database) -> int:
    """Count the jobs that have not ended."""
    async with database.read() as session:
        return len((await session.scalars(select(Job.id).where(col(Job.status).not_in(FINAL)))).all())


async def last_number(database: Database) -> int:
    """The number of the newest event that is not coalesced with others."""
    statement = select(JobEvent.number).where(JobEvent.type != JobEventType.PROGRESS)
    async with database.read() as session:
        return max((number for number in await session.scalars(statement) if number is not None), default=0)


def faults_of_jobs(record: Record, accepted: Accepted) -> Iterator[str]:
    """Jobs that are missing, there twice, not ended, ended badly or other than their data says."""
    known = {job_id for ids in [*accepted.jobs.values(), *accepted.batches.values()] for job_id in ids}
    if record.jobs.keys() != known:
        yield f"jobs nobody was told of: {record.jobs.keys() - known}; told of: {known - record.jobs.keys()}"
    for key, ids in [*accepted.jobs.items(), *accepted.batches.items()]:
        if len(ids) > 1:
            yield f"{key} has the jobs {ids}"
    for name, ids in accepted.jobs.items():
        for job in [record.jobs[job_id] for job_id in ids & record.jobs.keys()]:
            yield from _faults_of_job(job, accepted.loads[name])
    for job_id in {job_id for ids in accepted.batches.values() for job_id in ids} & record.jobs.keys():
        if (job := record.jobs[job_id]).status not in WELL:
            yield f"batch {job_id} is {job.status}: {job.failure}"


def _faults_of_job(job: Job, load: Load) -> Iterator[str]:
    if load.is_poison:
        code = job.failure["code"] if job.failure else None
        if (job.status, code, job.crashes) != (JobStatus.FAILED, "CHILD_DIED", MAX_CRASHES):
            yield f"poison {job.id} is {job.status} after {job.crashes} crashes: {code}"
        return
    status = JobStatus.SUCCEEDED if load.rejected is None else JobStatus.PARTIAL
    if job.status is not status:
        yield f"{job.id} is {job.status}, not {status}: {job.failure}"
    counts = (job.rows_read, job.rows_accepted, job.rows_rejected)
    good = len(load.good_rows)
    if counts != (load.rows, good, load.rows - good):
        yield f"{job.id} counts {counts} of {load}"


def faults_of_attempts(record: Record) -> Iterator[str]:
    """Attempts that are not numbered from 1 on, or have not ended, or of which not only the last ended well."""
    for job_id, job in record.jobs.items():
        if job.kind is JobKind.BATCH:
            continue
        attempts = record.attempts[job_id]
        if [attempt.number for attempt in attempts] != list(range(1, job.attempts + 1)):
            yield f"{job_id} has the attempts {[attempt.number for attempt in attempts]} of {job.attempts}"
        statuses = [attempt.status for attempt in attempts]
        if statuses != [JobStatus.FAILED] * (len(attempts) - 1) + [job.status]:
            yield f"{job_id} is {job.status}, its attempts are {statuses}"
        if any(attempt.finished_at is None for attempt in attempts):
            yield f"{job_id} has an attempt without an end"


def faults_of_events(record: Record) -> Iterator[str]:
    """Events that are not numbered without a gap, or don't end with the job's only final status."""
    for job_id, job in record.jobs.items():
        events = record.events[job_id]
        if [event.seq for event in events] != list(range(1, job.last_event + 1)):
            yield f"{job_id} has the events {[event.seq for event in events]} of {job.last_event}"
        ends = [event for event in events if event.status in FINAL]
        if [end.status for end in ends] != [job.status] or ends[0] is not events[-1]:
            yield f"{job_id} is {job.status}, its events end with {[end.status for end in ends]}"


def faults_of_datasets(record: Record, accepted: Accepted, store: Path) -> Iterator[str]:
    """Rows that are missing, there twice or nobody's; versions without their files; ledgers that are missing."""
    for dataset in record.datasets:
        folder = LocalFolder(store / dataset.storage_key)
        if (newest := datasets.latest(folder)) is None:
            yield f"{dataset.name} has no version"
            continue
        loads = [load for load in accepted.loads.values() if load.dataset == dataset.name]
        rows = datasets.scan(folder, newest).select("job", "row").collect()
        yield from (f"{dataset.name}: {fault}" for fault in _faults_of_rows(rows, loads))
        if (dataset.version, dataset.row_count) != (newest.version, newest.row_count):
            yield f"{dataset.name} is at {newest.version}, its row says {dataset.version}"
        for version in range(newest.version + 1):
            for part in datasets.snapshot(folder, version).parts:
                if not (folder.path / part.name).exists():
                    yield f"{dataset.name} lacks {part.name} of version {version}"
    for job in record.jobs.values():
        if job.rows_rejected and job.kind is not JobKind.BATCH:
            ledger = pl.scan_parquet(store / ledger_key(job.id), glob=False)
            if (found := ledger.select(pl.len()).collect().item()) != job.rows_rejected:
                yield f"{job.id} explains {found} of {job.rows_rejected} rejected rows"


def _faults_of_rows(rows: pl.DataFrame, loads: Sequence[Load]) -> Iterator[str]:
    found = rows.group_by("job").agg(pl.len().alias("count"), pl.col("row").sort().alias("rows"))
    by_name = {job: (count, numbers) for job, count, numbers in found.iter_rows()}
    for load in loads:
        count, numbers = by_name.pop(load.name, (0, []))
        if numbers != load.good_rows:
            yield f"{load.name} has {count} rows, {len(set(numbers))} of them different, not {len(load.good_rows)}"
    if by_name:
        yield f"rows of {sorted(by_name)}, which nobody sent"


def faults_of_feed(record: Record, seen: Sequence[Seen]) -> Iterator[str]:
    """Events that did not arrive, or twice, or not in their order; progress may be coalesced."""
    arrived = [event.number for event in seen]
    if arrived != sorted(arrived):
        yield "events came out of their order"
    if twice := [number for number, count in Counter(arrived).items() if count > 1]:
        yield f"events came twice: {twice}"
    told = [event for events in record.events.values() for event in events]
    due = {event.number for event in told if event.type is not JobEventType.PROGRESS}
    if missed := due - set(arrived):
        yield f"events did not come: {sorted(number for number in missed if number is not None)}"
    known = {(event.number, event.job_id, event.type.value, event.status) for event in told}
    if strange := [
        event for event in seen if (event.number, event.job_id, event.type, event.status) not in known
    ]:
        yield f"events that nobody recorded: {strange}"
