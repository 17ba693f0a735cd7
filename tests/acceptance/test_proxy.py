"""The proxy of compose.yaml, with its own file, passes on what Headgate answers and takes, as it comes."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep

import httpx
import pytest

from demo.server import free_port
from tests.acceptance.processes import MAX_UPLOAD_BYTES, Client, Headgate

CADDYFILE = Path(__file__).parents[2] / "deploy" / "caddy" / "Caddyfile"
START_S = 15
TUS = {"Tus-Resumable": "1.0.0"}
WATCH = "subscription ($job: ID!) { jobProgress(jobId: $job) { type status } }"


@contextmanager
def proxy_of(headgate: Headgate, home: Path) -> Iterator[str]:
    """Start Caddy in front of a server; answers its URL."""
    caddy = shutil.which("caddy", path=str(Path(sys.executable).parent))
    assert caddy is not None
    port = free_port()
    servers = {"SERVERS_NAME": "127.0.0.1", "SERVERS_PORT": headgate.url.rpartition(":")[2]}
    environment = {**os.environ, "HOME": str(home), "SITE": f"http://127.0.0.1:{port}", **servers}
    command = [caddy, "run", "--config", str(CADDYFILE), "--adapter", "caddyfile"]
    with (
        (home / "caddy.log").open("w") as log,
        subprocess.Popen(command, env=environment, stderr=log) as process,
    ):
        try:
            _await_port(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    until = monotonic() + START_S
    while monotonic() < until and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        sleep(0.05)
    pytest.fail("Caddy does not listen")


@pytest.fixture(scope="module")
def proxy(shared_headgate: Headgate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with proxy_of(shared_headgate, tmp_path_factory.mktemp("caddy")) as url:
        yield url


@pytest.fixture
async def client(shared_headgate: Headgate, proxy: str) -> AsyncIterator[Client]:
    """An administrator's client of the shared server, by way of the proxy."""
    token = shared_headgate.token()
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=proxy, headers=headers, timeout=60, trust_env=False) as http:
        yield Client(http, proxy, token)


async def test_answers_come_through_as_they_are(client: Client) -> None:
    answer = await client.http.get("/healthz")

    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_figures_stay_inside(client: Client) -> None:
    assert (await client.http.get("/metrics")).status_code == 404
    assert (await client.http.get("/readyz")).status_code == 200


async def test_a_job_is_followed_over_a_socket_and_over_an_event_stream(client: Client) -> None:
    job = (await client.ingest({"records": [{"id": 1}]}, "proxied"))["job"]
    async with client.subscribe(WATCH, job=job["id"]) as results:
        over_socket = [result["data"]["jobProgress"]["status"] async for result in results]
    asked = {"query": WATCH, "variables": {"job": job["id"]}}
    stream = await client.http.post("/graphql", json=asked, headers={"accept": "text/event-stream"})

    assert over_socket[-1] == "SUCCEEDED"
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.text.count("event: next") == len(over_socket)


async def test_a_file_comes_in_pieces_and_goes_out_whole(client: Client) -> None:
    content = b"id\n" + b"".join(b"%07d\n" % number for number in range(MAX_UPLOAD_BYTES // 8 - 1))
    begun = await client.http.post("/uploads", headers={**TUS, "Upload-Length": str(len(content))})
    middle = len(content) // 2
    for offset, piece in ((0, content[:middle]), (middle, content[middle:])):
        headers = {**TUS, "Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
        assert (
            await client.http.patch(begun.headers["location"], content=piece, headers=headers)
        ).status_code == 204
    file_id = begun.headers["location"].rpartition("/")[2]
    await client.ingest({"file": file_id}, "proxied_file")
    query = '{ dataset(name: "proxied_file") { downloadUrl(format: CSV) } }'
    link = (await client.data(query))["dataset"]["downloadUrl"]

    assert (await client.http.get(link)).content == content
