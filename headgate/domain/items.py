"""The items of jobs of mappings: how far each is, and what they come to together."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain.pages import (
    NUMBER,
    Keyset,
    Page,
    decode_cursor,
    encode_cursor,
    invalid_cursor,
    read_page,
)
from headgate.domain.queries import count_rows
from headgate.domain.services import Services
from headgate.errors import JobFault
from headgate.storage.items_of_jobs import end_items
from headgate.storage.tables import ItemStatus, Job, JobItem, JobKind

ItemResult = dict[str, Any]
"""What became of one item: its position, then status, attempts, response and failure."""
Tally = Mapping[ItemStatus, int]
"""How many items of a job have which status."""
LARGEST_POSITION = 2**31 - 1


async def page(
    services: Services, job_id: str, status: ItemStatus | None, first: int, after: str | None
) -> Page[JobItem]:
    """List the items of a job, in their order. Raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR)."""
    statement = select(JobItem).where(*_conditions(job_id, status))
    return await read_page(services.database, statement, BY_POSITION, first=first, after=after)


async def total(services: Services, job_id: str, status: ItemStatus | None) -> int:
    """Count the items of a job, all or those with one status."""
    return await count_rows(services.database, JobItem, _conditions(job_id, status))


async def read_items(services: Services, job_id: str, statuses: Collection[ItemStatus]) -> Sequence[JobItem]:
    """Read all items of a job that have one of these statuses, in their order."""
    wanted = (JobItem.job_id == job_id, col(JobItem.status).in_(statuses))
    statement = select(JobItem).where(*wanted).order_by(col(JobItem.position))
    async with services.database.read() as session:
        return (await session.scalars(statement)).all()


async def tally_of(services: Services, job_id: str) -> Tally:
    """Count the items of a job."""
    async with services.database.read() as session:
        return (await _tallies(session, [job_id]))[job_id]


async def record(
    session: AsyncSession, ended: Iterable[tuple[Job, Sequence[ItemResult]]]
) -> dict[str, Tally]:
    """Write what became of items, and count those of each job of mappings, by its id."""
    results = {job.id: of_job for job, of_job in ended if job.kind is JobKind.MAPPING}
    for job_id, of_job in results.items():
        await end_items(session, job_id, of_job)
    return await _tallies(session, results.keys()) if results else {}


async def _tallies(session: AsyncSession, ids: Collection[str]) -> dict[str, Tally]:
    statement = (
        select(JobItem.job_id, JobItem.status, func.count())
        .where(col(JobItem.job_id).in_(ids))
        .group_by(col(JobItem.job_id), col(JobItem.status))
    )
    found: dict[str, Tally] = {job_id: {} for job_id in ids}
    for job_id, status, count in await session.execute(statement):
        found[job_id] = {**found[job_id], ItemStatus(status): count}
    return found


def counts_of(tally: Tally) -> dict[str, int]:
    """Count items as rows: those that were carried out are read, and accepted or rejected."""
    accepted, rejected = tally.get(ItemStatus.SUCCEEDED, 0), tally.get(ItemStatus.FAILED, 0)
    return {
        "read": accepted + rejected,
        "accepted": accepted,
        "rejected": rejected,
        "filtered": 0,
        "merged": 0,
        "warnings": 0,
    }


def outcome_of(tally: Tally) -> dict[str, Any] | JobFault:
    """What came of a job whose items have all been carried out: a result, unless all of them failed."""
    counts = counts_of(tally)
    if pending := tally.get(ItemStatus.PENDING, 0):
        return JobFault("ITEMS_MISSING", f"{pending} items were not carried out.", "SYSTEM", retryable=True)
    if counts["rejected"] and not counts["accepted"]:
        message = "Every item failed: `items` says why each did."
        return JobFault("ALL_ITEMS_FAILED", message, "DEPENDENCY")
    return {"counts": counts, "errors": 0, "report": {"items": counts["read"]}}


def _conditions(job_id: str, status: ItemStatus | None) -> list[ColumnElement[bool]]:
    of_job = [col(JobItem.job_id) == job_id]
    return of_job if status is None else [*of_job, col(JobItem.status) == status]


def _cursor(item: JobItem) -> str:
    return encode_cursor(str(item.position))


def _position(cursor: str) -> tuple[int]:
    said = decode_cursor(cursor)
    if not NUMBER.fullmatch(said) or int(said) > LARGEST_POSITION:
        raise invalid_cursor()
    return (int(said),)


BY_POSITION: Keyset[JobItem] = Keyset((JobItem.position,), _cursor, _position)
