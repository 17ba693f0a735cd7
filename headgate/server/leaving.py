"""Noticing that a client is gone."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from starlette.types import Receive

from headgate.server.responses import Refusal


async def leave(receive: Receive) -> None:
    """Wait until the client is gone, or sends a body that it may not."""
    with suppress(Refusal):
        while (await receive())["type"] != "http.disconnect":
            pass


async def first_of(**contenders: Coroutine[Any, Any, object]) -> str:
    """Run coroutines until one ends; answers its name, or raises its error, once the others are cleaned up."""
    tasks = {name: asyncio.create_task(each) for name, each in contenders.items()}
    try:
        await asyncio.wait(tasks.values(), return_when=asyncio.FIRST_COMPLETED)
        name, winner = next((name, task) for name, task in tasks.items() if task.done())
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)
    winner.result()
    return name
