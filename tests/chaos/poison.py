"""A job whose process dies whenever it runs, beside others that it must not harm."""

import asyncio
from contextlib import suppress
from functools import partial

import psutil
from sqlmodel import col, select

from headgate.domain.happenings import FINAL, WAITING
from headgate.storage.tables import Attempt, Job, JobStatus
from tests.chaos.load import DATASETS, Load, Order
from tests.chaos.monkey import pid_of
from tests.chaos.trial import STILL_S, Headgate
from tests.fleet import until

POISON = Order("poison", (Load("poison", DATASETS[0], rows=5, is_poison=True),))
BESIDE = [Order(f"beside-{number}", (Load(f"beside-{number}", DATASETS[0], rows=50),)) for number in range(3)]


async def suffer(here: Headgate) -> None:
    """Kill the poison's process each time that it runs, until it is given up; others run beside its first attempt.

    For workers that run one job at a time: the process of the poison is the only one that its worker has. All of
    them are stopped while the poison waits, so that it is not done before it is seen.
    """
    _hold(here)
    await here.client.place(POISON)
    known = 0
    while (job := await _once_held(here, known)).status not in FINAL:
        known = job.attempts
        pid = await _pid_of_worker(here, job)
        if known == 1:
            _release(here, but_for=pid)
            await asyncio.gather(*map(here.client.place, BESIDE))
            await until(partial(_is_alone, here), STILL_S, "the jobs beside the poison have not ended")
        [worker] = [worker for worker in here.fleet.workers if worker.pid == pid]
        for child in worker.children():
            child.kill()
    _release(here)
    await here.still()


async def _once_held(here: Headgate, known: int) -> Job:
    """Stop all processes while the poison waits; answers it once it runs again or has ended."""
    job = await _poison(here)

    async def has_come() -> bool:
        nonlocal job
        job = await _poison(here)
        if job.status in WAITING:
            _hold(here)
        return job.status in FINAL or (job.status is JobStatus.RUNNING and job.attempts > known)

    await until(has_come, STILL_S, "the poison is not run")
    return job


async def _poison(here: Headgate) -> Job:
    [job_id] = here.client.accepted.jobs["poison"]
    async with here.database.read() as session:
        return (await session.scalars(select(Job).where(Job.id == job_id))).one()


async def _pid_of_worker(here: Headgate, job: Job) -> int:
    statement = select(Attempt.worker).where(Attempt.job_id == job.id, Attempt.number == job.attempts)
    async with here.database.read() as session:
        return pid_of(str((await session.scalars(statement)).one()))


async def _is_alone(here: Headgate) -> bool:
    async with here.database.read() as session:
        unfinished = await session.scalars(select(Job.id).where(col(Job.status).not_in(FINAL)))
    return len(unfinished.all()) == 1


def _hold(here: Headgate) -> None:
    for worker in here.fleet.workers:
        for child in worker.children():
            with suppress(psutil.NoSuchProcess):
                child.suspend()


def _release(here: Headgate, but_for: int | None = None) -> None:
    for worker in here.fleet.workers:
        for child in worker.children() if worker.pid != but_for else []:
            with suppress(psutil.NoSuchProcess):
                child.resume()
