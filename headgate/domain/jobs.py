"""Jobs: find them, wait for them, follow their events."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from headgate.domain.pages import Page
from headgate.domain.services import Services
from headgate.storage.tables import Attempt, Job, JobEvent, JobKind, JobStatus, Priority

FINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.PARTIAL, JobStatus.FAILED, JobStatus.CANCELED})
MAX_WAIT_S = 30.0
MAX_EVENTS = 200


class JobOrder(StrEnum):
    """The order of a list of jobs."""

    CREATED_AT_DESC = "CREATED_AT_DESC"
    CREATED_AT_ASC = "CREATED_AT_ASC"


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list; an empty field matches all. `dataset` is a name, the others are ids."""

    ids: Collection[str] | None = None
    kind: Collection[JobKind] = ()
    status: Collection[JobStatus] = ()
    priority: Collection[Priority] = ()
    dataset: str | None = None
    file: str | None = None
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
    raise NotImplementedError


async def get_many(services: Services, job_ids: Collection[str]) -> dict[str, Job]:
    """Find jobs by id, in one query; unknown ids are left out."""
    raise NotImplementedError


async def page(
    services: Services, wanted: JobFilter, order: JobOrder, first: int, after: str | None
) -> Page[Job]:
    """List jobs; raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR)."""
    raise NotImplementedError


async def total(services: Services, wanted: JobFilter) -> int:
    """Count the jobs that the filter matches."""
    raise NotImplementedError


async def attempts_of(services: Services, job_ids: Collection[str]) -> dict[str, list[Attempt]]:
    """Read the attempts of jobs, first to last, in one query; a job without any is left out."""
    raise NotImplementedError


async def counts(services: Services) -> JobCounts:
    """Count the jobs that run and those that wait."""
    raise NotImplementedError


async def wait(services: Services, job_id: str, seconds: float) -> Job:
    """Wait until a job is final, for `seconds` (0 to 30) at most; answers it as it then is.

    Raises UserFault (INVALID_ARGUMENT, INVALID_ID, NOT_FOUND).
    """
    raise NotImplementedError


async def events_after(services: Services, job_id: str, seq: int, limit: int = MAX_EVENTS) -> list[JobEvent]:
    """Read up to `limit` events of a job behind number `seq` (0 for all), in order."""
    raise NotImplementedError


async def watch(services: Services, job_id: str, seq: int = 0) -> AsyncIterator[JobEvent]:
    """Follow a job: every event behind number `seq`, recorded ones first, until the job's last one.

    None is missed and none comes twice. Raises UserFault (INVALID_ID, NOT_FOUND).
    """
    raise NotImplementedError
    yield
