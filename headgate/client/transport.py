"""The two ways to a server: over a thread that waits, and over an event loop.

All else in this package is written once, as coroutines over `Transport`. Over `BlockingTransport` these never pause:
whatever is awaited there has been done by then. So one step runs them to their end, without any event loop.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from typing import Protocol, TypeVar

import httpx

from headgate.client.servers import Server

Result = TypeVar("Result")


class Transport(Protocol):
    """Sends requests, and waits."""

    def build(
        self, method: str, path: str, *, content: bytes | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Request:
        """Make a request to a path of the server."""

    async def send(self, request: httpx.Request, *, stream: bool = False) -> httpx.Response:
        """Send it; the body of the answer is read, unless it is to be streamed. Raises httpx.TransportError."""

    def chunks(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        """Read a streamed body as it comes. Raises httpx.TransportError."""

    async def read(self, response: httpx.Response) -> None:
        """Read a streamed body to its end. Raises httpx.TransportError."""

    async def end(self, response: httpx.Response) -> None:
        """Read no more of a streamed body."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""

    async def call(self, function: Callable[[], Result]) -> Result:
        """Call what reads or writes a file, and keeps its caller waiting."""

    async def close(self) -> None:
        """Close all connections."""


class BlockingTransport:
    """Asks in this thread."""

    def __init__(self, server: Server) -> None:
        self._http = httpx.Client(
            base_url=server.url, headers=server.headers, timeout=server.timeout, trust_env=server.trust_env
        )

    def build(
        self, method: str, path: str, *, content: bytes | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Request:
        return self._http.build_request(method, path, content=content, headers=headers)

    async def send(self, request: httpx.Request, *, stream: bool = False) -> httpx.Response:
        return self._http.send(request, stream=stream)

    async def chunks(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        for chunk in response.iter_bytes():
            yield chunk

    async def read(self, response: httpx.Response) -> None:
        response.read()

    async def end(self, response: httpx.Response) -> None:
        response.close()

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251

    async def call(self, function: Callable[[], Result]) -> Result:
        return function()

    async def close(self) -> None:
        self._http.close()


class AsyncTransport:
    """Asks over asyncio's event loop."""

    def __init__(self, server: Server) -> None:
        self._http = httpx.AsyncClient(
            base_url=server.url, headers=server.headers, timeout=server.timeout, trust_env=server.trust_env
        )

    def build(
        self, method: str, path: str, *, content: bytes | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Request:
        return self._http.build_request(method, path, content=content, headers=headers)

    async def send(self, request: httpx.Request, *, stream: bool = False) -> httpx.Response:
        return await self._http.send(request, stream=stream)

    async def chunks(self, response: httpx.Response) -> AsyncGenerator[bytes, None]:
        async for chunk in response.aiter_bytes():
            yield chunk

    async def read(self, response: httpx.Response) -> None:
        await response.aread()

    async def end(self, response: httpx.Response) -> None:
        await response.aclose()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def call(self, function: Callable[[], Result]) -> Result:
        return await asyncio.to_thread(function)

    async def close(self) -> None:
        await self._http.aclose()
