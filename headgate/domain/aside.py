"""What runs beside something else."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def aside(work: Coroutine[Any, Any, object]) -> AsyncIterator[None]:
    """Run work that has no end of its own for as long as the block lasts; it is over when the block is left."""
    running = asyncio.create_task(work)
    try:
        yield
    finally:
        running.cancel()
        await asyncio.wait([running])
