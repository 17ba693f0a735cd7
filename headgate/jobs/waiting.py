"""Waiting for an event for a while."""

import asyncio
from contextlib import suppress


async def is_set_within(event: asyncio.Event, seconds: float | None) -> bool:
    """Wait for an event, but not longer than this; without a limit until it comes.

    Unlike `asyncio.wait_for` in Python 3.11, this never takes a cancellation for the event.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
