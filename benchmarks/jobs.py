"""How many empty jobs a second a worker runs, each with its process and its fenced commit, against bare ARQ."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

from redis import Redis
from sqlalchemy import func
from sqlmodel import col, select

from benchmarks.accepting import Acceptor, Place
from benchmarks.figures import Figure, Sizes, alternate
from benchmarks.postgresql import postgresql_running
from benchmarks.redis_server import redis_running
from demo.server import working
from headgate.storage.database import Database
from headgate.storage.tables import Attempt, Dataset, Job, JobStatus

MIN_RATIO = 0.4
POLL_S = 0.1
LIMIT_S = 300.0
EMPTY = (sys.executable, "-m", "benchmarks.worker", "0", "0")

rounds = count(1)


def measure_jobs(folder: Path, sizes: Sizes) -> list[Figure]:
    """Work off as many jobs with a real worker, on each database, and with bare ARQ, in turn."""
    with _places(folder) as places:
        measures = [partial(_jobs_per_s, place, sizes) for place in places.values()]
        redis_url = next(iter(places.values())).redis_url
        *ours, bare = alternate(sizes, (*measures, lambda: _bare_per_s(redis_url, sizes)))
    return [_figure(sizes, name, rate, bare) for name, rate in zip(places, ours, strict=True)]


def _figure(sizes: Sizes, database: str, ours: float, bare: float) -> Figure:
    name = f"Empty jobs on {database}, {sizes.jobs_at_once} at once, against bare ARQ"
    measured = f"{ours:.0f}/s / {bare:.0f}/s = {ours / bare:.2f}"
    return Figure(name, measured, f"at least {MIN_RATIO:.1f}", ours / bare >= MIN_RATIO)


@contextmanager
def _places(folder: Path) -> Iterator[dict[str, Place]]:
    with redis_running(folder) as redis_url, postgresql_running() as postgresql_url:
        yield {
            "SQLite": Place(folder / "jobs-sqlite", redis_url),
            "PostgreSQL": Place(folder / "jobs-postgresql", redis_url, postgresql_url),
        }


def _bare_per_s(redis_url: str, sizes: Sizes) -> float:
    amounts = (str(sizes.jobs), str(sizes.jobs_at_once))
    command = [sys.executable, "-m", "benchmarks.bare_arq", redis_url, *amounts]
    return sizes.jobs / float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _jobs_per_s(place: Place, sizes: Sizes) -> float:
    return asyncio.run(_run_jobs(place, sizes.jobs, sizes.jobs_at_once))


async def _run_jobs(place: Place, jobs: int, at_once: int) -> float:
    """Accept jobs, then let a worker work them off."""
    with Redis.from_url(place.redis_url) as redis:
        redis.flushall()
    dataset = f"round_{next(rounds)}"
    async with Acceptor(place) as acceptor:
        await acceptor.accept(jobs, dataset)
        with working(place.home, place.variables(workers=at_once), EMPTY):
            await _wait_for(acceptor.services.database, dataset, jobs)
        return jobs / await _elapsed_s(acceptor.services.database, dataset)


async def _wait_for(database: Database, dataset: str, jobs: int) -> None:
    """Wait until so many jobs of a dataset have succeeded. Raises TimeoutError."""
    succeeded = (
        select(func.count())
        .select_from(Job)
        .join(Dataset)
        .where(Dataset.name == dataset, Job.status == JobStatus.SUCCEEDED)
    )
    async with asyncio.timeout(LIMIT_S), database.read() as session:
        while True:
            if (await session.scalars(succeeded)).one() == jobs:
                return
            await asyncio.sleep(POLL_S)


async def _elapsed_s(database: Database, dataset: str) -> float:
    """The seconds from the first claim to the end of the last job."""
    statement = (
        select(func.min(Attempt.started_at), func.max(Job.finished_at))
        .select_from(Job)
        .join(Dataset)
        .join(Attempt, col(Attempt.job_id) == Job.id)
        .where(Dataset.name == dataset)
    )
    async with database.read() as session:
        began, ended = (await session.execute(statement)).one()
    assert ended is not None
    return (ended - began).total_seconds()
