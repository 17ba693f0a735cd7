"""A worker as `headgate worker` runs it, with children that do no work in place of the engine.

`python -m benchmarks.worker EVENTS SECONDS` gives them these arguments (see benchmarks.child); the HEADGATE_ variables
say the rest.
"""

import asyncio
import sys

from headgate.jobs.children import ChildPool
from headgate.server.worker_process import work
from headgate.settings import Settings
from headgate.telemetry import configure_logging

COMMAND = (sys.executable, "-m", "benchmarks.child")


def main() -> None:
    """Run jobs until SIGTERM; prints "ready" when it begins to."""
    configure_logging("console")
    settings = Settings()
    command = (*COMMAND, *sys.argv[1:])
    pool = ChildPool(settings.workers, memory_bytes=settings.child_memory_bytes, command=command)
    asyncio.run(work(settings, pool, tied=False, on_ready=lambda: print("ready", flush=True)))


if __name__ == "__main__":
    main()
