"""One run: a Headgate under load and under blows, until all is still, and what came of it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from itertools import chain

import httpx

from headgate.server.preparation import issue_administrator_token
from headgate.settings import Settings
from headgate.storage.database import Database
from tests.chaos import verdict
from tests.chaos.follower import Follower
from tests.chaos.load import Client, Order, openings
from tests.chaos.monkey import Monkey, Trouble
from tests.chaos.probe import Probe
from tests.chaos.verdict import Record
from tests.fleet import Fleet, Site, running, until

SERVERS = 2
WORKERS = 3
SENDERS = 2
FEW = 4
DRAIN_S = 5.0
STILL_S = 120.0
"""More than enough for all jobs to end once nothing disturbs them any more."""


@dataclass
class Headgate:
    """A running Headgate with everybody who deals with it."""

    fleet: Fleet
    database: Database
    http: httpx.AsyncClient
    client: Client
    follower: Follower
    probe: Probe

    async def still(self) -> None:
        """Wait until every job has ended and the follower knows. Raises TimeoutError."""
        await until(self._have_all_ended, STILL_S, "a job has not ended")
        await until(self._is_all_known, STILL_S, "the follower has not heard of all events")

    async def few_left(self, few: int = FEW) -> None:
        """Wait until few jobs are left: they are to wait for workers, and not for each other."""

        async def are_few_left() -> bool:
            return await verdict.unfinished(self.database) <= few

        with suppress(TimeoutError):
            await until(are_few_left, DRAIN_S, "many are left")

    async def _have_all_ended(self) -> bool:
        return not await verdict.unfinished(self.database)

    async def _is_all_known(self) -> bool:
        last = await verdict.last_number(self.database)
        return bool(self.follower.seen) and self.follower.seen[-1].number >= last

    async def faults(self, record: Record) -> list[str]:
        """Say everything that is not as it must be."""
        accepted, store = self.client.accepted, self.fleet.site.store
        found = chain(
            verdict.faults_of_jobs(record, accepted),
            verdict.faults_of_attempts(record),
            verdict.faults_of_events(record),
            verdict.faults_of_datasets(record, accepted, store),
            verdict.faults_of_feed(record, self.follower.seen),
        )
        return list(found)


@asynccontextmanager
async def headgate(
    site: Site, seed: int, *, servers: int = SERVERS, workers: int = WORKERS
) -> AsyncIterator[Headgate]:
    """Start a Headgate whose datasets are there already, and a follower of its events."""
    settings = Settings(home=site.home, database_url=site.database_url, redis_url=site.redis.url)
    token = await issue_administrator_token(settings, "ADMIN")
    database = Database.connect(site.database_url)
    headers = {"authorization": f"Bearer {token}"}
    async with (
        running(site, servers=servers, workers=workers) as fleet,
        httpx.AsyncClient(headers=headers, trust_env=False) as http,
    ):
        client, follower = Client(fleet, http, seed), Follower(fleet, http, token)
        here = Headgate(fleet, database, http, client, follower, Probe(database))
        following, probing = asyncio.create_task(follower.run()), asyncio.create_task(here.probe.run())
        try:
            await asyncio.gather(*map(client.place, openings()))
            await here.still()
            yield here
        finally:
            following.cancel()
            here.probe.is_over.set()
            await asyncio.wait([following, probing])
            await database.close()


async def endure(here: Headgate, monkey: Monkey, given: Sequence[Order], rounds: int) -> None:
    """Deal blows while orders come in, some before each blow, until all is over."""
    coming: asyncio.Queue[Order] = asyncio.Queue()
    waiting = iter(given)
    per_blow = -(-len(given) // (rounds * len(Trouble)))

    async def send() -> None:
        while True:
            await here.client.place(await coming.get())
            coming.task_done()

    async def send_some() -> None:
        await here.few_left()
        for order, _ in zip(waiting, range(per_blow), strict=False):
            coming.put_nowait(order)

    async with asyncio.TaskGroup() as group:
        senders = [group.create_task(send()) for _ in range(SENDERS)]
        await monkey.run(rounds, send_some)
        await coming.join()
        for sender in senders:
            sender.cancel()
    await here.still()
