"""A whole Headgate in processes of its own: servers, workers, a Redis and a database, any of which may be ended."""

import asyncio
import os
import re
import signal
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psutil

from headgate.storage.tables import utc_now
from tests.redis_server import RedisServer

HEADGATE = (sys.executable, "-m", "headgate.cli")
START_S = 120.0
LOOK_S = 0.05


@dataclass(frozen=True)
class Site:
    """What all processes of one Headgate share."""

    home: Path
    database_url: str
    redis: RedisServer
    lease_s: float
    tick_s: float
    slots: int
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        around = {name: value for name, value in os.environ.items() if not name.startswith("HEADGATE_")}
        settings = {
            "HOME": self.home,
            "DATABASE_URL": self.database_url,
            "REDIS_URL": self.redis.url,
            "LEASE_SECONDS": self.lease_s,
            "RECONCILE_SECONDS": self.tick_s,
            "WORKERS": self.slots,
            "PORT": 0,
            "RATE_LIMIT": 0,
            **self.settings,
        }
        return around | {f"HEADGATE_{name}": str(value) for name, value in settings.items()}

    @property
    def store(self) -> Path:
        return self.home / "store"


@dataclass
class Spell:
    """A time in which a process was ready to work; it has no end yet where it still is."""

    pid: int
    start: datetime
    end: datetime | None = None


class Member:
    """One process of Headgate; each time it is started it is another one."""

    def __init__(
        self, site: Site, command: str, number: int, *arguments: str, program: Sequence[str] = HEADGATE
    ) -> None:
        self.name = f"{command}{number}"
        self.url = ""
        self.log = site.home / f"{self.name}.log"
        self._site = site
        self._command = (*program, command, *arguments)
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self.spells: list[Spell] = []

    @property
    def _environment(self) -> dict[str, str]:
        """Whose sessions are whose can be seen in PostgreSQL by their names."""
        url = self._site.database_url
        if url.startswith("postgresql"):
            url += f"{'&' if '?' in url else '?'}application_name={self.name}"
        return self._site.environment | {"HEADGATE_DATABASE_URL": url}

    @property
    def is_up(self) -> bool:
        """Whether it is ready, and neither stopped nor ended."""
        return bool(self.spells) and self.spells[-1].end is None and self.is_alive

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it; `is_up` tells when it is ready."""
        with self.log.open("a") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command, env=self._environment, stdout=PIPE, stderr=log
            )
        self._reading = asyncio.create_task(self._read(self._process))

    async def kill(self) -> None:
        """End it with no chance to clean up, and wait until it is gone: its number is then nobody's."""
        assert self._process is not None
        self._end_spell()
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()

    async def terminate(self) -> int:
        """Ask it to end, as whoever starts a new version does; answers its exit status."""
        assert self._process is not None
        self._end_spell()
        self._process.terminate()
        return await self._process.wait()

    def pause(self) -> None:
        """Stop it in the middle of whatever it is at, until `resume`."""
        self._end_spell()
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)
        self.spells.append(Spell(self.pid, utc_now()))

    def children(self) -> list[psutil.Process]:
        """The processes that it has started."""
        try:
            return psutil.Process(self.pid).children(recursive=True) if self.is_alive else []
        except psutil.NoSuchProcess:
            return []

    async def up(self) -> None:
        """Wait until it is ready."""

        async def is_up() -> bool:
            assert self.is_alive, self.log.read_text()
            return self.is_up

        await until(is_up, START_S, f"{self.name} is not ready")

    async def _read(self, process: Process) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            if found := re.search(rb"http://[\d.]+:\d+", line):
                self.url = found[0].decode()
            elif line == b"ready\n" and process is self._process:
                self.spells.append(Spell(process.pid, utc_now()))

    def _end_spell(self) -> None:
        if self.spells and self.spells[-1].end is None:
            self.spells[-1].end = utc_now()


@dataclass(frozen=True)
class Fleet:
    """The processes of one Headgate."""

    site: Site
    servers: Sequence[Member]
    workers: Sequence[Member]

    @property
    def members(self) -> list[Member]:
        return [*self.servers, *self.workers]

    async def all_up(self) -> None:
        """Wait until every process is ready."""
        for member in self.members:
            await member.up()


@asynccontextmanager
async def running(site: Site, *, servers: int, workers: int) -> AsyncIterator[Fleet]:
    """Run so many processes; however the block ends, all are gone behind it, and theirs with them."""
    fleet = Fleet(
        site,
        [Member(site, "serve", number) for number in range(1, servers + 1)],
        [Member(site, "worker", number) for number in range(1, workers + 1)],
    )
    async with ending(fleet.members):
        for member in fleet.members:
            await member.start()
        await fleet.all_up()
        yield fleet


@asynccontextmanager
async def ending(members: Sequence[Member]) -> AsyncIterator[None]:
    """End these processes and theirs, however the block ends."""
    try:
        yield
    finally:
        await asyncio.shield(_end(members))


async def _end(members: Sequence[Member]) -> None:
    children = [child for member in members for child in member.children()]
    for member in members:
        if member.is_alive:
            await member.kill()
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    await asyncio.to_thread(psutil.wait_procs, children, timeout=START_S)


async def until(is_so: Callable[[], Awaitable[bool]], limit_s: float, otherwise: str) -> None:
    """Look until something is so; raises TimeoutError after this long."""
    end = time.monotonic() + limit_s
    while not await is_so():
        if time.monotonic() > end:
            raise TimeoutError(f"After {limit_s:g} s {otherwise}.")
        await asyncio.sleep(LOOK_S)
