"""Jobs: find them, wait for them."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from time import monotonic
from typing import cast

from sqlalchemy import ColumnElement, and_, false, func
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from headgate.domain.happenings import FINAL, WAITING, topic
from headgate.domain.ids import is_storable, require_id
from headgate.domain.pages import Keyset, Page, moment_cursor, moment_position, read_page
from headgate.domain.queries import by_id, by_ids, count_rows, is_one_of
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.rows_of_jobs import table_of
from headgate.storage.tables import Attempt, Dataset, Job, JobKind, JobStatus, Pipeline, Priority

MAX_WAIT_S = 30.0
# A signal can be lost with whoever would have sent it; the table cannot.
LOOK_AGAIN_S = 5.0


class JobOrder(StrEnum):
    """The order of a list of jobs."""

    CREATED_AT_DESC = "CREATED_AT_DESC"
    CREATED_AT_ASC = "CREATED_AT_ASC"
    PRIORITY = "PRIORITY"


WORKERS_OWN = frozenset(
    {
        "spec",
        "resolved_by",
        "position",
        "attempts",
        "failures",
        "crashes",
        "cancel",
        "lease_token",
        "lease_expires_at",
        "last_event",
        "due_at",
    }
)
"""Columns that no list shows: to read them takes a tenth of the time of a page."""
LISTED = [column for column in table_of(Job).c if column.name not in WORKERS_OWN]


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list; an empty field matches all.

    `dataset` and `pipeline` are names, the other single texts are ids.
    """

    ids: Collection[str] | None = None
    kind: Collection[JobKind] = ()
    status: Collection[JobStatus] = ()
    priority: Collection[Priority] = ()
    pipeline: str | None = None
    pipeline_id: str | None = None
    dataset: str | None = None
    file: str | None = None
    parent: str | None = None
    retry_of: str | None = None
    created_by: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class JobCounts:
    """How many jobs run, and how many wait."""

    active: int
    queued: int


async def get(services: Services, job_id: str) -> Job | None:
    """Find a job; raises UserFault (INVALID_ID) for what is no job's id."""
    require_id(job_id, "job")
    return await by_id(services.database, Job, job_id)


async def get_many(services: Services, job_ids: Collection[str]) -> dict[str, Job]:
    """Find jobs by id, in one query; unknown ids are left out."""
    return await by_ids(services.database, Job, job_ids)


async def page(
    services: Services, wanted: JobFilter, order: JobOrder, first: int, after: str | None
) -> Page[Job]:
    """List jobs, without their specs and what only workers need.

    Raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR).
    """
    statement = listed().where(*conditions(wanted))
    return await read_page(services.database, statement, KEYSETS[order], first=first, after=after)


def listed() -> SelectOfScalar[Job]:
    """Begin a query for plain rows of jobs, with the columns that lists show."""
    return cast(SelectOfScalar[Job], select(Job).with_only_columns(*LISTED))


async def total(services: Services, wanted: JobFilter) -> int:
    """Count the jobs that the filter matches."""
    return await count_rows(services.database, Job, conditions(wanted))


async def attempts_of(services: Services, job_ids: Collection[str]) -> dict[str, list[Attempt]]:
    """Read the attempts of jobs, first to last, in one query; a job without any is left out."""
    statement = select(Attempt).where(is_one_of(Attempt.job_id, job_ids)).order_by(col(Attempt.number))
    attempts: dict[str, list[Attempt]] = defaultdict(list)
    async with services.database.read() as session:
        for attempt in await session.scalars(statement):
            attempts[attempt.job_id].append(attempt)
    return dict(attempts)


async def counts(services: Services) -> JobCounts:
    """Count the jobs that run and those that wait; a batch is neither, its children are."""
    unfinished = and_(col(Job.status).in_([JobStatus.RUNNING, *WAITING]), col(Job.kind) != JobKind.BATCH)
    statement = select(Job.status, func.count()).where(unfinished).group_by(col(Job.status))
    async with services.database.read() as session:
        found = dict((await session.execute(statement)).all())
    return JobCounts(found.get(JobStatus.RUNNING, 0), sum(found.get(status, 0) for status in WAITING))


async def wait(services: Services, job_id: str, seconds: float) -> Job:
    """Wait until a job is final, for `seconds` (0 to 30) at most; answers it as it then is.

    Raises UserFault (INVALID_ARGUMENT, INVALID_ID, NOT_FOUND).
    """
    check_wait(seconds)
    deadline = monotonic() + seconds
    async with services.signals.listen(topic(job_id)) as listener:
        while (job := await require_job(services, job_id)).status not in FINAL:
            if (left_s := deadline - monotonic()) <= 0:
                break
            await listener.wait(min(left_s, LOOK_AGAIN_S))
    return job


def check_wait(seconds: float) -> None:
    """Raise UserFault (INVALID_ARGUMENT) for a wait that is not from 0 to 30 seconds."""
    if not 0 <= seconds <= MAX_WAIT_S:
        message = f"waitSeconds must be from 0 to {MAX_WAIT_S:g}; it is {seconds:g}."
        raise UserFault("INVALID_ARGUMENT", message, ("waitSeconds",))


async def require_job(services: Services, job_id: str, path: tuple[str, ...] = ("jobId",)) -> Job:
    """Find a job; raises UserFault (INVALID_ID, NOT_FOUND)."""
    require_id(job_id, "job", path)
    if (job := await by_id(services.database, Job, job_id)) is None:
        raise UserFault("NOT_FOUND", f"There is no job {job_id}.", path)
    return job


def conditions(wanted: JobFilter) -> list[ColumnElement[bool]]:
    """Say the filter in SQL."""
    return [*_choices(wanted), *_links(wanted), *_times(wanted)]


def _choices(wanted: JobFilter) -> list[ColumnElement[bool]]:
    chosen = ((Job.kind, wanted.kind), (Job.status, wanted.status), (Job.priority, wanted.priority))
    return [col(column).in_(values) for column, values in chosen if values]


def _links(wanted: JobFilter) -> list[ColumnElement[bool]]:
    named = (
        (Job.pipeline_id, wanted.pipeline_id),
        (Job.file_id, wanted.file),
        (Job.parent_id, wanted.parent),
        (Job.retry_of_id, wanted.retry_of),
        (Job.created_by_id, wanted.created_by),
    )
    found = [is_one_of(column, [value]) for column, value in named if value is not None]
    if wanted.ids is not None:
        found.append(is_one_of(Job.id, wanted.ids))
    if wanted.dataset is not None:
        found.append(_is_of(Job.dataset_id, Dataset, wanted.dataset))
    if wanted.pipeline is not None:
        found.append(_is_of(Job.pipeline_id, Pipeline, wanted.pipeline))
    return found


def _is_of(column: str | None, table: type[Dataset] | type[Pipeline], name: str) -> ColumnElement[bool]:
    """Match jobs that are linked to the row of this name."""
    if not is_storable(name):
        return false()
    return col(column).in_(select(table.id).where(table.name == name))


def _times(wanted: JobFilter) -> list[ColumnElement[bool]]:
    found = []
    if wanted.created_after is not None:
        found.append(col(Job.created_at) > wanted.created_after)
    if wanted.created_before is not None:
        found.append(col(Job.created_at) < wanted.created_before)
    return found


def _rank_cursor(job: Job) -> str:
    return moment_cursor(job.rank_at, job.id)


def _rank_position(cursor: str) -> tuple[datetime, str]:
    return moment_position(cursor, "job")


KEYSETS: Mapping[JobOrder, Keyset[Job]] = {
    JobOrder.CREATED_AT_DESC: Keyset.by_id(Job.id, "job"),
    JobOrder.CREATED_AT_ASC: Keyset.by_id(Job.id, "job", newest_first=False),
    JobOrder.PRIORITY: Keyset((Job.rank_at, Job.id), _rank_cursor, _rank_position),
}
