"""Reads events for all followers of this process: those that want the same at the same time share one query."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Self

from sqlalchemy import ColumnElement, Select, and_, or_, select
from sqlmodel import col

from headgate.domain.grouping import Grouped
from headgate.storage.database import Database
from headgate.storage.tables import Job, JobEvent

MAX_EVENTS = 200
AT_ONCE = 1000
JOBS_TOGETHER = 100
"""Behind so many numbers, each of some job, one query looks."""
EVENTS_TOGETHER = 1000


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
    """Which events somebody follows; equal names stand for equal conditions. Those of one job come together."""

    name: str
    conditions: Sequence[ColumnElement[bool]] = field(compare=False)
    job_id: str | None = None

    @classmethod
    def of_job(cls, job_id: str) -> Self:
        """Name all events of one job."""
        return cls(job_id, [col(JobEvent.job_id) == job_id], job_id)


ALL = Scope("", ())
"""The events of all jobs."""
Place = tuple[Scope, int]
"""Whoever stands here wants the events of a scope that come behind a number."""
EVENTS = select(JobEvent, Job).join(Job)


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
            select(col(JobEvent.number))
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
            select(col(JobEvent.number))
            .join(Job)
            .where(col(JobEvent.number) > number, *scope.conditions)
            .order_by(col(JobEvent.number))
            .offset(limit)
            .limit(1)
        )
        async with self._database.read() as session:
            return (await session.scalars(statement)).first() is not None

    async def _read_all(self, wanted: Sequence[Place]) -> list[Sequence[Told]]:
        places = dict.fromkeys(wanted)
        of_jobs = [(scope, number) for scope, number in places if scope.job_id is not None]
        found = {place: await self._read_one(place) for place in places if place[0].job_id is None}
        for first in range(0, len(of_jobs), JOBS_TOGETHER):
            found |= await self._read_together(of_jobs[first : first + JOBS_TOGETHER])
        return [found[place] for place in wanted]

    async def _read_one(self, place: Place) -> Sequence[Told]:
        statement = EVENTS.where(_behind(place)).order_by(col(JobEvent.number)).limit(MAX_EVENTS)
        return await self._told(statement)

    async def _read_together(self, places: Sequence[Place]) -> dict[Place, Sequence[Told]]:
        """Read the events of jobs; where they are too many for one query, in halves."""
        if len(places) == 1:
            return {places[0]: await self._read_one(places[0])}
        # In no order: for the sake of one, a database may go through the events of all jobs.
        told = await self._told(EVENTS.where(or_(*map(_behind, places))).limit(EVENTS_TOGETHER))
        if len(told) < EVENTS_TOGETHER:
            return _shared_out(told, places)
        half = len(places) // 2
        return await self._read_together(places[:half]) | await self._read_together(places[half:])

    async def _told(self, statement: Select[JobEvent, Job]) -> list[Told]:
        async with self._database.read() as session:
            return [Told(event, job) for event, job in await session.execute(statement)]


def _behind(place: Place) -> ColumnElement[bool]:
    scope, number = place
    return and_(col(JobEvent.number) > number, *scope.conditions)


def _shared_out(told: Sequence[Told], places: Sequence[Place]) -> dict[Place, Sequence[Told]]:
    """Give each place its own, in order."""
    of_job: defaultdict[str | None, list[Told]] = defaultdict(list)
    for each in sorted(told, key=attrgetter("number")):
        of_job[each.event.job_id].append(each)
    return {
        (scope, number): [each for each in of_job[scope.job_id] if each.number > number][:MAX_EVENTS]
        for scope, number in places
    }
