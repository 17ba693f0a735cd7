"""A worker as `headgate worker` runs it, with children that do no work in place of the engine.

`python -m benchmarks.worker EVENTS SECONDS` gives them these arguments (see benchmarks.child); the HEADGATE_ variables
say the rest.
"""

import asyncio
import sys
from contextlib import AsyncExitStack

from headgate.jobs.children import ChildPool
from headgate.jobs.identity import worker_name
from headgate.jobs.leases import LeaseKeeper
from headgate.jobs.worker import Worker
from headgate.server.assembly import Transport, make_services, pool_running, reconciling
from headgate.server.signals import until_told_to_stop
from headgate.settings import Settings
from headgate.telemetry import configure_logging

COMMAND = (sys.executable, "-m", "benchmarks.child")


async def work(settings: Settings) -> None:
    """Run jobs until SIGTERM; prints "ready" when it begins to."""
    stopping = until_told_to_stop()
    transport = Transport.of(settings)
    pool = ChildPool(
        settings.workers, memory_bytes=settings.child_memory_bytes, command=(*COMMAND, *sys.argv[1:])
    )
    services = make_services(settings, transport, pool)
    keeper = LeaseKeeper(settings.resolved_database_url, worker_name(), lease_s=settings.lease_seconds)
    worker = Worker(services, pool, transport.consumer, keeper, concurrency=settings.workers)
    async with AsyncExitStack() as stack:
        stack.push_async_callback(services.database.close)
        await transport.connect(stack)
        await stack.enter_async_context(pool_running(pool))
        await stack.enter_async_context(reconciling(settings, services))
        running = asyncio.create_task(worker.run())
        print("ready", flush=True)
        await stopping.wait()
        await worker.stop(0)
        await running


if __name__ == "__main__":
    configure_logging("console")
    asyncio.run(work(Settings()))
