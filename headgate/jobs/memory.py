"""Queue and signals within one process: for a server that runs its jobs itself."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class InProcessQueue:
    """Hands ids of due jobs to the workers of this process, first come first served; each waits once."""

    def __init__(self) -> None:
        self._waiting: dict[str, None] = {}
        self._changed = asyncio.Condition()
        self._closed = False

    async def wake(self, job_id: str) -> None:
        """Put a job in line, unless it waits there already."""
        async with self._changed:
            self._waiting[job_id] = None
            self._changed.notify()

    async def take(self) -> str | None:
        """Wait for the next job; None once the queue is closed."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._waiting or self._closed)
            if self._closed:
                return None
            job_id = next(iter(self._waiting))
            del self._waiting[job_id]
            return job_id

    async def close(self) -> None:
        """Hand out nothing any more; whoever waits is told."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()


class InProcessListener:
    """Hears one topic of InProcessSignals."""

    def __init__(self) -> None:
        self._notified = asyncio.Event()

    def notify(self) -> None:
        """End the wait that is under way, or else the next one."""
        self._notified.set()

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the topic is notified; False where the time ran out.

        What was notified since the last wait, or since the listening began, counts at once.
        """
        with suppress(TimeoutError):
            await asyncio.wait_for(self._notified.wait(), timeout_s)
        was_notified = self._notified.is_set()
        self._notified.clear()
        return was_notified


class InProcessSignals:
    """Tells listeners in this process; a topic without any costs nothing."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, set[InProcessListener]] = defaultdict(set)

    def notify(self, topic: str) -> None:
        """Wake every listener of the topic."""
        for listener in self._listeners.get(topic, ()):
            listener.notify()

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncIterator[InProcessListener]:
        """Listen to a topic for as long as the block lasts."""
        listener = InProcessListener()
        self._listeners[topic].add(listener)
        try:
            yield listener
        finally:
            self._listeners[topic].remove(listener)
            if not self._listeners[topic]:
                del self._listeners[topic]
