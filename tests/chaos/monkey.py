"""Ends, stops and empties parts of a running Headgate by chance, and remembers what it did when."""

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

import asyncpg
import psutil
from sqlmodel import col, select

from headgate.domain.happenings import FINAL
from headgate.storage.database import Database
from headgate.storage.tables import Attempt, Job, JobStatus, utc_now
from tests.fleet import LOOK_S, START_S, Fleet, Member, until

PAUSE_S = (0.0, 0.5)
EXTRA_S = 0.5
BUSY_S = 1.0
NO_LOCK_S = 1.0
LOOKS = 2
MAX_STOPS = 20
HELD = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = $1 AND state LIKE 'idle in transaction%'
"""


class Trouble(StrEnum):
    """What can happen to a Headgate."""

    WORKER_KILLED = "worker killed"
    WORKER_STOPPED = "worker stopped"
    CHILD_KILLED = "child killed"
    SERVER_KILLED = "server killed"
    REDIS_EMPTIED = "Redis emptied"
    REDIS_RESTARTED = "Redis restarted"


SILENCING = frozenset({Trouble.WORKER_KILLED, Trouble.WORKER_STOPPED})


@dataclass(frozen=True)
class Blow:
    """What was done, when it was done for good, and to which process; `busy` where that ran a job."""

    trouble: Trouble
    at: datetime
    pid: int | None = None
    busy: bool = False


class Monkey:
    """Deals blows to a fleet; the same ones in the same order for the same seed."""

    def __init__(self, fleet: Fleet, database: Database, seed: int) -> None:
        self._fleet = fleet
        self._database = database
        self._chance = random.Random(f"monkey {seed}")
        self._stops: set[asyncio.Task[None]] = set()
        self.blows: list[Blow] = []

    async def run(self, rounds: int, before_each: Callable[[], Awaitable[None]]) -> None:
        """Deal each kind of blow so many times, and leave everything running again."""
        plan = list(Trouble) * rounds
        self._chance.shuffle(plan)
        for trouble in plan:
            await before_each()
            await asyncio.sleep(self._chance.uniform(*PAUSE_S))
            await self._deal(trouble)
        await asyncio.gather(*self._stops)
        await self._fleet.all_up()

    async def _deal(self, trouble: Trouble) -> None:
        match trouble:
            case Trouble.WORKER_KILLED:
                await self._kill(trouble, await self._busy_worker())
            case Trouble.WORKER_STOPPED:
                await asyncio.gather(*self._stops)
                worker = await self._busy_worker()
                stopped = await self._stop(worker)
                self._stops = {asyncio.create_task(self._resume_late(worker, stopped))}
            case Trouble.CHILD_KILLED:
                await self._kill_child()
            case Trouble.SERVER_KILLED:
                await self._kill(trouble, await self._one_of(self._fleet.servers))
            case Trouble.REDIS_EMPTIED:
                await asyncio.to_thread(self._fleet.site.redis.flush)
                self._note(trouble)
            case Trouble.REDIS_RESTARTED:
                await asyncio.to_thread(self._fleet.site.redis.restart)
                self._note(trouble)

    def _count(self, trouble: Trouble) -> int:
        return sum(blow.trouble is trouble for blow in self.blows)

    def _note(self, trouble: Trouble, pid: int | None = None, *, busy: bool = False) -> None:
        self.blows.append(Blow(trouble, utc_now(), pid, busy))

    async def _kill(self, trouble: Trouble, member: Member) -> None:
        """Kill a process, and start another one in its place."""
        busy = member.pid in await self._busy_pids()
        await member.kill()
        self._note(trouble, member.pid, busy=busy)
        await member.start()

    async def _kill_child(self) -> None:
        """Kill some of a worker's children, while that does not add up to the end of any job."""
        await until(self._is_none_on_its_last_try, START_S, "a job is on its last try")
        worker = await self._busy_worker()
        busy = worker.pid in await self._busy_pids()
        children = worker.children()
        count = max(1, self._chance.randint(0, len(children)))
        for child in self._chance.sample(children, min(count, len(children))):
            with suppress(psutil.NoSuchProcess):
                child.kill()
        self._note(Trouble.CHILD_KILLED, worker.pid, busy=busy)

    async def _stop(self, worker: Member) -> list[psutil.Process]:
        """Stop a worker, every other time with its children, where it holds no lock that all others need.

        Answers the children that stopped with it.
        A process that is stopped in the middle of a write keeps SQLite's only lock, for which there is no help but
        to let it go on; PostgreSQL takes its locks away after some seconds, which may be longer than the lease.
        """
        is_frozen = self._count(Trouble.WORKER_STOPPED) % 2 == 0
        for _ in range(MAX_STOPS):
            stopped = worker.children() if is_frozen else []
            busy = worker.pid in await self._busy_pids()
            worker.pause()
            at = utc_now()
            for child in stopped:
                with suppress(psutil.NoSuchProcess):
                    child.suspend()
            if not await asyncio.to_thread(self._holds_lock, worker):
                self.blows.append(Blow(Trouble.WORKER_STOPPED, at, worker.pid, busy))
                return stopped
            _resume(worker, stopped)
            await asyncio.sleep(LOOK_S)
        raise TimeoutError(f"{worker.name} holds a lock whenever it is stopped.")

    async def _resume_late(self, worker: Member, stopped: Sequence[psutil.Process]) -> None:
        """Let a worker go on when its jobs are somebody else's."""
        site = self._fleet.site
        await asyncio.sleep(site.lease_s + site.tick_s + EXTRA_S)
        _resume(worker, stopped)

    def _holds_lock(self, worker: Member) -> bool:
        url = self._fleet.site.database_url
        if url.startswith("sqlite"):
            return _is_sqlite_locked(urlsplit(url).path)
        return asyncio.run(_is_in_transaction(url, worker.name))

    async def _one_of(self, members: Sequence[Member]) -> Member:
        """Choose one of those that are up, where that leaves another one."""

        async def are_enough_up() -> bool:
            return sum(member.is_up for member in members) > 1

        await until(are_enough_up, START_S, "all but one are down")
        return self._chance.choice([member for member in members if member.is_up])

    async def _busy_worker(self) -> Member:
        """Choose a worker that runs a job, if there comes one soon; any other one else."""
        worker = await self._one_of(self._fleet.workers)

        async def is_busy() -> bool:
            nonlocal worker
            worker = await self._one_of(self._fleet.workers)
            return worker.pid in await self._busy_pids()

        with suppress(TimeoutError):
            await until(is_busy, BUSY_S, "no worker is busy")
        return worker

    async def _busy_pids(self) -> set[int]:
        statement = select(Attempt.worker).where(col(Attempt.status) == JobStatus.RUNNING)
        async with self._database.read() as session:
            return {pid_of(worker) for worker in await session.scalars(statement) if worker is not None}

    async def _is_none_on_its_last_try(self) -> bool:
        statement = select(Job.id).where(col(Job.status).not_in(FINAL), col(Job.failures) >= 2)
        async with self._database.read() as session:
            return (await session.scalars(statement)).first() is None


def pid_of(worker: str) -> int:
    """The number of a worker's process, of its name."""
    return int(worker.rsplit(":", 2)[1])


def _resume(worker: Member, stopped: Sequence[psutil.Process]) -> None:
    """Let a worker go on, its children first: they are told nothing new yet."""
    for child in stopped:
        with suppress(psutil.NoSuchProcess):
            child.resume()
    worker.resume()


def _is_sqlite_locked(path: str) -> bool:
    connection = sqlite3.connect(path, timeout=NO_LOCK_S, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")
    except sqlite3.OperationalError:
        return True
    finally:
        connection.close()
    return False


async def _is_in_transaction(url: str, name: str) -> bool:
    """Whether a process that is stopped is in a transaction; looks again, as its last statement may still run."""
    connection = await asyncpg.connect(url)
    try:
        for _ in range(LOOKS):
            await asyncio.sleep(LOOK_S)
            if await connection.fetchval(HELD, name):
                return True
        return False
    finally:
        await connection.close()
