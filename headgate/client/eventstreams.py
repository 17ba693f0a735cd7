"""Subscriptions over Server-Sent Events, which go on behind the last event after a lost connection."""

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx

from headgate.client.errors import Refused, Unreachable
from headgate.client.wire import Data, Wire

ACCEPT = {"accept": "text/event-stream"}
SILENT_S = 40.0
"""A server that lives says something every twelve seconds."""


@dataclass(frozen=True, slots=True)
class Message:
    """One event of a stream, as graphql-sse has it."""

    type: str
    data: str
    id: str | None


async def subscribe(wire: Wire, query: str, variables: Mapping[str, Any]) -> AsyncGenerator[Data, None]:
    """Yield the data of each result until the subscription is complete.

    After a lost connection it goes on behind the last event that had an id. Raises Unreachable where that can't be:
    where events came without ids, or the server stays away.
    """
    patience, last_id, is_lossless = wire.patience(), None, True
    while True:
        try:
            async with aclosing(_messages(wire, query, variables, last_id)) as messages:
                async for message in messages:
                    patience.went_well()
                    if message.type == "complete":
                        return
                    last_id, is_lossless = message.id, message.id is not None
                    yield _data(message)
            raise Unreachable("The connection was lost.")
        except Unreachable as trouble:
            trouble.retryable = trouble.retryable and is_lossless
            await patience.bear(trouble)


async def _messages(
    wire: Wire, query: str, variables: Mapping[str, Any], last_id: str | None
) -> AsyncGenerator[Message, None]:
    resuming = {"last-event-id": last_id} if last_id else {}
    request = wire.operation(query, variables, {**ACCEPT, **resuming})
    request.extensions["timeout"] = {**request.extensions["timeout"], "read": SILENT_S}
    async with wire.opened(request) as response:
        async for lines in _events(wire, response):
            if "data" in lines:
                yield Message(lines.get("event", "message"), lines["data"], lines.get("id"))


async def _events(wire: Wire, response: httpx.Response) -> AsyncGenerator[dict[str, str], None]:
    """Split a stream into events, each with its fields. Headgate writes a field on one line, and ends it with LF."""
    rest = b""
    async with aclosing(wire.transport.chunks(response)) as chunks:
        async for chunk in chunks:
            *blocks, rest = (rest + chunk).split(b"\n\n")
            for block in blocks:
                yield dict(_field(line) for line in block.decode().split("\n"))


def _field(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name, value.removeprefix(" ")


def _data(message: Message) -> Data:
    result = json.loads(message.data)
    if errors := result.get("errors"):
        raise Refused.of(errors)
    data: Data = result["data"]
    return data
