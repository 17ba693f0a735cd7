"""What a request may take: bytes and time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from time import monotonic
from typing import Any

import httpx
import pytest

from headgate.server.multipart import DRAIN_BYTES
from tests.answers import without_cost

MIB = 1024**2
MAX_BODY_BYTES = 64 * 1024
JSON = {"content-type": "application/json"}
PART = b'--x\r\nContent-Disposition: form-data; name="operations"\r\n\r\n'


def body_of(size: int) -> bytes:
    query = b'{"query": "{ hello }"'
    return query + b" " * (size - len(query) - 1) + b"}"


async def chunks(body: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def send_head(
    toy: Any, *more: str, media_type: str = "application/json"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Begin a request with these headers, on a connection of its own."""
    address = httpx.URL(toy.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    lines = [
        "POST /graphql HTTP/1.1",
        "Host: x",
        f"Authorization: Bearer {toy.token}",
        f"Content-Type: {media_type}",
        *more,
    ]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    return reader, writer


@pytest.mark.parametrize("is_chunked", [True, False])
async def test_a_body_at_the_limit_is_taken(toy: Any, is_chunked: bool) -> None:
    body = body_of(MAX_BODY_BYTES)
    content = chunks(body) if is_chunked else body
    response = await toy.client.post("/graphql", content=content, headers=JSON)

    assert without_cost(response.json()) == {"data": {"hello": "hello"}}


@pytest.mark.parametrize("accept", ["application/json", "application/graphql-response+json"])
@pytest.mark.parametrize("is_chunked", [True, False])
async def test_a_body_over_the_limit_is_refused(toy: Any, is_chunked: bool, accept: str) -> None:
    body = body_of(MAX_BODY_BYTES + 1)
    content = chunks(body) if is_chunked else body
    response = await toy.client.post("/graphql", content=content, headers={**JSON, "accept": accept})

    assert response.status_code == 413
    assert response.headers["content-type"] == f"{accept}; charset=utf-8"
    assert response.json()["errors"][0]["extensions"]["code"] == "BODY_TOO_LARGE"
    assert await toy.is_well()


@pytest.mark.parametrize("is_chunked", [True, False])
async def test_a_client_that_sends_much_more_still_gets_the_reason(toy: Any, is_chunked: bool) -> None:
    body = body_of(16 * MIB)
    content = chunks(body, MIB) if is_chunked else body
    response = await toy.client.post("/graphql", content=content, headers=JSON)

    assert response.status_code == 413
    assert response.json()["errors"][0]["extensions"]["code"] == "BODY_TOO_LARGE"


async def test_a_client_that_never_stops_sending_is_cut_off(toy: Any) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 10 * DRAIN_BYTES:
            yield bytes(MIB)
            sent += MIB

    with suppress(httpx.TransportError):
        await toy.client.post("/graphql", content=endless(), headers=JSON)

    assert sent < 2 * DRAIN_BYTES
    assert await toy.is_well()


async def test_a_client_that_asks_first_is_refused_before_it_sends(toy: Any) -> None:
    reader, writer = await send_head(toy, "Content-Length: 1000000", "Expect: 100-continue")

    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 413 ")


async def test_a_client_that_falls_silent_beyond_the_limit_gets_the_reason(toy: Any) -> None:
    reader, writer = await send_head(toy, "Content-Length: 1000000")

    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("body", ["", '{"query": '])
@pytest.mark.parametrize("media_type", ["application/json", "multipart/form-data; boundary=x"])
async def test_a_client_that_falls_silent_is_refused(toy: Any, body: str, media_type: str) -> None:
    more = ("GraphQL-Require-Preflight: 1", "Content-Length: 1000")
    reader, writer = await send_head(toy, *more, media_type=media_type)
    writer.write(body.encode() if "json" in media_type else b"")

    answer = await asyncio.wait_for(reader.read(), 5)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"REQUEST_TIMEOUT"' in answer


async def test_a_slow_body_that_keeps_coming_is_taken(toy: Any) -> None:
    body = body_of(100)

    async def slowly() -> AsyncIterator[bytes]:
        for start in range(0, 100, 20):
            yield body[start : start + 20]
            await asyncio.sleep(0.15)

    response = await toy.client.post("/graphql", content=slowly(), headers=JSON)

    assert without_cost(response.json()) == {"data": {"hello": "hello"}}


async def drips(media_type: str, toy: Any, drop: bytes, first: bytes = b"") -> tuple[bytes, float]:
    """Send a few bytes again and again; answers what comes back, and after how many seconds."""
    more = ("GraphQL-Require-Preflight: 1", "Content-Length: 50000")
    reader, writer = await send_head(toy, *more, media_type=media_type)
    writer.write(first)
    began = monotonic()

    async def dripping() -> None:
        while True:
            writer.write(drop)
            await asyncio.sleep(0.1)

    dropping = asyncio.create_task(dripping())
    try:
        answer = await asyncio.wait_for(reader.readuntil(b"}]}"), 10)
    finally:
        dropping.cancel()
        writer.close()
    return answer, monotonic() - began


@pytest.mark.parametrize("media_type", ["application/json", "multipart/form-data; boundary=x"])
async def test_a_body_that_drips_is_refused_after_four_times_the_silence(toy: Any, media_type: str) -> None:
    first = b"" if media_type == "application/json" else PART
    answer, taken_s = await drips(media_type, toy, b" ", first)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"The body arrives too slowly." in answer
    assert 1.9 < taken_s < 4


async def test_an_upload_may_take_its_time_as_long_as_it_keeps_coming(toy: Any) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3):
            await drips("multipart/form-data; boundary=x", toy, b"x" * 300, PART)
