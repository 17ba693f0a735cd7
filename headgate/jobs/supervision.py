"""Sees to it that a process that is to work does."""

import asyncio
from collections.abc import Callable

import structlog

from headgate.jobs.waiting import is_set_within
from headgate.jobs.worker import Worker

PAUSE_S = 1.0

logger = structlog.get_logger(__name__)


class Supervised:
    """Runs a worker until `stop()`; where it ends in trouble, another one takes its place after a second."""

    def __init__(self, make_worker: Callable[[], Worker]) -> None:
        self._make_worker = make_worker
        self._worker: Worker | None = None
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Work until stopped."""
        while not self._stopping.is_set():
            self._worker = self._make_worker()
            try:
                await self._worker.run()
            except Exception:
                logger.exception("worker.ended")
            await is_set_within(self._stopping, PAUSE_S)

    async def stop(self, grace_s: float) -> None:
        """Take no more jobs; jobs still running after `grace_s` seconds are handed back."""
        self._stopping.set()
        if self._worker is not None:
            await self._worker.stop(grace_s)
