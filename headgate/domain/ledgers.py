"""Which jobs have errors, and where those lie that are still open."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple, ParamSpec, TypeVar

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from headgate.domain import jobs
from headgate.domain.ids import require_id
from headgate.domain.services import Services
from headgate.storage.open_errors import LedgerFilter, OpenErrors
from headgate.storage.tables import Job

JOBS_AT_ONCE = 100
"""So many jobs are read from the database at a time."""
READERS = ThreadPoolExecutor(4, thread_name_prefix="ledger")
"""Ledgers are read in threads of their own: however many are asked for, few are read at once, and no others wait."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ErrorFilter:
    """Which errors to list; an empty field matches all.

    `job` is an id, `pipeline` and `dataset` are names, `severity` ERROR or WARNING; `since` is when the job was made,
    or before.
    """

    job: str | None = None
    pipeline: str | None = None
    dataset: str | None = None
    code: Sequence[str] = ()
    column: Sequence[str] = ()
    check: Sequence[str] = ()
    severity: str | None = None
    row: int | None = None
    since: datetime | None = None

    def in_ledger(self) -> LedgerFilter:
        """What it asks of the errors of one job."""
        return LedgerFilter(self.code, self.column, self.check, self.severity, self.row)

    def of_jobs(self) -> list[ColumnElement[bool]]:
        """What it asks of jobs, in SQL; raises UserFault (INVALID_ID)."""
        if self.job is not None:
            require_id(self.job, "job", ("filter", "job"))
        ids = [self.job] if self.job is not None else None
        since = [col(Job.created_at) >= self.since] if self.since is not None else []
        wanted = jobs.JobFilter(ids=ids, pipeline=self.pipeline, dataset=self.dataset)
        return [*jobs.conditions(wanted), *since]


class JobErrors(NamedTuple):
    """The open errors of a job."""

    job_id: str
    errors: OpenErrors


def ledger_key(job_id: str) -> str:
    """Name the object that holds the errors that a job found."""
    return f"errors/{job_id}.parquet"


def resolved_key(job_id: str) -> str:
    """Name the object that holds the rows of earlier jobs that a job resolved: one column, `row`."""
    return f"resolved/{job_id}.parquet"


async def with_errors(
    services: Services, conditions: Sequence[ColumnElement[bool]], *, upto: str | None = None
) -> AsyncIterator[JobErrors]:
    """Find the jobs that have errors and meet the conditions, newest first, beginning with the id `upto`."""
    behind = [col(Job.id) <= upto] if upto is not None else []
    while True:
        statement = (
            select(Job.id, Job.resolved_by)
            .where(col(Job.has_errors), *conditions, *behind)
            .order_by(col(Job.id).desc())
            .limit(JOBS_AT_ONCE)
        )
        async with services.database.read() as session:
            found = list(await session.execute(statement))
        for job_id, resolved_by in found:
            yield JobErrors(job_id, open_errors(services, job_id, resolved_by))
        if len(found) < JOBS_AT_ONCE:
            return
        behind = [col(Job.id) < found[-1][0]]


def open_errors(services: Services, job_id: str, resolved_by: Sequence[str]) -> OpenErrors:
    """Find the errors of a job but for those that these jobs have resolved."""
    at = services.store.location
    return OpenErrors(at(ledger_key(job_id)), [at(resolved_key(later)) for later in resolved_by])


async def reading(read: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Read from a ledger, without keeping others waiting."""
    return await asyncio.get_running_loop().run_in_executor(READERS, partial(read, *args, **kwargs))
