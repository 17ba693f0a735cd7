"""Queue and signals within one process: for a server that runs its jobs itself."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from heapq import heappop, heappush

from headgate.domain.ports import WakeUp
from headgate.jobs.consumer import Handle, Handles
from headgate.jobs.waiting import is_set_within


class InProcessQueue:
    """Hands ids of due jobs to the workers of this process, the one that is due longest first."""

    def __init__(self) -> None:
        self._line: list[tuple[datetime, int, WakeUp]] = []
        self._waiting: set[tuple[str, int]] = set()
        self._entered = 0
        self._changed = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    async def wake(self, wakeups: Sequence[WakeUp]) -> int:
        """Put jobs in line that do not wait there under this dispatch; answers how many."""
        before = self._entered
        for wakeup in wakeups:
            self._enter(wakeup)
        self._changed.set()
        return self._entered - before

    async def missing(self, wakeups: Sequence[WakeUp]) -> Sequence[WakeUp]:
        """Tell which of these do not wait in line."""
        return [each for each in wakeups if (each.job_id, each.dispatch) not in self._waiting]

    async def ping(self) -> None:
        """Do nothing: the line is in this process."""

    async def take(self) -> str | None:
        """Wait for the next job that is due; None once the queue is closed."""
        while not self._closed:
            self._changed.clear()
            if (job_id := self._leave()) is not None:
                return job_id
            self._set_timer()
            await self._changed.wait()
        return None

    async def consume(self, handle: Handle, *, concurrency: int) -> None:
        """Hand out ids of due jobs, up to `concurrency` at once, until closed; see Consumer."""
        places = asyncio.Semaphore(concurrency)
        async with asyncio.TaskGroup() as group:
            handles = Handles(group, handle, places.release)
            while await places.acquire() and (job_id := await self.take()) is not None:
                handles.start(job_id)

    async def close(self) -> None:
        """Hand out nothing any more; whoever waits is told."""
        self._closed = True
        self._changed.set()
        if self._timer is not None:
            self._timer.cancel()

    def _enter(self, wakeup: WakeUp) -> None:
        key = (wakeup.job_id, wakeup.dispatch)
        if key not in self._waiting:
            self._waiting.add(key)
            self._entered += 1
            heappush(self._line, (wakeup.at, self._entered, wakeup))

    def _leave(self) -> str | None:
        if not self._line or self._line[0][0] > datetime.now(UTC):
            return None
        _, _, wakeup = heappop(self._line)
        self._waiting.remove((wakeup.job_id, wakeup.dispatch))
        # Several may wait to take, and one change may be all that they hear of.
        self._changed.set()
        return wakeup.job_id

    def _set_timer(self) -> None:
        """Ring when the first in line is due."""
        if self._timer is not None:
            self._timer.cancel()
        if self._line:
            wait = self._line[0][0] - datetime.now(UTC)
            self._timer = asyncio.get_running_loop().call_later(wait.total_seconds(), self._changed.set)


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
        # A thousand followers are woken at once: a limit that is none would be set up for each of them.
        if timeout_s is None:
            await self._notified.wait()
        else:
            await is_set_within(self._notified, timeout_s)
        was_notified = self._notified.is_set()
        self._notified.clear()
        return was_notified


class InProcessSignals:
    """Tells listeners in this process; a topic without any costs nothing."""

    def __init__(self) -> None:
        self._listeners: defaultdict[str, set[InProcessListener]] = defaultdict(set)

    def notify(self, topic: str) -> None:
        """Wake every listener of the topic."""
        self.rouse(topic)

    def rouse(self, topic: str) -> None:
        """Wake the topic's listeners in this process, and there are no others."""
        for listener in self._listeners.get(topic, ()):
            listener.notify()

    def rouse_all(self) -> None:
        """Wake the listeners of every topic."""
        for topic in self._listeners:
            self.rouse(topic)

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
