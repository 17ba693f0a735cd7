"""Lists of jobs that other objects have, read for many of these owners at once."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlmodel import col, select

from headgate.domain import jobs
from headgate.domain.jobs import KEYSETS, JobFilter, JobOrder, conditions, listed
from headgate.domain.pages import Page, check_first
from headgate.domain.queries import is_one_of
from headgate.domain.services import Services
from headgate.storage.tables import Job


class Owner(StrEnum):
    """What a list of jobs belongs to; the value is the filter's field that says so."""

    FILE = "file"
    PIPELINE = "pipeline_id"
    PARENT = "parent"
    RETRIED = "retry_of"


COLUMNS: dict[Owner, Any] = {
    Owner.FILE: Job.file_id,
    Owner.PIPELINE: Job.pipeline_id,
    Owner.PARENT: Job.parent_id,
    Owner.RETRIED: Job.retry_of_id,
}


@dataclass(frozen=True, slots=True)
class JobList:
    """The first so many of the jobs that each owner has and that a filter matches, in an order."""

    owner: Owner
    wanted: JobFilter
    order: JobOrder
    first: int

    def filter_of(self, owner_id: str) -> JobFilter:
        """Say the filter of one owner's list."""
        link: dict[str, Any] = {self.owner.value: owner_id}
        return replace(self.wanted, **link)


async def pages(services: Services, owner_ids: Collection[str], wanted: JobList) -> dict[str, Page[Job]]:
    """Read the first page of each owner's list, in one query; an owner without any is left out.

    Raises UserFault (INVALID_ARGUMENT).
    """
    check_first(wanted.first)
    if len(owner_ids) == 1:
        # An index has the rows in order, and the database need not number all of them.
        [owner_id] = owner_ids
        own = wanted.filter_of(owner_id)
        return {owner_id: await jobs.page(services, own, wanted.order, wanted.first, None)}
    return await _first_of_each(services, owner_ids, wanted)


async def totals(services: Services, owner_ids: Collection[str], wanted: JobList) -> dict[str, int]:
    """Count the jobs of each owner's list, in one query; an owner without any is left out."""
    owner = col(COLUMNS[wanted.owner])
    statement = select(owner, func.count()).where(*_conditions(wanted, owner_ids)).group_by(owner)
    async with services.database.read() as session:
        return dict((await session.execute(statement)).all())


async def _first_of_each(
    services: Services, owner_ids: Collection[str], wanted: JobList
) -> dict[str, Page[Job]]:
    owner, keyset = COLUMNS[wanted.owner], KEYSETS[wanted.order]
    place = func.row_number().over(partition_by=owner, order_by=keyset.ordering).label("place")
    numbered = select(col(Job.id), place).where(*_conditions(wanted, owner_ids)).subquery()
    statement = (
        listed()
        .join(numbered, numbered.c.id == col(Job.id))
        .where(numbered.c.place <= wanted.first + 1)
        .order_by(*keyset.ordering)
    )
    found: dict[str, list[Any]] = defaultdict(list)
    async with services.database.read() as session:
        for row in await session.execute(statement):
            found[getattr(row, owner.key)].append(row)
    return {owner_id: Page.cut(rows, wanted.first, keyset.cursor) for owner_id, rows in found.items()}


def _conditions(wanted: JobList, owner_ids: Collection[str]) -> list[ColumnElement[bool]]:
    return [is_one_of(COLUMNS[wanted.owner], owner_ids), *conditions(wanted.wanted)]
