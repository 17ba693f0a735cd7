"""A database that goes away and a disk that fills up: clients hear that it passes, and nothing is lost."""

import asyncio
import json
import resource
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg
import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.acceptance.processes import INGEST, UPLOAD, Client, Headgate, MakeClient, MakeHeadgate

pytestmark = pytest.mark.thorough

MIB = 1 << 20
ROOM_BYTES = 8 * MIB
"""So far a file may grow on a full disk: further than the database does."""
LIMIT_S = 60
TRY_AGAIN_LATER = 1013
TUS = {"tus-resumable": "1.0.0"}
START_UPLOAD = "mutation ($input: StartUploadInput!) { startUpload(input: $input) { file { id } url } }"
EVENTS = "subscription ($job: ID!) { jobProgress(jobId: $job) { type } }"
CREATE_KEY = "mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { secret } }"
VIEWER = "{ viewer { role } }"
FILE = "query ($id: ID!) { file(id: $id) { status sha256 } }"
JOB = (
    "query ($id: ID!) { job(id: $id) { status counts { accepted } attempts { failure { code retryable } } } }"
)


@pytest.fixture
async def own_database(postgresql_url: str) -> AsyncIterator[str]:
    """The URL of a PostgreSQL database of a test's own."""
    name = f"outage_{uuid4().hex}"
    await _administer(postgresql_url, f"CREATE DATABASE {name}")
    yield urlunsplit(urlsplit(postgresql_url)._replace(path=f"/{name}"))
    await _administer(postgresql_url, f"DROP DATABASE {name} WITH (FORCE)")


@asynccontextmanager
async def away(server_url: str, url: str) -> AsyncIterator[None]:
    """Let a database take nobody, as one that is being moved to another machine does."""
    name = urlsplit(url).path.removeprefix("/")
    await _administer(server_url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await _administer(
        server_url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    )
    yield
    await _administer(server_url, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


async def _administer(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@contextmanager
def full_disk(headgate: Headgate) -> Iterator[None]:
    """Let no file grow any further, neither in the server nor in its engine."""
    assert headgate.process is not None
    pids = [headgate.process.pid, *(process.pid for process in headgate.engine)]
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (ROOM_BYTES, most))
    yield
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, most))


def told(answer: httpx.Response, code: str) -> None:
    """Expect an answer that says that the request may succeed later."""
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    [error] = answer.json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["retryable"]) == (code, True)


async def test_while_the_database_is_away_clients_are_told_to_come_back(
    make_headgate: MakeHeadgate, make_client: MakeClient, postgresql_url: str, own_database: str
) -> None:
    headgate = make_headgate(database_url=own_database).start()
    client = await make_client(headgate)
    key = (await client.data(CREATE_KEY, input={"name": "a", "role": "VIEWER"}))["createApiKey"]["secret"]
    given = {"data": {"records": [{"a": 1}]}, "dataset": "kept", "waitSeconds": 30, "idempotencyKey": "one"}
    request = {"query": INGEST, "variables": {"input": given}}
    async with away(postgresql_url, own_database):
        answer = await client.http.post("/graphql", json=request)
        [error] = answer.json()["errors"]
        assert error["extensions"].items() >= {"code": "DATABASE_UNAVAILABLE", "retryable": True}.items()
        by_key = {"authorization": f"Bearer {key}"}
        told(
            await client.http.post("/graphql", json={"query": VIEWER}, headers=by_key), "DATABASE_UNAVAILABLE"
        )
        lines = {"content-type": "application/x-ndjson"}
        told(
            await client.http.post("/streams/kept", content=b'{"a": 2}\n', headers=lines),
            "DATABASE_UNAVAILABLE",
        )
        assert await _closed(client.url, key) == TRY_AGAIN_LATER
        assert (await client.http.get("/readyz")).status_code == 503
        assert (await client.http.get("/healthz")).is_success
    assert (await client.data(INGEST, input=given))["ingest"]["job"]["status"] == "SUCCEEDED"
    assert (await client.http.get("/readyz")).is_success
    assert "request.failed" not in (headgate.home / "serve.log").read_text()


async def _closed(url: str, token: str) -> int:
    """Open a socket with a token; answers the code with which it is closed."""
    address = url.replace("http", "ws") + "/graphql"
    async with connect(address, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
        await socket.send(
            json.dumps({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
        )
        await socket.wait_closed()
    assert socket.close_code is not None
    return socket.close_code


async def test_on_a_full_disk_uploads_and_jobs_wait_for_room(
    make_headgate: MakeHeadgate, make_client: MakeClient
) -> None:
    headgate = make_headgate(max_upload_bytes=str(64 * MIB)).start()
    client = await make_client(headgate)
    content = b"a,b\n" + b"".join(b"%d,%s\n" % (n, uuid4().hex.encode()) for n in range(400_000))
    job_file = (await client.upload(content, "whole.csv"))["file"]["id"]
    begun = await client.data(START_UPLOAD, input={"name": "pieces.csv", "byteSize": len(content)})
    url = begun["startUpload"]["url"]
    with full_disk(headgate):
        told(await _send(client, url, content, at=0), "STORE_FULL")
        told(await _upload(client, content), "STORE_FULL")
        given = {"data": {"file": job_file}, "dataset": "kept"}
        job = (await client.data(INGEST, input=given))["ingest"]["job"]["id"]
        retried = await _until(client, job, "RETRYING")
        assert retried["attempts"][0]["failure"] == {"code": "STORE_FULL", "retryable": True}
    assert (await _until(client, job, "SUCCEEDED"))["counts"]["accepted"] == 400_000
    at = int((await client.http.head(url, headers=TUS)).headers["upload-offset"])
    assert at <= ROOM_BYTES
    assert (await _send(client, url, content, at=at)).status_code == 204
    file = (await client.data(FILE, id=begun["startUpload"]["file"]["id"]))["file"]
    assert file == {"status": "READY", "sha256": sha256(content).hexdigest()}


async def _send(client: Client, url: str, content: bytes, *, at: int) -> httpx.Response:
    headers = {**TUS, "upload-offset": str(at), "content-type": "application/offset+octet-stream"}
    return await client.http.patch(url, content=content[at:], headers=headers)


async def _upload(client: Client, content: bytes) -> httpx.Response:
    operations = {"query": UPLOAD, "variables": {"file": None, "input": None}}
    return await client.http.post(
        "/graphql",
        data={"operations": json.dumps(operations), "map": json.dumps({"0": ["variables.file"]})},
        files={"0": ("again.csv", content)},
        headers={"GraphQL-Require-Preflight": "1"},
    )


async def _until(client: Client, job: str, status: str) -> Any:
    """Watch a job until it has a status; answers it as it is then."""
    async with asyncio.timeout(LIMIT_S), client.subscribe(EVENTS, job=job) as events:
        while (known := (await client.data(JOB, id=job))["job"])["status"] != status:
            await anext(events)
    return known
