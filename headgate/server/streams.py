"""Operations over Server-Sent Events: the "distinct connections mode" of the graphql-sse protocol.

What is wrong before GraphQL is asked (who asks, method, shape and size of the request) is refused with a 4xx over
plain HTTP. From the document on, a fault is an event, as the protocol has it: EventSource cannot read the body of a
refusal, and clients take one for trouble of the network and ask again.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack, aclosing
from time import monotonic
from typing import Protocol

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send
from strawberry.schema.schema import StreamResult
from strawberry.types.execution import ExecutionResult

from headgate.domain.tolls import Bill
from headgate.errors import Unauthenticated
from headgate.server.leaving import first_of, leave
from headgate.server.masking import encode_response, presented
from headgate.server.presence import Visit
from headgate.server.responses import EVENT_STREAM, encode_json, error_entry, response_of

KEEP_ALIVE_S = 12.0
KEEP_ALIVE = b":\n\n"
# With a space behind the colon urql would take the space for JSON.
COMPLETE = b"event: complete\ndata:\n\n"
HEADERS = {"cache-control": "no-cache, no-store, no-transform", "x-accel-buffering": "no"}
CLOSING = "closing"
"""Names the asyncio.Event in a server's state that is set when the server stops."""


class Resumable(Protocol):
    """The context of an operation: where a client wants to resume, the newest event's cursor, and what is paid."""

    resume_after: str | None
    cursor: str | None
    bill: Bill | None


class EventStream(StreamingResponse):
    """Streams an operation's results until it ends, the client leaves, its visit is over or the server stops.

    The next result is asked for once the one before is written. That a visit is over, as its token has expired or its
    user may not stay, is told by a last result, UNAUTHENTICATED. `stay` is closed at the end, whatever that is. A
    stream that ends without `complete` has more to come: the client is to connect again.
    """

    def __init__(
        self,
        results: StreamResult,
        context: Resumable,
        *,
        request_id: str,
        visit: Visit | None,
        stay: ExitStack,
        keep_alive_s: float = KEEP_ALIVE_S,
    ) -> None:
        self._frames = _encoded(presented(results, request_id=request_id), context, request_id)
        super().__init__(self._frames, headers=HEADERS, media_type=EVENT_STREAM)
        self._request_id = request_id
        self._visit = visit
        self._stay = stay
        self._keep_alive_s = keep_alive_s
        self._written_at = monotonic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._stay:
            await self._stream(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        closing: asyncio.Event = scope.get("state", {}).get(CLOSING) or asyncio.Event()
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        ended = await first_of(
            operation=self._send_frames(send),
            visit=self._visit.over() if self._visit is not None else asyncio.Event().wait(),
            client=leave(receive),
            server=closing.wait(),
            silence=self._keep_alive(send),
        )
        if ended == "visit":
            await self._write(send, _farewell(self._request_id))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_frames(self, send: Send) -> None:
        async with aclosing(self._frames) as frames:
            async for frame in frames:
                await self._write(send, frame)

    async def _keep_alive(self, send: Send) -> None:
        while True:
            rest_s = self._written_at + self._keep_alive_s - monotonic()
            if rest_s > 0:
                await asyncio.sleep(rest_s)
            else:
                await self._write(send, KEEP_ALIVE)

    async def _write(self, send: Send, frame: bytes) -> None:
        await send({"type": "http.response.body", "body": frame, "more_body": True})
        self._written_at = monotonic()


async def only(result: ExecutionResult) -> StreamResult:
    """Make a stream of one result."""
    yield result


async def _encoded(results: StreamResult, context: Resumable, request_id: str) -> AsyncGenerator[bytes, None]:
    """Make frames of results; each carries the cursor that was set since the one before."""
    async with aclosing(results):
        async for result in results:
            assert isinstance(result, ExecutionResult)
            cursor, context.cursor = context.cursor, None
            yield _next(encode_response(response_of(result), request_id=request_id), cursor)
    yield COMPLETE


def _next(data: bytes, cursor: str | None = None) -> bytes:
    """Make the frame of a result. Lines end in LF alone: urql knows no other end of a frame than LF LF."""
    line = b"" if cursor is None else b"id: %s\n" % cursor.encode()
    return b"event: next\n%sdata: %s\n\n" % (line, data)


def _farewell(request_id: str) -> bytes:
    fault = Unauthenticated()
    entry = error_entry(fault.code, fault.message, request_id)
    return _next(encode_json({"errors": [entry]})) + COMPLETE
