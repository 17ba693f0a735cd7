"""Rows of jobs that are read, changed and written many at a time.

Objects of the tables take several times as long to make, to watch and to compare as the queries take themselves:
a worker reads plain copies that have the same attributes, and writes those back in one statement.
"""

from collections.abc import Iterable, Sequence
from functools import cache
from types import SimpleNamespace
from typing import Any, cast

from sqlalchemy import ColumnElement, Select, Table, Update, bindparam, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

from headgate.storage.tables import Attempt, Job, Result


def table_of(kind: type[SQLModel]) -> Table:
    """Look up the table behind a class."""
    return cast(Table, kind.__table__)  # type: ignore[attr-defined]


JOBS, ATTEMPTS, RESULTS = table_of(Job), table_of(Attempt), table_of(Result)
NAMES = tuple(column.name for column in JOBS.c)
COUNTED = ("rows_read", "rows_accepted", "rows_rejected", "rows_filtered", "rows_merged", "warnings")
"""What became of a job's rows."""
CHANGING = (
    "status",
    "attempts",
    "failures",
    "crashes",
    "lease_token",
    "lease_expires_at",
    "last_event",
    "due_at",
    "started_at",
    "finished_at",
    "progress",
    "failure",
    "dataset_version",
    "has_errors",
    *COUNTED,
)
"""What whoever holds a job's lease may change."""
BEGINNING = ("status", "attempts", "lease_token", "lease_expires_at", "last_event", "started_at")
"""Those of them that a claim changes."""
END_ATTEMPT = (
    update(ATTEMPTS)
    .where(ATTEMPTS.c.job_id == bindparam("of_job"), ATTEMPTS.c.number == bindparam("of_number"))
    .values({name: bindparam(name) for name in ("status", "finished_at", "failure")})
)


def select_jobs(*also: Any) -> Select[Any]:
    """Begin a query for jobs, in the order of their ids; `also` are columns behind those of the jobs."""
    return select(*JOBS.c, *also).order_by(JOBS.c.id)


async def lock_jobs(
    session: AsyncSession, condition: ColumnElement[bool], *, skip_locked: bool = False
) -> list[Job]:
    """Lock jobs, in the order of their ids, and read copies of their rows; those that others lock can be left out."""
    connection = await session.connection()
    statement = select_jobs().where(condition).with_for_update(skip_locked=skip_locked, key_share=True)
    found = await connection.execute(statement)
    return [copy_of(row) for row in found]


def copy_of(row: Sequence[Any]) -> Job:
    """Make a copy of a job from a row that begins with its columns; it is watched by no session."""
    return cast(Job, SimpleNamespace(**dict(zip(NAMES, row, strict=False))))


async def write_jobs(session: AsyncSession, jobs: Iterable[Job], names: Sequence[str] = CHANGING) -> None:
    """Write what has changed in these columns of copies whose rows are locked."""
    rows = [{"of": job.id, **{name: getattr(job, name) for name in names}} for job in jobs]
    if rows:
        connection = await session.connection()
        await connection.execute(_writing(tuple(names)), rows)


@cache
def _writing(names: tuple[str, ...]) -> Update:
    return update(JOBS).where(JOBS.c.id == bindparam("of")).values({name: bindparam(name) for name in names})


async def add_attempts(session: AsyncSession, attempts: Sequence[dict[str, Any]]) -> None:
    """Write new attempts, each with id, job_id, number, worker, status and started_at."""
    if attempts:
        connection = await session.connection()
        await connection.execute(insert(ATTEMPTS), attempts)


async def end_attempts(session: AsyncSession, ends: Sequence[dict[str, Any]]) -> None:
    """Write how attempts ended: of_job and of_number say which, then status, finished_at and failure."""
    if ends:
        connection = await session.connection()
        await connection.execute(END_ATTEMPT, ends)


async def add_results(session: AsyncSession, results: Sequence[dict[str, Any]]) -> None:
    """Write new results, with all their columns."""
    if results:
        connection = await session.connection()
        await connection.execute(insert(RESULTS), results)
