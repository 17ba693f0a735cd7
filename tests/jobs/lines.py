"""What the tests of both queues share."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from headgate.domain.ports import JobQueue, WakeUp
from headgate.jobs.consumer import Consumer, Handle

PATIENCE_S = 10


@dataclass
class Line:
    """A queue, and who takes what waits in it."""

    queue: JobQueue
    make_consumer: Callable[[], Consumer]


class Recorder:
    """A handle that tells what has begun and what has ended; with `hold` each ends only when it is let go."""

    def __init__(self, *, hold: bool = False) -> None:
        self.began: asyncio.Queue[str] = asyncio.Queue()
        self.story: list[str] = []
        self.canceled: list[str] = []
        self.running = 0
        self.most_running = 0
        self._hold = hold
        self._go = asyncio.Semaphore(0)

    async def __call__(self, job_id: str) -> None:
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        self.story.append(f"{job_id} began")
        self.began.put_nowait(job_id)
        try:
            if self._hold:
                await self._go.acquire()
            self.story.append(f"{job_id} ended")
        except asyncio.CancelledError:
            self.canceled.append(job_id)
            raise
        finally:
            self.running -= 1

    def let_go(self) -> None:
        """Let one of those that are held end, the first that began."""
        self._go.release()

    async def next(self, count: int = 1) -> list[str]:
        """Wait for the next ones to begin."""
        async with asyncio.timeout(PATIENCE_S):
            return [await self.began.get() for _ in range(count)]


@asynccontextmanager
async def consuming(
    consumer: Consumer, handle: Handle, *, concurrency: int = 1
) -> AsyncIterator["asyncio.Task[None]"]:
    """Let a consumer hand out for as long as the block lasts."""
    task = asyncio.create_task(consumer.consume(handle, concurrency=concurrency))
    try:
        yield task
        await consumer.close()
        await asyncio.wait_for(task, PATIENCE_S)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def wakeup(job_id: str, dispatch: int = 0, *, in_s: float = -1) -> WakeUp:
    """A wake-up for so many seconds from now."""
    return WakeUp(job_id, dispatch, datetime.now(UTC) + timedelta(seconds=in_s))
