"""What every answer carries: the request's id, and headers that tell browsers to make nothing of it but data.

The id is on every line of the log that is written for the request, too.
"""

from time import perf_counter
from typing import Literal

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketDisconnect

from headgate.errors import Unavailable
from headgate.server.masking import INTERNAL, MASKED_MESSAGE, log_outage, log_unexpected
from headgate.server.responses import (
    REQUEST_ID,
    Refusal,
    new_request_id,
    refusal_response,
    request_id_of,
    unavailable,
)
from headgate.telemetry import note

AccessLog = Literal["all", "errors", "none"]
"""Of which requests there is a line in the log."""
MAX_LOGGED_CHARS = 200
REFUSED = 400
SECURE_SCHEMES = ("https", "wss")
SWITCHED = 101
INTERNAL_ERROR = 1011  # RFC 6455, section 7.4.1
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (
        b"content-security-policy",
        b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    (b"cache-control", b"no-store"),
)
"""What an answer carries unless it has its own: a page, say, another policy for its content."""
SECURE_HEADERS = (*HEADERS, (b"strict-transport-security", b"max-age=31536000"))

REFUSALS = {
    404: Refusal(404, "NOT_FOUND", "There is nothing at this path. GraphQL is at /graphql."),
    405: Refusal(405, "METHOD_NOT_ALLOWED", "This path does not take this method."),
}
BUG = Refusal(500, INTERNAL, MASKED_MESSAGE)
NO_SOCKET = Refusal(403, "FORBIDDEN", "No WebSocket is opened for this origin at this path.")

logger = structlog.get_logger(__name__)


class Envelope:
    """Gives each request an id of the server's own, and each answer that id and the headers above.

    An exception that nothing else has caught is logged under the id and answered with a masked 500; where the
    answer has begun, it is cut off. A WebSocket that is refused gets an answer in words, too. `access_log` says of
    which requests there is a line `request.done`.
    """

    def __init__(self, app: ASGIApp, *, access_log: AccessLog = "errors") -> None:
        self._app = app
        self._access_log = access_log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        request_id = scope.setdefault("state", {})["request_id"] = new_request_id()
        # The task of a request may have been begun by that of the one before, over the same connection.
        note(request_id=request_id, user_id=None)
        answer = _Answer(scope, receive, send)
        await self._answer(scope, receive, answer)
        if self._access_log != "none" and (answer.status >= REFUSED or self._access_log == "all"):
            _log(scope, answer.status, perf_counter() - began)

    async def _answer(self, scope: Scope, receive: Receive, answer: "_Answer") -> None:
        try:
            await self._app(scope, receive, answer.send)
        except (ClientDisconnect, WebSocketDisconnect):
            return
        except Unavailable as error:
            log_outage(error, request_id=request_id_of(scope))
            await answer.fail(unavailable(error))
        except Exception as error:
            log_unexpected(error, request_id=request_id_of(scope))
            await answer.fail(BUG)


class _Answer:
    """One answer on its way out."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._has_begun = False
        self.status = 0

    async def send(self, message: Message) -> None:
        if self._has_begun:
            await self._send(message)
        elif message["type"] == "websocket.close":
            await self._answer(NO_SOCKET)
        else:
            self._has_begun = True
            self.status = message.get("status", SWITCHED)
            await self._send(_sealed(message, self._scope))

    async def fail(self, refusal: Refusal) -> None:
        """Tell the client what went wrong on our side, as far as it can still be told."""
        if not self._has_begun:
            await self._answer(refusal)
        elif self._scope["type"] == "websocket":
            await self._send({"type": "websocket.close", "code": INTERNAL_ERROR})

    async def _answer(self, refusal: Refusal) -> None:
        # Starlette sends what answers a WebSocket's request as messages of their own type.
        await refusal_response(refusal, self._scope)(self._scope, self._receive, self.send)


def _sealed(message: Message, scope: Scope) -> Message:
    """Add what the first message of an answer lacks."""
    own = message.get("headers", ())
    added = [(REQUEST_ID.encode(), request_id_of(scope).encode())]
    if message["type"] != "websocket.accept":
        names = {name for name, _ in own}
        defaults = SECURE_HEADERS if scope.get("scheme") in SECURE_SCHEMES else HEADERS
        added += [header for header in defaults if header[0] not in names]
    return {**message, "headers": [*own, *added]}


def _log(scope: Scope, status: int, took_s: float) -> None:
    """Tell of a request without its query, which may carry a link's token; 0 is the status of what had no answer."""
    logger.info(
        "request.done",
        method=scope.get("method", "WEBSOCKET")[:MAX_LOGGED_CHARS],
        path=scope["path"][:MAX_LOGGED_CHARS],
        status=status,
        ms=round(took_s * 1000, 1),
    )


async def refuse_request(request: Request, error: Exception) -> Response:
    """Answer what Starlette raises for a path or a method that is unknown, in the shape of all refusals."""
    assert isinstance(error, HTTPException)
    known = REFUSALS.get(error.status_code) or Refusal(error.status_code, "BAD_REQUEST", error.detail)
    refusal = Refusal(known.status, known.code, known.message, error.headers)
    return refusal_response(refusal, request.scope)
