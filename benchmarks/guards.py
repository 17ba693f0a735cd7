"""What all that guards the endpoint takes of the requests a second, for operations as small as they come."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import orjson

from benchmarks.client import Client
from benchmarks.figures import Figure, Sizes, alternate
from demo.server import HOST, free_port, serving, wait_until_ready

CONNECTIONS = 8
MIN_RATIO = 0.75
UNREACHED = {"HEADGATE_RATE_LIMIT": "1000000000"}
"""A limit that is counted and never reached."""

OPERATIONS: Mapping[str, str] = {
    "The status of a job": "query ($job: ID!) { job(id: $job) { status progress { fraction } counts { read } } }",
    "Who asks": "{ viewer { role } }",
}


def measure_guards(folder: Path, sizes: Sizes) -> list[Figure]:
    """Ask a real server, and the same schema over the same database without any guard, in turn."""
    with serving(folder / "guards", UNREACHED) as server, _unguarded(folder / "guards") as bare_url:
        with Client(server.url, server.token) as client:
            job_id = client.ingest({"text": {"format": "CSV", "content": "a,b\n1,2\n"}}, "guarded")
            client.finish(job_id)
        return [
            _figure(name, query, {"job": job_id}, server.url, server.token, bare_url, sizes)
            for name, query in OPERATIONS.items()
        ]


def _figure(
    name: str, query: str, variables: Mapping[str, str], url: str, token: str, bare_url: str, sizes: Sizes
) -> Figure:
    body = orjson.dumps({"query": query, "variables": variables if "$job" in query else {}})
    guarded, bare = alternate(
        sizes,
        (
            lambda: asyncio.run(_requests_per_s(f"{url}/graphql", token, body, sizes.small_requests)),
            lambda: asyncio.run(_requests_per_s(f"{bare_url}/graphql", token, body, sizes.small_requests)),
        ),
    )
    measured = f"{guarded:.0f}/s / {bare:.0f}/s = {guarded / bare:.2f}"
    return Figure(
        f"{name}, against no guards", measured, f"at least {MIN_RATIO:.2f}", guarded / bare >= MIN_RATIO
    )


@contextmanager
def _unguarded(home: Path) -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.unguarded", str(port), str(home)])
    try:
        url = f"http://{HOST}:{port}"
        wait_until_ready(process, f"{url}/graphql?query={{__typename}}")
        yield url
    finally:
        process.terminate()
        process.wait()


async def _requests_per_s(url: str, token: str, body: bytes, count: int) -> float:
    """Send the same request over a few connections that stay open, by a client that leaves the time to the server."""
    request = _request(url, token, body)
    port = int(url.rpartition(":")[2].partition("/")[0])
    connections = [await asyncio.open_connection(HOST, port) for _ in range(CONNECTIONS)]
    started = time.perf_counter()
    await asyncio.gather(*(_send(*each, request, count // CONNECTIONS) for each in connections))
    elapsed_s = time.perf_counter() - started
    for _, writer in connections:
        writer.close()
    return count // CONNECTIONS * CONNECTIONS / elapsed_s


def _request(url: str, token: str, body: bytes) -> bytes:
    path = "/" + url.partition("://")[2].partition("/")[2]
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _send(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes, count: int
) -> None:
    for _ in range(count):
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        answer = await reader.readexactly(length)
        assert head.startswith(b"http/1.1 200"), head
        assert b'"errors"' not in answer, answer
