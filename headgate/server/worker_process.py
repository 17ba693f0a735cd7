"""The composition root of a worker: a process that runs the jobs which wait in Redis."""

import asyncio
import sys
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack

from headgate.jobs.children import ChildPool
from headgate.server.assembly import Transport, make_services, reconciling, working
from headgate.server.preparation import key_ring, prepare_database
from headgate.server.signals import until_told_to_stop
from headgate.settings import Settings


async def work(settings: Settings, pool: ChildPool, *, tied: bool, on_ready: Callable[[], None]) -> None:
    """Run jobs in the processes of a pool until SIGTERM or SIGINT, if `tied` no longer than standard input is open.

    `on_ready` is called once it takes jobs. Raises HeadgateError (DATABASE_UNAVAILABLE).
    """
    stopping = until_told_to_stop()
    if tied:
        threading.Thread(
            target=_await_end_of_input, args=(asyncio.get_running_loop(), stopping), daemon=True
        ).start()
    transport = Transport.of(settings)
    services = make_services(settings, transport, pool, key_ring(settings))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(services.database.close)
        await prepare_database(settings, services.database)
        await transport.connect(stack)
        await stack.enter_async_context(services.store)
        await stack.enter_async_context(reconciling(settings, services))
        await stack.enter_async_context(working(settings, services, transport, pool))
        on_ready()
        await stopping.wait()


def _await_end_of_input(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
    sys.stdin.buffer.read()
    loop.call_soon_threadsafe(stopping.set)
