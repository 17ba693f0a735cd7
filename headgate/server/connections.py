"""What one process grants to those who connect: how many they are, and how long and large the head of a request is.

Uvicorn waits for a head, and for a client to read its answer, for as long as it takes, and takes heads of any size.
"""

from asyncio import AbstractEventLoop, BaseTransport, TimerHandle, Transport
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, cast

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.datastructures import Headers
from websockets.frames import CloseCode
from websockets.http11 import Response
from websockets.server import ServerProtocol
from websockets.typing import StatusLike

from headgate.server.envelope import BUG, HEADERS
from headgate.server.frames import MAX_FRAME_BYTES
from headgate.server.responses import (
    PLAIN_JSON,
    REQUEST_ID,
    Refusal,
    encode_json,
    error_entry,
    malformed,
    new_request_id,
)

MAX_HEAD_BYTES = 64 * 1024
COLON_AND_END_BYTES = 4
NO_HANDSHAKE = "This is not a valid WebSocket handshake."
NOT_HTTP = malformed("This is not a valid HTTP request.")
TOO_LARGE = Refusal(
    431, "HEAD_TOO_LARGE", f"The first line and the headers of a request have at most {MAX_HEAD_BYTES} bytes."
)


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """`silence_s` is how long a head, and writing to a client that doesn't read, may take, in seconds.

    Of more than `max_connections` that are open at once, sockets included, the newest is closed without a word.
    Frames of sockets over twice `max_frame_bytes` are not read.
    """

    silence_s: float = 30.0
    max_connections: int = 2_000
    max_frame_bytes: int = MAX_FRAME_BYTES


class _Timer:
    """Calls back once it has run for `seconds`; to start it again while it runs changes nothing."""

    def __init__(self, loop: AbstractEventLoop, seconds: float, callback: Callable[[], None]) -> None:
        self._loop = loop
        self._seconds = seconds
        self._callback = callback
        self._handle: TimerHandle | None = None

    def start(self) -> None:
        if self._handle is None:
            self._handle = self._loop.call_later(self._seconds, self._callback)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None


class Connection(HttpToolsProtocol):
    """Serves HTTP to one client, within limits."""

    def __init__(self, *args: Any, limits: ConnectionLimits, **options: Any) -> None:
        super().__init__(*args, **options)
        self._limits = limits
        self._is_in_head = False
        self._received_bytes = 0
        self._head_bytes = 0
        self._head_timer = _Timer(self.loop, limits.silence_s, self._end_waiting)
        self._write_timer = _Timer(self.loop, limits.silence_s, self._give_up)

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin to wait for a head, unless too many others are there."""
        super().connection_made(cast(Transport, transport))
        if len(self.connections) > self._limits.max_connections:
            transport.close()
        else:
            self._head_timer.start()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the client."""
        self._head_timer.stop()
        self._write_timer.stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on. While no answer is under way, time runs until a head is complete, whatever is received."""
        if self.transport.is_closing():
            return
        self._received_bytes += len(data)
        super().data_received(data)
        if self._is_in_head and self._received_bytes > MAX_HEAD_BYTES:
            self._turn_away(TOO_LARGE)
        elif self.transport.get_protocol() is self and (self.cycle is None or self.cycle.response_complete):
            self._head_timer.start()

    def on_message_begin(self) -> None:
        """Begin to measure a head."""
        super().on_message_begin()
        self._is_in_head = True
        self._received_bytes = self._head_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Add what stands in the first line."""
        super().on_url(url)
        self._head_bytes += len(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Add a header."""
        super().on_header(name, value)
        self._head_bytes += len(name) + len(value) + COLON_AND_END_BYTES

    def on_headers_complete(self) -> None:
        """Start the request, unless its head is too large."""
        self._is_in_head = False
        self._head_timer.stop()
        if self._head_bytes > MAX_HEAD_BYTES:
            self._turn_away(TOO_LARGE)
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take some of the body, unless the client was turned away."""
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Note the end of the body, unless the client was turned away."""
        if not self.transport.is_closing():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        self._turn_away(NOT_HTTP)

    def pause_writing(self) -> None:
        """Wait for a client that doesn't read, but not for ever."""
        super().pause_writing()
        self._write_timer.start()

    def resume_writing(self) -> None:
        """Go on."""
        self._write_timer.stop()
        super().resume_writing()

    def _end_waiting(self) -> None:
        if self._is_in_head:
            text = f"The head of a request takes at most {self._limits.silence_s:g} seconds."
            self._turn_away(Refusal(408, "REQUEST_TIMEOUT", text))
        else:
            self.transport.close()

    def _give_up(self) -> None:
        self.transport.abort()

    def _turn_away(self, refusal: Refusal) -> None:
        """Answer what never became a request, and close."""
        if self.transport.is_closing():
            return
        is_answering = (
            self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete
        )
        if not is_answering and not self.pipeline:
            headers, body = _answer(refusal)
            lines = [b"%s: %s\r\n" % (name.encode(), value.encode()) for name, value in headers]
            self.transport.write(b"".join([STATUS_LINE[refusal.status], *lines, b"\r\n", body]))
        self.transport.close()


class Socket(WebSocketsSansIOProtocol):
    """Serves a WebSocket; what is no valid handshake is refused as everything else is."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.conn = _Handshake(max_size=self.config.ws_max_size, logger=self.conn.logger)

    def data_received(self, data: bytes) -> None:
        """Read on. What comes first is a whole head: where that began no handshake, it could not even be read."""
        super().data_received(data)
        if not self.handshake_initiated:
            self.handshake_initiated = self.handshake_complete = self.close_sent = True
            refusal = b"".join(self.conn.data_to_send())
            self.transport.write(refusal or self.conn.reject(HTTPStatus.BAD_REQUEST, "").serialize())
            self.transport.close()

    def send_receive_event_to_app(self) -> None:
        """Hand a message on. For text that is no UTF-8 the socket is closed; Uvicorn would log that as an error."""
        if self.curr_msg_data_type == "text" and not _is_utf_8(b"".join(self.frames)):
            self.frames = []
            self.conn.send_close(CloseCode.INVALID_DATA)
            self.handle_parser_exception()
        else:
            super().send_receive_event_to_app()

    async def send(self, message: ASGISendEvent) -> None:
        """Send what the application sends; its refusal ends the handshake, which Uvicorn would log as unfinished."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = True


class _Handshake(ServerProtocol):
    def reject(self, status: StatusLike, text: str) -> Response:
        known = HTTPStatus(status)
        refusal = (
            BUG if known >= HTTPStatus.INTERNAL_SERVER_ERROR else Refusal(known, "BAD_REQUEST", NO_HANDSHAKE)
        )
        headers, body = _answer(refusal)
        return Response(known, known.phrase, Headers(headers), body)


def _is_utf_8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _answer(refusal: Refusal) -> tuple[list[tuple[str, str]], bytes]:
    request_id = new_request_id()
    body = encode_json({"errors": [error_entry(refusal.code, refusal.message, request_id)]})
    headers = [
        *((name.decode(), value.decode()) for name, value in HEADERS),
        (REQUEST_ID, request_id),
        ("content-type", f"{PLAIN_JSON}; charset=utf-8"),
        ("content-length", str(len(body))),
        ("connection", "close"),
    ]
    return headers, body
