"""Errors of rows and cells, read from the ledgers of one job or many."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import ColumnElement, or_
from sqlmodel import col, select

from headgate.domain import jobs
from headgate.domain.ids import require_id
from headgate.domain.pages import NUMBER, Page, check_first, decode_cursor, invalid_cursor
from headgate.domain.services import Services
from headgate.storage.ids import is_id
from headgate.storage.ledger import LedgerFilter, count, read_page
from headgate.storage.tables import Job

JOBS_AT_ONCE = 100
"""So many ids of jobs are read from the database at a time."""


@dataclass(frozen=True, slots=True)
class ErrorFilter:
    """Which errors to list; an empty field matches all.

    `job` is an id, `dataset` a name, `severity` ERROR or WARNING; `since` is when the job was made.
    """

    job: str | None = None
    dataset: str | None = None
    code: Sequence[str] = ()
    column: Sequence[str] = ()
    check: Sequence[str] = ()
    severity: str | None = None
    row: int | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class RowError:
    """One fault of a row or a cell. `id` is "<job id>:<0-based number in the job's ledger>"."""

    id: str
    job_id: str
    row: int | None
    line: int | None
    column: str | None
    value: str | None
    code: str
    check: str | None
    severity: str
    message: str
    suggestion: str | None
    record: Any


@dataclass(frozen=True, slots=True)
class Position:
    """Behind which error a page begins: number `number` of a job; -1 is before the first."""

    job_id: str
    number: int = -1


async def page(services: Services, wanted: ErrorFilter, first: int, after: str | None) -> Page[RowError]:
    """List errors: newest job first, within a job in row order. A cursor holds a RowError's id.

    Raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR, INVALID_ID).
    """
    check_first(first)
    begin = _position(after) if after is not None else None
    errors: list[RowError] = []
    async for job_id in _job_ids(services, wanted, begin):
        number = begin.number if begin is not None and begin.job_id == job_id else -1
        path = services.store.path(ledger_key(job_id))
        missing = first + 1 - len(errors)
        errors += await asyncio.to_thread(_read, path, job_id, _in_ledger(wanted), number, missing)
        if len(errors) > first:
            break
    return Page.cut(errors, first)


async def total(services: Services, wanted: ErrorFilter) -> int:
    """Count the errors that the filter matches; opens the ledger of every job that has some."""
    found = 0
    async for job_id in _job_ids(services, wanted, None):
        path = services.store.path(ledger_key(job_id))
        found += await asyncio.to_thread(_count, path, _in_ledger(wanted))
    return found


def ledger_key(job_id: str) -> str:
    """Name the object that holds a job's errors."""
    return f"errors/{job_id}.parquet"


def _position(cursor: str) -> Position:
    job_id, _, number = decode_cursor(cursor).rpartition(":")
    if not is_id(job_id, "job") or not NUMBER.fullmatch(number):
        raise invalid_cursor()
    return Position(job_id, int(number))


async def _job_ids(services: Services, wanted: ErrorFilter, begin: Position | None) -> AsyncIterator[str]:
    """Find the jobs that have errors, newest first, from the position's job on."""
    conditions = _job_conditions(wanted)
    upto = [col(Job.id) <= begin.job_id] if begin is not None else []
    while True:
        statement = select(Job.id).where(*conditions, *upto).order_by(col(Job.id).desc()).limit(JOBS_AT_ONCE)
        async with services.database.read() as session:
            found = list((await session.scalars(statement)).all())
        for job_id in found:
            yield job_id
        if len(found) < JOBS_AT_ONCE:
            return
        upto = [col(Job.id) < found[-1]]


def _job_conditions(wanted: ErrorFilter) -> list[ColumnElement[bool]]:
    if wanted.job is not None:
        require_id(wanted.job, "job", ("filter", "job"))
    of_jobs = jobs.JobFilter(
        ids=[wanted.job] if wanted.job is not None else None,
        dataset=wanted.dataset,
        created_after=wanted.since,
    )
    return [or_(col(Job.rows_rejected) > 0, col(Job.warnings) > 0), *jobs.conditions(of_jobs)]


def _in_ledger(wanted: ErrorFilter) -> LedgerFilter:
    return LedgerFilter(wanted.code, wanted.column, wanted.check, wanted.severity, wanted.row)


def _read(path: Path, job_id: str, wanted: LedgerFilter, after: int, first: int) -> list[RowError]:
    if not path.exists():
        return []
    found = read_page(path, wanted, after=after, first=first)
    return [_row_error(job_id, line) for line in found.iter_rows(named=True)]


def _row_error(job_id: str, line: dict[str, Any]) -> RowError:
    number, record = line.pop("number"), line.pop("record")
    return RowError(
        id=f"{job_id}:{number}",
        job_id=job_id,
        record=orjson.loads(record) if record is not None else None,
        **line,
    )


def _count(path: Path, wanted: LedgerFilter) -> int:
    return count(path, wanted) if path.exists() else 0
