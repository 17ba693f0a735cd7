"""Work that is not left in its middle when whoever waits for it is cancelled."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def carried_out(work: Coroutine[Any, Any, T]) -> T:
    """Wait for the end of work even when cancelled; the cancellation goes on then."""
    task = asyncio.create_task(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


async def to_its_end(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run blocking work in a thread and wait for its end even when cancelled: a thread cannot be stopped."""
    return await carried_out(asyncio.to_thread(work, *args, **kwargs))
