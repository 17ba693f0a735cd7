"""Many subscribers of jobs' events, over as few sockets as hold them."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

import orjson
from websockets.asyncio.client import ClientConnection, connect

from benchmarks.client import PROTOCOL, Refused
from demo.server import Server

PER_SOCKET = 50
LIMIT_S = 120.0
PROGRESS = "subscription ($job: ID!) { jobProgress(jobId: $job, minIntervalMs: 0) { at } }"


class Arrivals:
    """When events arrived at subscribers, by the moments at which they happened."""

    def __init__(self, subscribers: int) -> None:
        self._subscribers = subscribers
        self._told: set[int] = set()
        self._ended = 0
        self._delays_s: defaultdict[datetime, list[float]] = defaultdict(list)
        self.all_told = asyncio.Event()
        self.all_ended = asyncio.Event()

    def take(self, subscriber: int, happened_at: datetime) -> None:
        """Note that an event has arrived just now."""
        self._delays_s[happened_at].append((datetime.now(UTC) - happened_at).total_seconds())
        self._told.add(subscriber)
        if len(self._told) == self._subscribers:
            self.all_told.set()

    def end(self) -> None:
        """Note that one subscription has ended."""
        self._ended += 1
        if self._ended == self._subscribers:
            self.all_ended.set()

    def slowest_s(self, since: datetime) -> list[float]:
        """How many seconds each event took to the last of the subscribers; those before a moment don't count."""
        return [max(delays) for moment, delays in self._delays_s.items() if moment >= since]


@asynccontextmanager
async def subscribed(server: Server, job_ids: Sequence[str]) -> AsyncIterator[Arrivals]:
    """Subscribe to each of these jobs, and return once every subscriber has had an event.

    Raises ExceptionGroup: of TimeoutError, or of Refused where a subscription is.
    """
    arrivals = Arrivals(len(job_ids))
    async with asyncio.TaskGroup() as group, AsyncExitStack() as stack:
        for first in range(0, len(job_ids), PER_SOCKET):
            socket = await stack.enter_async_context(_socket(server))
            followed = dict(enumerate(job_ids[first : first + PER_SOCKET], start=first))
            group.create_task(_follow(socket, followed, arrivals))
        async with asyncio.timeout(LIMIT_S):
            await arrivals.all_told.wait()
        yield arrivals


@asynccontextmanager
async def _socket(server: Server) -> AsyncIterator[ClientConnection]:
    url = server.url.replace("http", "ws", 1) + "/graphql"
    async with connect(url, subprotocols=[PROTOCOL], proxy=None) as socket:
        payload = {"Authorization": f"Bearer {server.token}"}
        await socket.send(orjson.dumps({"type": "connection_init", "payload": payload}).decode())
        yield socket


async def _follow(socket: ClientConnection, job_ids: Mapping[int, str], arrivals: Arrivals) -> None:
    """Subscribe to jobs, each under its subscriber's number, and take what comes until the socket closes."""
    async for text in socket:
        match orjson.loads(text):
            case {"type": "connection_ack"}:
                for number, job_id in job_ids.items():
                    await socket.send(_subscribe(number, job_id))
            case {"type": "next", "id": number, "payload": {"data": {"jobProgress": {"at": at}}}}:
                arrivals.take(int(number), datetime.fromisoformat(at))
            case {"type": "complete"}:
                arrivals.end()
            case {"type": "ping"}:
                await socket.send('{"type": "pong"}')
            case message:
                raise Refused(f"A subscription was refused: {message}")


def _subscribe(number: int, job_id: str) -> str:
    payload = {"query": PROGRESS, "variables": {"job": job_id}}
    return orjson.dumps({"type": "subscribe", "id": str(number), "payload": payload}).decode()
