"""Keeps several processes of one command running."""

import asyncio
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence

import structlog

from headgate.jobs.waiting import is_set_within
from headgate.server.signals import until_told_to_stop

PAUSE_S = 1.0

logger = structlog.get_logger(__name__)


async def keep_running(command: Sequence[str], count: int) -> None:
    """Run so many processes until SIGTERM or SIGINT, and start another one for each that ends by itself.

    Their standard input stays open for as long as this process lives: they can tell when it is gone.
    """
    stopping = until_told_to_stop()
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(_keep_one_running(command, stopping))


async def _keep_one_running(command: Sequence[str], stopping: asyncio.Event) -> None:
    while not stopping.is_set():
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, start_new_session=True)
        if await _ends_before(process, stopping):
            logger.error("process.ended", pid=process.pid, status=process.returncode)
            await is_set_within(stopping, PAUSE_S)
        else:
            process.terminate()
            await process.wait()


async def _ends_before(process: Process, stopping: asyncio.Event) -> bool:
    ending, stopped = asyncio.create_task(process.wait()), asyncio.create_task(stopping.wait())
    await asyncio.wait({ending, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if not ending.done():
        ending.cancel()
        return False
    return True
