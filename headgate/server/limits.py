"""What a request may take: bytes of its body, and time between them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headgate.server.multipart import DRAIN_BYTES
from headgate.server.multipart import MEDIA_TYPE as MULTIPART
from headgate.server.responses import Refusal, refusal_response
from headgate.server.tus import MEDIA_TYPE as TUS

FILES = (MULTIPART, TUS)
"""Media types of bodies that may be large files."""
READ_TIMEOUT_S = 30.0
WHOLE_BODY = 4
"""How many times as long as a client may be silent its whole body may take."""

SLOWEST_UPLOAD = 1024
"""Bytes a second; whoever is slower, or drips, holds a connection for no good."""

TOO_SLOW = "The body arrives too slowly."
CLOSE = {"connection": "close"}


class BodyLimit:
    """Refuses bodies over `max_bytes`, with advice: 413, BODY_TOO_LARGE. Multipart bodies have limits of their own.

    A client that is still sending gets that answer too: up to 64 MiB more are read and forgotten first.
    """

    def __init__(
        self, app: ASGIApp, *, max_bytes: int, advice: str = "files go into multipart requests."
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._advice = advice

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or _is_multipart(scope):
            await self._app(scope, receive, send)
            return

        received_bytes = 0

        async def limited() -> Message:
            nonlocal received_bytes
            message = await receive()
            received_bytes += len(message.get("body", b""))
            if received_bytes > self._max_bytes:
                await _drain(message, receive)
                raise self._refusal()
            return message

        if _content_length(scope) > self._max_bytes:
            if not _waits_for_leave(scope):
                await _drain({"type": "http.request", "more_body": True}, receive)
            await _refuse(self._refusal(), scope, receive, send)
        else:
            await _run(self._app, scope, limited, send)

    def _refusal(self) -> Refusal:
        text = f"A request body has at most {self._max_bytes} bytes; {self._advice}"
        return Refusal(413, "BODY_TOO_LARGE", text, CLOSE)


class ReadDeadline:
    """Refuses a client that falls silent in the middle of its body, or drips: 408, REQUEST_TIMEOUT.

    Nothing may be missing for `seconds`, and a body has four times as long to arrive. A multipart body, or one of tus,
    which may be a large file, has a second more for each KiB that has come.
    """

    def __init__(self, app: ASGIApp, *, seconds: float = READ_TIMEOUT_S) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        is_complete = False
        ends_at = monotonic() + WHOLE_BODY * self._seconds
        more_s_a_byte = 1 / SLOWEST_UPLOAD if _media_type(scope).startswith(FILES) else 0.0

        async def timed() -> Message:
            nonlocal is_complete, ends_at
            if is_complete:
                return await receive()
            message = await self._in_time(receive, ends_at)
            ends_at += len(message.get("body", b"")) * more_s_a_byte
            is_complete = not message.get("more_body", False)
            return message

        await _run(self._app, scope, timed, send)

    async def _in_time(self, receive: Callable[[], Awaitable[Message]], ends_at: float) -> Message:
        left_s = ends_at - monotonic()
        try:
            # Unlike wait_for, which in Python 3.11 may take a cancellation for itself. What has arrived is taken
            # even where no time is left: it may be us who were slow to read it.
            async with asyncio.timeout(max(min(self._seconds, left_s), 0)):
                return await receive()
        except TimeoutError as error:
            is_silent = left_s >= self._seconds
            text = f"Nothing arrived for {self._seconds:g} seconds." if is_silent else TOO_SLOW
            raise Refusal(408, "REQUEST_TIMEOUT", text, CLOSE, retryable=True) from error


async def _run(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Run an application that may let a refusal of its `receive` through, and answer that in its place."""
    try:
        await app(scope, receive, send)
    except Refusal as refusal:
        await _refuse(refusal, scope, receive, send)


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    await refusal_response(refusal, scope)(scope, receive, send)


async def _drain(message: Message, receive: Receive) -> None:
    """Read on from a message to the body's end, unless more than DRAIN_BYTES come or the client falls silent."""
    drained_bytes = 0
    with suppress(Refusal):
        while message.get("more_body", False) and drained_bytes <= DRAIN_BYTES:
            message = await receive()
            drained_bytes += len(message.get("body", b""))


def _waits_for_leave(scope: Scope) -> bool:
    """Tell whether the client sends its body only once it is asked to, as reading it would do."""
    return Headers(scope=scope).get("expect", "").lower() == "100-continue"


def _is_multipart(scope: Scope) -> bool:
    return _media_type(scope).startswith(MULTIPART)


def _media_type(scope: Scope) -> str:
    return Headers(scope=scope).get("content-type", "").strip().lower()


def _content_length(scope: Scope) -> int:
    value = Headers(scope=scope).get("content-length", "")
    return int(value) if value.isdecimal() else 0
