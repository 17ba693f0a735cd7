"""Ingest many files at once, and watch all of their jobs.

python examples/python/watch_many.py FILE...
"""

import asyncio
import sys
from pathlib import Path

from headgate.client import AsyncHeadgate, Job


async def ingest(headgate: AsyncHeadgate, path: Path) -> Job:
    """Ingest a file into a dataset of its own name, and print how its job comes along."""
    job = await headgate.ingest(path, dataset=path.stem)
    async for event in headgate.watch(job, min_interval_ms=1000):
        job = event.job
        if event.progress and event.progress.fraction is not None:
            print(f"{path.name}: {event.progress.stage}, {event.progress.fraction:.0%}")
    return job


async def main(*paths: str) -> None:
    """Ingest files, all at the same time."""
    async with AsyncHeadgate() as headgate:
        jobs = await asyncio.gather(*(ingest(headgate, Path(path)) for path in paths))
    for path, job in zip(paths, jobs, strict=True):
        print(f"{path}: {job.status}, {job.counts.accepted} rows accepted, {job.counts.rejected} rejected")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
