"""How many requests a second are answered, against a bare Strawberry application on the same kind of server."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.bare import OBJECTS
from benchmarks.client import Client
from benchmarks.figures import Figure, Sizes, alternate
from benchmarks.guards import UNREACHED
from demo.server import HOST, free_port, serving, wait_until_ready

CLIENTS = 8
MIN_RATIO = 0.5
FIELDS = """
id kind status priority datasetVersion createdAt startedAt finishedAt durationMs counts { read }
"""
JOBS = f"{{ jobs(first: {OBJECTS}) {{ edges {{ node {{ {FIELDS} }} }} }} }}"
THINGS = f"{{ things {{ {FIELDS} }} }}"


def measure_requests(folder: Path, sizes: Sizes) -> list[Figure]:
    """List 50 jobs on a real server, and 50 constant objects on the bare application, in turn."""
    with serving(folder / "requests", UNREACHED) as server, _bare() as bare_url:
        with Client(server.url, server.token) as client:
            _make_jobs(client)
        ours, bare = alternate(
            sizes,
            (
                lambda: _requests_per_s(server.url, server.token, JOBS, sizes.requests),
                lambda: _requests_per_s(bare_url, server.token, THINGS, sizes.requests),
            ),
        )
    name = f"jobs(first: {OBJECTS}), ten fields, against bare Strawberry"
    measured = f"{ours:.0f}/s / {bare:.0f}/s = {ours / bare:.2f}"
    return [Figure(name, measured, f"at least {MIN_RATIO:.1f}", ours / bare >= MIN_RATIO)]


def _make_jobs(client: Client) -> None:
    text = {"text": {"format": "CSV", "content": "a,b\n1,2\n"}}
    job_ids = [client.ingest(text, f"listed_{number}") for number in range(OBJECTS)]
    for job_id in job_ids:
        client.finish(job_id)


@contextmanager
def _bare() -> Iterator[str]:
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.bare", str(port)])
    try:
        url = f"http://{HOST}:{port}"
        wait_until_ready(process, f"{url}/?query={{__typename}}")
        yield url
    finally:
        process.terminate()
        process.wait()


def _requests_per_s(url: str, token: str, query: str, count: int) -> float:
    return asyncio.run(_send_all(url, token, query, count))


async def _send_all(url: str, token: str, query: str, count: int) -> float:
    """Send the same query `count` times over a few connections that stay open."""
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, trust_env=False) as client:
        started = time.perf_counter()
        await asyncio.gather(*(_send(client, query, count // CLIENTS) for _ in range(CLIENTS)))
        return count // CLIENTS * CLIENTS / (time.perf_counter() - started)


async def _send(client: httpx.AsyncClient, query: str, count: int) -> None:
    for _ in range(count):
        response = await client.post("/graphql", json={"query": query})
        (answer,) = response.raise_for_status().json()["data"].values()
        assert len(answer if isinstance(answer, list) else answer["edges"]) == OBJECTS
