"""Looks whether there are events of which the followers in this process were not told."""

from collections.abc import Iterable
from typing import Self

from sqlmodel import col, select

from headgate.domain.event_reader import ALL
from headgate.domain.happenings import EVERY_JOB, topic
from headgate.domain.services import Services
from headgate.storage.tables import JobEvent

LOOK_EVERY_S = 2.0
"""A signal can be lost with whoever would have sent it; the table cannot."""
AT_ONCE = 5000
"""So many numbers of events, which have gaps, are looked through by one query."""


class Lookout:
    """Rouses those who follow a job, or all jobs, where an event has come since the last look.

    One for all followers of a process, so that they needn't look by themselves.
    """

    def __init__(self, services: Services, number: int) -> None:
        self._services = services
        self._number = number

    @classmethod
    async def begin(cls, services: Services) -> Self:
        """Begin behind the newest event: whoever follows from now on reads that by himself."""
        return cls(services, await services.events.newest(ALL))

    async def look(self) -> None:
        """Look once; after trouble the next look covers this one too."""
        newest = await self._services.events.newest(ALL)
        for after in range(self._number, newest, AT_ONCE):
            self._rouse(await self._jobs_within(after, min(after + AT_ONCE, newest)))
        self._number = newest

    async def _jobs_within(self, after: int, upto: int) -> Iterable[str]:
        number = col(JobEvent.number)
        statement = select(JobEvent.job_id).where(number > after, number <= upto).distinct()
        async with self._services.database.read() as session:
            return (await session.scalars(statement)).all()

    def _rouse(self, job_ids: Iterable[str]) -> None:
        for name in (*map(topic, job_ids), EVERY_JOB):
            self._services.signals.rouse(name)
