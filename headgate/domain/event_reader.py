"""Reads events for all followers of this process: those that want the same at the same time share one query."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from headgate.domain.grouping import Grouped
from headgate.storage.database import Database
from headgate.storage.tables import Job, JobEvent

MAX_EVENTS = 200
AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Told:
    """An event, and its job as it was when the event was read: maybe further than the event."""

    event: JobEvent
    job: Job

    @property
    def number(self) -> int:
        """The event's number among those of all jobs."""
        assert self.event.number is not None
        return self.event.number


@dataclass(frozen=True, slots=True)
class Scope:
    """Which events somebody follows; equal names stand for equal conditions."""

    name: str
    conditions: Sequence[ColumnElement[bool]] = field(compare=False)


ALL = Scope("", ())
"""The events of all jobs."""


class EventReader:
    """Reads what comes behind a number, in order; up to 200 events at a time."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._read = Grouped(self._read_all, limit=AT_ONCE)

    async def after(self, scope: Scope, number: int) -> Sequence[Told]:
        """Read the events of a scope behind a number."""
        return await self._read((scope, number))

    async def newest(self, scope: Scope) -> int:
        """Tell the number of a scope's newest event; 0 where there is none."""
        # A maximum over a join would be looked for among all of them.
        statement = (
            select(JobEvent.number)
            .join(Job)
            .where(*scope.conditions)
            .order_by(col(JobEvent.number).desc())
            .limit(1)
        )
        async with self._database.read() as session:
            return (await session.scalars(statement)).first() or 0

    async def is_behind(self, scope: Scope, number: int, limit: int) -> bool:
        """Tell whether more than `limit` events of a scope come behind a number."""
        statement = (
            select(JobEvent.number)
            .join(Job)
            .where(col(JobEvent.number) > number, *scope.conditions)
            .order_by(col(JobEvent.number))
            .offset(limit)
            .limit(1)
        )
        async with self._database.read() as session:
            return (await session.scalars(statement)).first() is not None

    async def _read_all(self, wanted: Sequence[tuple[Scope, int]]) -> list[Sequence[Told]]:
        found = {each: await self._read_one(*each) for each in dict.fromkeys(wanted)}
        return [found[each] for each in wanted]

    async def _read_one(self, scope: Scope, number: int) -> Sequence[Told]:
        statement = (
            select(JobEvent, Job)
            .join(Job)
            .where(col(JobEvent.number) > number, *scope.conditions)
            .order_by(col(JobEvent.number))
            .limit(MAX_EVENTS)
        )
        async with self._database.read() as session:
            return [Told(event, job) for event, job in await session.execute(statement)]
