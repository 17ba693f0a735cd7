"""Events of jobs: follow those of one job, or of all that a filter matches.

A follower reads them from the database at its own pace, so that nothing is kept for one that is slow. It reads when
it is woken: by a signal, or by the Lookout of its process where the signal was lost.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from time import monotonic

from headgate.domain.event_reader import ALL, MAX_EVENTS, Scope, Told
from headgate.domain.happenings import EVERY_JOB, FINAL, topic
from headgate.domain.jobs import JobFilter, conditions, require_job
from headgate.domain.pages import NUMBER, decode_cursor, encode_cursor, invalid_cursor
from headgate.domain.ports import Listener
from headgate.domain.services import Services
from headgate.storage.tables import JobEvent, JobEventType, utc_now

MAX_BEHIND = 1000
"""A follower that was up to date and has fallen behind by more events than this is told so, and misses some."""
FEED_INTERVAL_S = 0.05
"""The feed of all jobs is read no more often: something happens all the time."""
LAGGED = "Too slow: events were left out here. Read them from this cursor on, with `after`."


async def watch(services: Services, job_id: str, after: int = 0) -> AsyncGenerator[Told, None]:
    """Follow a job: its events behind a number, recorded ones first, until its last one.

    None is missed and none comes twice, but for one that is very slow: it gets LAGGED, and goes on near the newest.
    Raises UserFault (INVALID_ID, NOT_FOUND).
    """
    await require_job(services, job_id)
    scope = Scope.of_job(job_id)
    async with services.signals.listen(topic(job_id)) as listener:
        follower = Follower(services, scope, after)
        while True:
            async with aclosing(follower.read()) as events:
                async for told in events:
                    yield told
                    if is_last(told.event) and told.event.seq >= told.job.last_event:
                        return
            # Whoever has seen any event will see the last one too.
            if follower.number == after and await _has_ended(services, scope, job_id, after):
                return
            await listener.wait()


async def feed(services: Services, wanted: JobFilter, after: int | None = None) -> AsyncGenerator[Told, None]:
    """Follow all jobs that a filter matches, from now on or from behind a number; never ends by itself."""
    scope = Scope(repr(wanted), conditions(wanted))
    async with services.signals.listen(EVERY_JOB) as listener:
        number = await services.events.newest(ALL) if after is None else after
        follower = Follower(services, scope, number)
        while True:
            began = monotonic()
            async with aclosing(follower.read()) as events:
                async for told in events:
                    yield told
            await _wait(listener, began)


@dataclass(slots=True)
class Follower:
    """Where one follower stands: behind event `number`."""

    services: Services
    scope: Scope
    number: int
    was_up_to_date: bool = False

    async def read(self) -> AsyncGenerator[Told, None]:
        """Read on until nothing more is there."""
        reader = self.services.events
        while True:
            page = await reader.after(self.scope, self.number)
            is_full = len(page) == MAX_EVENTS
            if (
                is_full
                and self.was_up_to_date
                and await reader.is_behind(self.scope, self.number, MAX_BEHIND)
            ):
                yield _lagged(page[0], self.number)
                self.number = max(await reader.newest(self.scope) - 1, self.number)
                continue
            for place, told in enumerate(page):
                if place:
                    # Whoever reads a long past must not keep all others waiting.
                    await asyncio.sleep(0)
                self.number = told.number
                yield told
            if not is_full:
                self.was_up_to_date = True
                return


def is_last(event: JobEvent) -> bool:
    """Tell whether no event of its job comes behind this one, unless its rejected rows are taken up later."""
    return event.type is JobEventType.STATUS and event.status in FINAL


def event_cursor(event: JobEvent) -> str:
    """Make the opaque cursor of an event, from which every list and subscription of events can go on."""
    return encode_cursor(str(event.number))


def decode_event_cursor(cursor: str) -> int:
    """Read the number of an event from its cursor; raises UserFault (INVALID_CURSOR)."""
    number = decode_cursor(cursor)
    if not NUMBER.fullmatch(number):
        raise invalid_cursor()
    return int(number)


def _lagged(next_told: Told, number: int) -> Told:
    event = JobEvent(
        number=number,
        job_id=next_told.event.job_id,
        seq=next_told.event.seq,
        type=JobEventType.LAGGED,
        at=utc_now(),
        message=LAGGED,
    )
    return Told(event, next_told.job)


async def _has_ended(services: Services, scope: Scope, job_id: str, number: int) -> bool:
    """Whether a job has no event behind this one and will have none."""
    if (await require_job(services, job_id)).status not in FINAL:
        return False
    # Its last event was committed together with its status: by now it can be read.
    return not await services.events.after(scope, number)


async def _wait(listener: Listener, began: float) -> None:
    await listener.wait()
    await asyncio.sleep(max(began + FEED_INTERVAL_S - monotonic(), 0))
