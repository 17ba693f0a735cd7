"""One process that serves an application until a signal stops it."""

import asyncio
import gc
import signal
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from ipaddress import ip_address
from typing import Literal, cast

import httpx
import structlog
import uvicorn
from starlette.types import ASGIApp

from headgate.server.connections import Connection, ConnectionLimits, Socket
from headgate.server.streams import CLOSING

CLOSE_S = 5
CHECK_TIMEOUT_S = 10.0
CHECK_INTERVAL_S = 1.0
BACKLOG = 2048
IDLE_S = 75
"""Longer than clients and proxies keep a connection to use it again: none is closed under their next request."""
GC_ALLOCATIONS = 20_000
"""A page of a list makes some thousand objects, hardly any in cycles; by default they are looked through ten times."""

OnReady = Callable[[], Awaitable[None]]

logger = structlog.get_logger(__name__)


def listen(host: str, port: int) -> socket.socket:
    """Take a port, any free one for 0; raises OSError where that cannot be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    # asyncio sets this on sockets that say they are TCP, and create_server's don't: answers would wait 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def url_of(listener: socket.socket) -> str:
    """Tell the URL under which this machine reaches a listener."""
    address, port, *_ = listener.getsockname()
    ip = ip_address(address)
    if ip.is_unspecified:
        ip = ip_address("127.0.0.1" if ip.version == 4 else "::1")
    return f"http://{ip}:{port}" if ip.version == 4 else f"http://[{ip}]:{port}"


def configure(
    app: ASGIApp, limits: ConnectionLimits, *, lifespan: Literal["on", "off"] = "on"
) -> uvicorn.Config:
    """Say how an application is served, with or without its lifespan."""
    return uvicorn.Config(
        app,
        http=cast("type[asyncio.Protocol]", partial(Connection, limits=limits)),
        ws=Socket,
        # Our own limit comes first, and closes the socket with a reason.
        ws_max_size=2 * limits.max_frame_bytes,
        # Messages are small: to deflate them costs more than it saves.
        ws_per_message_deflate=False,
        lifespan=lifespan,
        log_config=None,
        access_log=False,
        server_header=False,
        # By default uvicorn believes whoever connects from this machine; whom we believe is a setting.
        proxy_headers=False,
        timeout_keep_alive=IDLE_S,
        timeout_graceful_shutdown=CLOSE_S,
    )


def run(app: ASGIApp, listener: socket.socket, *, limits: ConnectionLimits, on_ready: OnReady) -> bool:
    """Serve until SIGTERM or SIGINT; False where the application did not start.

    `on_ready` is awaited once /readyz has answered that all is well; requests are answered meanwhile.
    """
    # Uvicorn raises the signal that stopped it again once it is done; by then that must not kill us.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ignore)
    try:
        _Server(configure(app, limits), url_of(listener), on_ready).run([listener])
    except SystemExit:
        return False
    return True


def _ignore(number: int, frame: object) -> None:
    """Do nothing. Unlike SIG_IGN this is not passed on to child processes."""


class _Server(uvicorn.Server):
    """Says when it is ready, and not before a request has shown that."""

    def __init__(self, config: uvicorn.Config, url: str, on_ready: OnReady) -> None:
        super().__init__(config)
        self._url = url
        self._on_ready = on_ready
        self._checking: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve, and to ask oneself."""
        self.lifespan.state[CLOSING] = self._closing
        await super().startup(sockets)
        self._checking = asyncio.create_task(self._check())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop to serve, once open requests are answered; streams, which have no end of their own, are told to end."""
        self._closing.set()
        if self._checking is not None:
            self._checking.cancel()
        await super().shutdown(sockets)

    async def _check(self) -> None:
        async with httpx.AsyncClient(base_url=self._url, trust_env=False, timeout=CHECK_TIMEOUT_S) as client:
            while not await _is_ready(client):
                logger.warning("server.not_ready", url=self._url)
                await asyncio.sleep(CHECK_INTERVAL_S)
        # What is there by now stays: the collector needn't look through it again and again.
        gc.freeze()
        gc.set_threshold(GC_ALLOCATIONS)
        await self._on_ready()


async def _is_ready(client: httpx.AsyncClient) -> bool:
    with suppress(httpx.TransportError):
        return (await client.get("/readyz")).is_success
    return False
