"""The pace of a subscription: its client says how often PROGRESS may come."""

import asyncio
from collections.abc import AsyncGenerator
from time import monotonic

from headgate.domain.event_reader import Told
from headgate.storage.tables import JobEventType


async def paced(events: AsyncGenerator[Told, None], interval_s: float) -> AsyncGenerator[Told, None]:
    """Pass events on at the pace of an interval; closes `events` when it ends itself."""
    pace, source = Pace(interval_s), Source(events)
    try:
        while not source.has_ended:
            told = await source.next(pace.wait_s)
            for passing in pace.take(told) if told else pace.release():
                yield passing
    finally:
        await source.close()


class Pace:
    """Lets events pass in order, PROGRESS at most once per interval; of those held only each job's newest is kept."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._held: dict[str, Told] = {}
        self._due = monotonic()

    @property
    def wait_s(self) -> float | None:
        """Say for how long the held events have to wait; None where none is held."""
        return max(self._due - monotonic(), 0) if self._held else None

    def take(self, told: Told) -> list[Told]:
        """Take an event and answer what may pass now, in order."""
        if told.event.type is JobEventType.PROGRESS:
            self._held.pop(told.event.job_id, None)
            self._held[told.event.job_id] = told
            return self.release() if self.wait_s == 0 else []
        return [*self.release(), told]

    def release(self) -> list[Told]:
        """Let the held events pass."""
        if not self._held:
            return []
        passing, self._held, self._due = list(self._held.values()), {}, monotonic() + self._interval_s
        return passing


class Source:
    """Reads events one by one; what is not there in time is there at a later reading."""

    def __init__(self, events: AsyncGenerator[Told, None]) -> None:
        self._events = events
        self._reading: asyncio.Task[Told | None] | None = None
        self.has_ended = False

    async def next(self, timeout_s: float | None) -> Told | None:
        """Read the next event; None where it is not there in time, and at the end."""
        if timeout_s is None and self._reading is None:
            return await self._read()
        # A reading that is cut off would end the generator: it goes on in a task.
        self._reading = self._reading or asyncio.create_task(self._read())
        done, _ = await asyncio.wait({self._reading}, timeout=timeout_s)
        if not done:
            return None
        reading, self._reading = self._reading, None
        return reading.result()

    async def close(self) -> None:
        """Read no more, and close the generator."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        await self._events.aclose()

    async def _read(self) -> Told | None:
        told = await anext(self._events, None)
        self.has_ended = told is None
        return told
