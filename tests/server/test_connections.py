"""Clients that are slow, large, many, or speak no HTTP: raw sockets against a real server with small limits."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from headgate.server.connections import MAX_HEAD_BYTES, ConnectionLimits
from headgate.server.envelope import HEADERS, Envelope

SILENCE_S = 0.2
MAX_CONNECTIONS = 5
REQUEST = b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\n"
HANDSHAKE = [
    "GET /socket HTTP/1.1",
    "Host: x",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}",
]
Client = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Connect = Callable[[], Any]


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello")


async def slow(request: Request) -> Response:
    await asyncio.sleep(2 * SILENCE_S)
    return PlainTextResponse("done")


async def endless(request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(1024**2)
                await asyncio.sleep(0)
        finally:
            request.app.state.ended.set()

    return StreamingResponse(chunks())


async def socket(websocket: WebSocket) -> None:
    await websocket.accept()
    await asyncio.sleep(2 * SILENCE_S)
    await websocket.close()


@pytest.fixture
def app() -> Starlette:
    app = Starlette(
        routes=[
            Route("/hello", hello),
            Route("/hello", hello, methods=["POST"]),
            Route("/slow", slow),
            Route("/endless", endless),
            WebSocketRoute("/socket", socket),
        ],
        middleware=[Middleware(Envelope)],
    )
    app.state.ended = asyncio.Event()
    return app


@pytest.fixture
async def url(app: Starlette, serve: Callable[..., Any]) -> AsyncIterator[str]:
    async with serve(app, ConnectionLimits(SILENCE_S, MAX_CONNECTIONS)) as url:
        yield url


@pytest.fixture
def connect(url: str) -> Connect:
    @asynccontextmanager
    async def connecting() -> AsyncIterator[Client]:
        address = httpx.URL(url)
        reader, writer = await asyncio.open_connection(address.host, address.port)
        try:
            yield reader, writer
        finally:
            writer.close()

    return connecting


async def rest_of(reader: asyncio.StreamReader) -> bytes:
    """Read until the server closes."""
    async with asyncio.timeout(5):
        try:
            return await reader.read()
        except ConnectionError:
            return b""


async def answer_to(connect: Connect, *sent: bytes, pause_s: float = 0.0) -> bytes:
    """Send pieces, and read whatever is answered until the server closes."""
    async with connect() as (reader, writer):
        for piece in sent:
            writer.write(piece)
            await asyncio.sleep(pause_s)
        return await rest_of(reader)


def refusal(answer: bytes) -> tuple[int, str]:
    """Check the form of a refusal; answers status and code."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode().lower().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines[1:])
    (error,) = json.loads(body)["errors"]
    assert headers["x-request-id"] == error["extensions"]["requestId"]
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["connection"] == "close"
    assert {name.decode() for name, _ in HEADERS} <= set(headers)
    return int(lines[0].split()[1]), error["extensions"]["code"]


async def is_well(url: str) -> bool:
    async with httpx.AsyncClient(base_url=url) as client:
        return (await client.get("/hello")).text == "hello"


async def test_who_says_nothing_is_left(connect: Connect, url: str) -> None:
    assert await answer_to(connect) == b""
    assert await is_well(url)


@pytest.mark.parametrize("piece", [b"G", REQUEST[:20], REQUEST[:-2]])
async def test_a_head_that_never_ends_is_refused(connect: Connect, piece: bytes) -> None:
    assert refusal(await answer_to(connect, piece)) == (408, "REQUEST_TIMEOUT")


@pytest.mark.parametrize("first", [b"", REQUEST])
@pytest.mark.parametrize("drop", [b"x: y\r\n", b"\r\n"])
async def test_a_head_that_drips_is_refused_all_the_same(connect: Connect, first: bytes, drop: bytes) -> None:
    async with connect() as (reader, writer):
        if first:
            writer.write(first)
            await reader.readuntil(b"hello")
        if drop != b"\r\n":
            writer.write(REQUEST[:-2])

        async def drip() -> None:
            while True:
                writer.write(drop)
                await asyncio.sleep(SILENCE_S / 10)

        dripping = asyncio.create_task(drip())
        answer = await rest_of(reader)
        dripping.cancel()

    assert answer == b"" if drop == b"\r\n" else refusal(answer) == (408, "REQUEST_TIMEOUT")


async def test_a_slow_head_that_ends_in_time_is_answered(connect: Connect) -> None:
    async with connect() as (reader, writer):
        for piece in (REQUEST[:5], REQUEST[5:-2], REQUEST[-2:]):
            writer.write(piece)
            await asyncio.sleep(SILENCE_S / 5)
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")


async def test_an_answer_may_take_longer_than_a_head(connect: Connect) -> None:
    async with connect() as (reader, writer):
        writer.write(REQUEST.replace(b"hello", b"slow"))
        assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200 ")
        writer.write(REQUEST)
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")


async def test_requests_in_a_row_are_answered_in_a_row(connect: Connect) -> None:
    async with connect() as (reader, writer):
        writer.write(REQUEST.replace(b"hello", b"slow") + REQUEST)
        answers = await reader.readuntil(b"hello")

    assert answers.count(b"HTTP/1.1 200 ") == 2


async def test_a_body_that_nobody_reads_does_not_keep_a_connection(connect: Connect) -> None:
    async with connect() as (reader, writer):
        writer.write(b"POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        await reader.readuntil(b"hello")

        async def drip() -> None:
            while True:
                writer.write(b"x")
                await asyncio.sleep(SILENCE_S / 10)

        dripping = asyncio.create_task(drip())
        assert await rest_of(reader) == b""
        dripping.cancel()


@pytest.mark.parametrize(
    "head",
    [
        [b"GET /hello HTTP/1.1\r\nHost: x\r\nX: ", b"y" * MAX_HEAD_BYTES, b"\r\n\r\n"],
        [b"GET /hello HTTP/1.1\r\nHost: x\r\n", b"X: y\r\n" * (MAX_HEAD_BYTES // 6), b"\r\n"],
        [b"GET /hello?", b"x" * MAX_HEAD_BYTES, b" HTTP/1.1\r\nHost: x\r\n\r\n"],
        [b"GET /hello HTTP/1.1\r\nHost: x\r\nX: ", *([b"y" * 20_000] * 20)],
    ],
    ids=["one header", "many headers", "the first line", "without an end"],
)
@pytest.mark.parametrize("is_at_once", [True, False], ids=["at once", "in pieces"])
async def test_a_head_over_the_limit_is_refused(
    connect: Connect, url: str, head: list[bytes], is_at_once: bool
) -> None:
    pieces = [b"".join(head)] if is_at_once else head

    async with connect() as (reader, writer):
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.01)
        answer = await rest_of(reader)

    # Of what was sent behind the limit the system tells with a reset, which may overtake the answer.
    assert answer == b"" or refusal(answer)[0] in (431, 408)
    assert await is_well(url)


async def test_a_head_at_the_limit_is_taken(connect: Connect) -> None:
    async with connect() as (reader, writer):
        writer.write(REQUEST[:-2] + b"X: " + b"y" * (MAX_HEAD_BYTES - 100) + b"\r\n\r\n")
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200 ")


async def test_who_does_not_read_is_left(connect: Connect, app: Starlette) -> None:
    async with connect() as (_, writer):
        writer.write(REQUEST.replace(b"hello", b"endless"))
        async with asyncio.timeout(5):
            await app.state.ended.wait()


async def test_only_so_many_are_let_in_and_the_next_once_one_leaves(connect: Connect, url: str) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(MAX_CONNECTIONS):
            reader, writer = await stack.enter_async_context(connect())
            writer.write(REQUEST)
            await reader.readuntil(b"hello")
        assert await answer_to(connect, REQUEST) == b""
        writer.close()
        assert await rest_of(reader) == b""
        async with asyncio.timeout(5):
            while b"hello" not in await answer_to(
                connect, REQUEST.replace(b"Host", b"Connection: close\r\nHost")
            ):
                pass


async def test_a_socket_may_be_silent(connect: Connect) -> None:
    async with connect() as (reader, writer):
        writer.write("\r\n".join([*HANDSHAKE, "", ""]).encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
        assert await reader.readexactly(1) == b"\x88", "a frame of the application, which ends it"


async def test_a_handshake_that_stalls_is_refused(connect: Connect) -> None:
    assert refusal(await answer_to(connect, "\r\n".join(HANDSHAKE).encode())) == (408, "REQUEST_TIMEOUT")


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        ("Version: 13", "Version: 8", 400),
        ("Version: 13", "Version: x", 400),
        ("Key: AAAAAAAAAAAAAAAAAAAAAA==", "Key: x", 400),
        ("Key: AAAAAAAAAAAAAAAAAAAAAA==", "Key: AAAA", 400),
        ("Sec-WebSocket-Key", "X", 400),
        ("GET", "POST", 405),
    ],
)
async def test_a_malformed_handshake_is_refused(connect: Connect, old: str, new: str, status: int) -> None:
    sent = "\r\n".join([*HANDSHAKE, "", ""]).replace(old, new, 1).encode()

    assert refusal(await answer_to(connect, sent)) == (status, "BAD_REQUEST")


async def test_a_refused_socket_is_no_trouble_in_the_logs(
    connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    sent = "\r\n".join([*HANDSHAKE, "", ""]).replace("/socket", "/nothing").encode()

    assert (await answer_to(connect, sent)).startswith(b"HTTP/1.1 403 ")
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_what_is_no_http_is_refused(connect: Connect) -> None:
    assert refusal(await answer_to(connect, b"\x16\x03\x01hello\r\n\r\n")) == (400, "BAD_REQUEST")
