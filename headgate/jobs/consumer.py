"""How jobs reach a worker: a consumer hands their ids out, a handle does the rest."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

import structlog

logger = structlog.get_logger(__name__)

Handle = Callable[[str], Awaitable[None]]
"""Takes the id of a job that is due, and returns when it is done with it.

It may cancel the task it runs in, which nothing else is done in.
"""


class Consumer(Protocol):
    """Hands out what waits in line."""

    async def consume(self, handle: Handle, *, concurrency: int) -> None:
        """Hand ids of due jobs to `handle`, the most urgent first, up to `concurrency` at once.

        Returns once closed and all that was handed out has been handled; cancelled, it cancels that. A handle
        that raises is logged and harms no other. Trouble with the line interrupts no handle and is got over.
        """
        ...

    async def close(self) -> None:
        """Hand out nothing more."""
        ...


class Handles:
    """Runs handles as tasks of a group; calls `ended` after each."""

    def __init__(self, group: asyncio.TaskGroup, handle: Handle, ended: Callable[[], None]) -> None:
        self._group = group
        self._handle = handle
        self._ended = ended

    def start(self, job_id: str) -> None:
        """Let the handle begin with a job."""
        task = self._group.create_task(self._run(job_id))
        task.add_done_callback(lambda _: self._ended())

    async def _run(self, job_id: str) -> None:
        try:
            await self._handle(job_id)
        except Exception:
            logger.exception("handle.raised", job_id=job_id)
