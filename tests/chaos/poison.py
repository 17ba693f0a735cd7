"""A job whose process dies whenever it runs, beside others that it must not harm."""

import asyncio
from contextlib import suppress

import psutil
from sqlmodel import col, select

from headgate.domain.happenings import FINAL
from headgate.storage.database import Database
from headgate.storage.tables import Attempt, Job, JobStatus
from tests.chaos.load import DATASETS, Load, Order
from tests.chaos.monkey import pid_of
from tests.chaos.trial import STILL_S, Headgate
from tests.fleet import until

POISON = Order("poison", (Load("poison", DATASETS[0], rows=300_000, is_poison=True),))
BESIDE = [Order(f"beside-{number}", (Load(f"beside-{number}", DATASETS[0], rows=50),)) for number in range(3)]


async def suffer(here: Headgate) -> None:
    """Kill the poison's process each time that it runs, until it is given up."""
    await here.client.place(POISON)
    killed = 0

    async def is_given_up() -> bool:
        nonlocal killed
        job = await _poison(here)
        if job.attempts > killed and (pid := await _pid_of_lonely_worker(here.database, job)):
            _kill_children(here, pid)
            killed += 1
            if killed == 1:
                await asyncio.gather(*map(here.client.place, BESIDE))
        return job.status in FINAL

    await until(is_given_up, STILL_S, "the poison has not been given up")
    await here.still()


async def _poison(here: Headgate) -> Job:
    [job_id] = here.client.accepted.jobs["poison"]
    async with here.database.read() as session:
        return (await session.scalars(select(Job).where(Job.id == job_id))).one()


async def _pid_of_lonely_worker(database: Database, job: Job) -> int | None:
    """The worker that runs a job; None where nobody does, or it runs another one too, which is not to be harmed."""
    statement = select(Attempt).where(col(Attempt.status) == JobStatus.RUNNING)
    async with database.read() as session:
        running = list(await session.scalars(statement))
    names = [attempt.worker for attempt in running if attempt.worker is not None]
    mine = [attempt.worker for attempt in running if attempt.job_id == job.id]
    return pid_of(mine[0]) if mine and mine[0] and names.count(mine[0]) == 1 else None


def _kill_children(here: Headgate, pid: int) -> None:
    [worker] = [worker for worker in here.fleet.workers if worker.pid == pid]
    for child in worker.children():
        with suppress(psutil.NoSuchProcess):
            child.kill()
