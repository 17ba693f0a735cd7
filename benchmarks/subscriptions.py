"""How soon events of jobs reach their subscribers over WebSocket, through Redis, and what many subscriptions cost.

An event's time is from the moment that the worker gave it to its arrival, by the one clock of this machine.
"""

import asyncio
import re
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.accepting import Acceptor, Place
from benchmarks.client import Client
from benchmarks.data import write_csv
from benchmarks.figures import Figure, Sizes, in_ms, percentile
from benchmarks.redis_server import redis_running
from benchmarks.subscribers import subscribed
from demo.server import Server, serving, working

MAX_P95_S = 0.15
MIB, KIB = 1024**2, 1024
LIMIT_S = 600.0
WATCHED_INTERVAL_S, SHARED_INTERVAL_S = 0.1, 2.0
FAR = timedelta(days=1)


def measure_events(folder: Path, sizes: Sizes) -> list[Figure]:
    """Watch ingests until they have told enough events."""
    with redis_running(folder) as redis_url:
        place = Place(folder / "events", redis_url)
        settings = place.variables(workers=1)
        source = write_csv(folder / "events.csv", sizes.ingest_rows)
        with serving(place.home, settings) as server, working(place.home, settings):
            delays = asyncio.run(_watch_ingests(server, source, sizes.watched_events))
    name = "Events of an ingest, from worker to subscriber"
    met = percentile(delays, 0.95) <= MAX_P95_S
    return [Figure(name, in_ms(delays), f"p95 at most {MAX_P95_S * 1000:.0f} ms", met)]


async def _watch_ingests(server: Server, source: Path, events: int) -> list[float]:
    delays: list[float] = []
    with Client(server.url, server.token) as client:
        file_id = client.upload(source)["id"]
        while len(delays) < events:
            delays += await _watch(server, client.ingest({"file": file_id}, "watched", mode="REPLACE"))
    return delays


def measure_subscriptions(folder: Path, sizes: Sizes) -> list[Figure]:
    """Subscribe to as many jobs that wait, then as many times to one that runs."""
    with redis_running(folder) as redis_url:
        place = Place(folder / "subscriptions", redis_url)
        return asyncio.run(_subscribe_to_many(place, sizes)) + asyncio.run(_share_one(place, sizes))


async def _subscribe_to_many(place: Place, sizes: Sizes) -> list[Figure]:
    many = sizes.subscriptions
    settings = place.variables(workers=1)
    async with Acceptor(place) as acceptor:
        waiting = await acceptor.accept(many, "waiting", datetime.now(UTC) + FAR)
        command = _worker(sizes.watched_events, WATCHED_INTERVAL_S)
        with serving(place.home, settings) as server, working(place.home, settings, command):
            before = _memory_bytes(server)
            async with subscribed(server, waiting):
                after = _memory_bytes(server)
                (watched,) = await acceptor.accept(1, "watched")
                delays = await _watch(server, watched)
    name = f"Events of a running job beside {many:,} idle subscriptions"
    return [*_memory_figures(before, after, many), Figure(name, in_ms(delays))]


async def _share_one(place: Place, sizes: Sizes) -> list[Figure]:
    many = sizes.subscriptions
    settings = place.variables(workers=1)
    async with Acceptor(place) as acceptor:
        command = _worker(sizes.shared_events, SHARED_INTERVAL_S)
        with serving(place.home, settings) as server, working(place.home, settings, command):
            (shared,) = await acceptor.accept(1, "shared")
            delays = await _watch(server, shared, many)
    return [Figure(f"Events of one job to the last of {many:,} subscribers", in_ms(delays))]


async def _watch(server: Server, job_id: str, subscribers: int = 1) -> list[float]:
    """The seconds that each event takes to all subscribers of a job, from when all are there to its end."""
    async with subscribed(server, [job_id] * subscribers) as arrivals:
        since = datetime.now(UTC)
        async with asyncio.timeout(LIMIT_S):
            await arrivals.all_ended.wait()
    return arrivals.slowest_s(since)


def _worker(events: int, interval_s: float) -> tuple[str, ...]:
    return (sys.executable, "-m", "benchmarks.worker", str(events), str(interval_s))


def _memory_figures(before: int | None, after: int | None, subscriptions: int) -> list[Figure]:
    if before is None or after is None:
        return []
    grown = after - before
    measured = f"{before / MIB:.0f} to {after / MIB:.0f} MiB, {grown / subscriptions / KIB:.0f} KiB each"
    return [Figure(f"Memory of a server with {subscriptions:,} subscriptions", measured)]


def _memory_bytes(server: Server) -> int | None:
    """The memory that a server's process has; None where the system doesn't tell."""
    with suppress(FileNotFoundError):
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        if found := re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE):
            return int(found[1]) * KIB
    return None
