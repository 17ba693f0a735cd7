"""A subscriber of the feed of all jobs that goes on at another server whenever its own one dies."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import httpx
from websockets.exceptions import WebSocketException

from headgate.domain.events import decode_event_cursor
from headgate.domain.pages import encode_cursor
from tests.acceptance.processes import Client
from tests.fleet import LOOK_S, Fleet, Member

FEED = """
subscription ($after: String) { jobs(after: $after, minIntervalMs: 0) { cursor type status job { id } } }
"""


@dataclass(frozen=True)
class Seen:
    """One event as it arrived; `number` is its place among those of all jobs."""

    number: int
    job_id: str
    type: str
    status: str | None


@dataclass
class Follower:
    """What came, in the order in which it came, over so many connections."""

    fleet: Fleet
    http: httpx.AsyncClient
    token: str
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0

    async def run(self) -> None:
        """Follow until cancelled; each connection begins behind the last event of the one before."""
        cursor = encode_cursor("0")
        for server in self._servers():
            if not server.is_up:
                await asyncio.sleep(LOOK_S)
                continue
            with suppress(OSError, WebSocketException):
                self.connections += 1
                client = Client(self.http, server.url, self.token)
                async with client.subscribe(FEED, after=cursor) as results:
                    async for result in results:
                        cursor = self._take(result["data"]["jobs"])

    def _servers(self) -> Iterator[Member]:
        return cycle(self.fleet.servers)

    def _take(self, event: dict[str, Any]) -> str:
        number = decode_event_cursor(event["cursor"])
        self.seen.append(Seen(number, event["job"]["id"], event["type"], event["status"]))
        return str(event["cursor"])
