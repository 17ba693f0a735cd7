"""Appended records outlive the server that took them and the worker that was about to commit them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from headgate.server.preparation import issue_administrator_token
from headgate.settings import Settings
from tests.acceptance.processes import Client
from tests.acceptance.test_appending import JOB, ended, rows, stream
from tests.conftest import MakeRedis, MakeUrl
from tests.fleet import Member, Site, ending, until

pytestmark = pytest.mark.thorough

LIMIT_S = 60.0


@pytest.fixture
def site(tmp_path: Path, make_redis: MakeRedis, make_url: MakeUrl) -> Site:
    home = tmp_path / "home"
    home.mkdir()
    settings = {"APPEND_SECONDS": "3"}
    return Site(home, make_url(), make_redis(), lease_s=600.0, tick_s=1.0, slots=1, settings=settings)


@pytest.fixture
async def members(site: Site) -> AsyncIterator[list[Member]]:
    """A server and two workers, which are ended behind the test."""
    members = [Member(site, command, number) for number, command in enumerate(["serve", "worker", "worker"])]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(ending(members))
        yield members


@pytest.mark.parametrize("make_url", ["postgresql"], indirect=True)
async def test_appended_records_outlive_their_server_and_their_worker(
    site: Site, members: list[Member]
) -> None:
    server, worker, next_worker = members
    settings = Settings(home=site.home, database_url=site.database_url)
    await asyncio.gather(server.start(), worker.start())
    await asyncio.gather(server.up(), worker.up())
    token = await issue_administrator_token(settings, "ADMIN")
    for child in worker.children():
        child.suspend()
    job_id = await _append(server, token)
    await server.kill()
    # The worker seals what the server can't any more, and is stuck with it.
    await server.start()
    await server.up()
    async with _client(server, token) as client:

        async def is_running() -> bool:
            return bool((await client.data(JOB, id=job_id))["job"]["status"] == "RUNNING")

        await until(is_running, LIMIT_S, "the batch is not run")
        stuck = worker.children()
        await worker.kill()
        for child in stuck:
            child.kill()
        await next_worker.start()
        counts = (await ended(client, job_id))["counts"]
        assert counts == {"read": 30, "accepted": 30, "rejected": 0}
        assert [row["n"] for row in await rows(client, "durable")] == list(range(30))
        again = (await stream(client, "durable", {"n": 29}, **{"idempotency-key": "29"})).json()
        assert (again["replayed"], again["jobId"]) == (True, job_id)


@asynccontextmanager
async def _client(server: Member, token: str) -> AsyncIterator[Client]:
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=server.url, headers=headers, trust_env=False, timeout=60) as http:
        yield Client(http, server.url, token)


async def _append(server: Member, token: str) -> str:
    """Append records one by one, and answer the job of their batch."""
    async with _client(server, token) as client:
        answers = [
            (await stream(client, "durable", {"n": n}, **{"idempotency-key": str(n)})).json()
            for n in range(30)
        ]
    [job_id] = {str(answer["jobId"]) for answer in answers}
    return job_id
