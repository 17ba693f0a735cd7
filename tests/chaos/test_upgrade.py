"""Servers and workers of the last release are replaced one by one while jobs come in, and none is lost or refused."""

import asyncio
import subprocess
import sys
from io import BytesIO
from pathlib import Path
from tarfile import open as open_tar
from typing import Any

import httpx
import pytest

from tests.chaos.conftest import MakeSite
from tests.fleet import HEADGATE, Member, Site, ending

ROOT = Path(__file__).parent.parent.parent
[COMMIT] = (ROOT / "releases").glob("*/commit")
OLD_PROGRAM = (sys.executable, "-P", "-m", "headgate.server.cli")
"""-P: the folder that the tests run in has modules of the same names."""
JOBS_BETWEEN = 20
INGEST = """
mutation ($input: IngestInput!) {
  ingest(input: $input) { job { id status counts { accepted } } errors { code message } }
}
"""
JOBS = "{ all: jobs { totalCount } done: jobs(filter: {status: [SUCCEEDED]}) { totalCount } }"
ROWS = '{ dataset(name: "rolling") { rowCount } }'


class Load:
    """Ingests without a pause, through each of the present servers in turn."""

    def __init__(self, http: httpx.AsyncClient, servers: list[Member]) -> None:
        self.done = 0
        self.goal = 0
        self.reached = asyncio.Event()
        self.servers = servers
        self._http = http
        self._ended = asyncio.Event()

    async def run(self) -> None:
        while not self._ended.is_set():
            server = self.servers[self.done % len(self.servers)]
            records = [{"n": 2 * self.done}, {"n": 2 * self.done + 1}]
            given = {"data": {"records": records}, "dataset": "rolling", "waitSeconds": 30}
            answer = await ask(self._http, server, INGEST, input=given)
            assert not answer["ingest"]["errors"], answer
            assert answer["ingest"]["job"]["status"] == "SUCCEEDED", answer
            self.done += 1
            if self.done >= self.goal:
                self.reached.set()

    async def more(self, jobs: int) -> None:
        """Wait until so many more were done."""
        self.goal = self.done + jobs
        self.reached.clear()
        await self.reached.wait()

    def end(self) -> None:
        self._ended.set()


@pytest.mark.long
async def test_a_rolling_upgrade_loses_and_refuses_nothing(make_site: MakeSite, tmp_path: Path) -> None:
    site = make_site(1)
    program = old_program(tmp_path / "old")
    old = [Member(site, "serve", 1, program=program), Member(site, "worker", 1, program=program)]
    new = [Member(site, "serve", 2), Member(site, "worker", 2)]
    async with ending([*old, *new]), asking(site, program) as http:
        await start(old)
        load = Load(http, [old[0]])
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(load.run())
            await load.more(JOBS_BETWEEN)
            await asyncio.to_thread(migrate, site)
            await load.more(JOBS_BETWEEN)
            await start(new)
            load.servers = [old[0], new[0]]
            await load.more(JOBS_BETWEEN)
            assert await old[1].terminate() == 0
            await load.more(JOBS_BETWEEN)
            load.servers = [new[0]]
            await load.more(2)
            assert await old[0].terminate() == 0
            await load.more(JOBS_BETWEEN)
            load.end()
        assert await ask(http, new[0], ROWS) == {"dataset": {"rowCount": 2 * load.done}}
        assert await ask(http, new[0], JOBS) == {key: {"totalCount": load.done} for key in ("all", "done")}


def old_program(folder: Path) -> tuple[str, ...]:
    """Take the last release out of the history; answers how it is run."""
    commit = COMMIT.read_text().strip()
    packed = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
    with open_tar(fileobj=BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return ("env", f"PYTHONPATH={folder}", *OLD_PROGRAM)


def migrate(site: Site) -> None:
    subprocess.run([*HEADGATE, "migrate"], env=site.environment, check=True, timeout=60)


async def start(members: list[Member]) -> None:
    for member in members:
        await member.start()
        await member.up()


def asking(site: Site, program: tuple[str, ...]) -> httpx.AsyncClient:
    """A client with a token that the last release has made; that brings the database to that release's tables."""
    made = subprocess.run(
        [*program, "token"], env=site.environment, check=True, capture_output=True, text=True
    )
    headers = {"authorization": f"Bearer {made.stdout.strip()}"}
    return httpx.AsyncClient(headers=headers, timeout=90, trust_env=False)


async def ask(http: httpx.AsyncClient, server: Member, query: str, **variables: object) -> Any:
    try:
        response = await http.post(f"{server.url}/graphql", json={"query": query, "variables": variables})
    except httpx.TransportError as error:
        raise AssertionError(f"{server.name}: {error!r}\n{server.log.read_text()[-3000:]}") from error
    answer = response.json()
    assert "errors" not in answer, answer
    return answer["data"]
