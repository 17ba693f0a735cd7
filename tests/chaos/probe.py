"""Tells how slow the machine is: on a busy one every step of Headgate waits as well."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from headgate.jobs.waiting import is_set_within
from headgate.storage.database import Database
from headgate.storage.tables import Turn, utc_now

PAUSE = timedelta(seconds=0.2)
NAME = "probe"


@dataclass(frozen=True)
class Sample:
    """How much longer than its pause it took to write one row."""

    start: datetime
    end: datetime

    @property
    def lag(self) -> timedelta:
        return self.end - self.start - PAUSE


@dataclass
class Probe:
    """Writes a row of the database that all share, again and again, and takes the time."""

    database: Database
    samples: list[Sample] = field(default_factory=list)
    is_over: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Write until it is over; to cancel this in the middle of a write would leave a connection open."""
        while not self.is_over.is_set():
            start = utc_now()
            await is_set_within(self.is_over, PAUSE.total_seconds())
            async with self.database.transaction() as session:
                await session.merge(Turn(name=NAME))
            self.samples.append(Sample(start, utc_now()))

    @property
    def longest(self) -> timedelta:
        """The longest that a step took."""
        return max((each.lag for each in self.samples), default=timedelta())

    def lag(self, start: datetime, end: datetime) -> timedelta:
        """The longest that a step took between two moments."""
        found = [each.lag for each in self.samples if each.start < end and each.end > start]
        return max(found, default=timedelta())
