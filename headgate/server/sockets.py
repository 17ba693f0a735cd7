"""Operations over WebSocket (graphql-transport-ws), held to what Strawberry's own handler leaves open."""

import asyncio
import copy
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

from graphql import GraphQLError
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.schema.schema import StreamResult
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    ConnectionInitMessage,
    Message,
    SubscribeMessage,
)

from headgate.domain.permissions import Principal
from headgate.domain.tolls import RateLimited, Tolls
from headgate.errors import Unavailable
from headgate.server.frames import BadFrame, read_frame
from headgate.server.masking import internal_entry, log_outage, log_unexpected, present, presented
from headgate.server.presence import Presence, TooMany, Visit
from headgate.server.responses import encode_json, error_entry, new_request_id
from headgate.server.streams import Resumable
from headgate.telemetry import note

FORBIDDEN = 4403
INTERNAL_ERROR = 4500
MAX_REASON_BYTES = 123  # RFC 6455, section 5.5
TOO_MANY = 4429
TRY_AGAIN_LATER = 1013
"""As registered with IANA; of the codes for trouble here, one of few after which graphql-ws connects again."""
MESSAGES_PER_S = 100
TOO_MANY_SUBSCRIPTIONS = "TOO_MANY_SUBSCRIPTIONS"


@dataclass
class Connection:
    """What lasts as long as a socket; each operation on it gets a context of its own.

    `stay` is closed when the socket is.
    """

    make_context: Callable[[Principal | None, str, str | None], Resumable]
    tolls: Tolls
    presence: Presence
    address: str | None = None
    connection_params: dict[str, object] = field(default_factory=dict)
    visit: Visit | None = None
    stay: ExitStack = field(default_factory=ExitStack)

    def context_for(self, request_id: str) -> Resumable:
        """Make the context of one operation, once the client is known."""
        assert self.visit is not None
        context = self.make_context(self.visit.principal, request_id, self.address)
        context.bill = self.tolls.bill(self.visit.principal, self.address)
        return context

    def arrive(self) -> None:
        """Count the socket by where it comes from; raises TooMany."""
        self.stay.enter_context(self.presence.at(self.address))

    def let_in(self, token: str, principal: Principal) -> None:
        """Count the socket as one of somebody known; raises TooMany."""
        self.visit = self.stay.enter_context(self.presence.of(token, principal))


class Pace:
    """Takes a message at a time, so that others have their turn, and no more than `MESSAGES_PER_S`.

    Meanwhile nothing is read from the client: it is the client that has to wait.
    """

    def __init__(self) -> None:
        self._began_at = monotonic()
        self._taken = 0

    async def keep(self) -> None:
        """Wait for as long as the next message has to."""
        self._taken += 1
        passed_s = monotonic() - self._began_at
        if passed_s >= 1:
            self._began_at, self._taken = monotonic(), 0
        await asyncio.sleep(1 - passed_s if self._taken > MESSAGES_PER_S and passed_s < 1 else 0)


class SocketAdapter(ASGIWebSocketAdapter):
    """Hands on well-formed messages only, writes text frames, and closes at most once."""

    def __init__(self, view: Any, request: WebSocket, response: WebSocket, *, max_frame_bytes: int) -> None:
        super().__init__(view, request, response)
        self._max_frame_bytes = max_frame_bytes

    @property
    def is_open(self) -> bool:
        """Tell whether this side has neither closed the socket nor learnt that the client did."""
        states = (self.ws.application_state, self.ws.client_state)
        return WebSocketState.DISCONNECTED not in states

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        """Yield messages until the socket closes; a malformed one closes it."""
        pace = Pace()
        while self.is_open:
            await pace.keep()
            event = await self.ws.receive()
            if not self.is_open:
                return
            try:
                message = read_frame(event, max_bytes=self._max_frame_bytes)
            except BadFrame as fault:
                await self.close(fault.code, fault.reason)
                return
            yield message

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send a message; a client that has gone gets nothing, and that is no error."""
        if not self.is_open:
            return
        try:
            await self.ws.send_text(_encode(message).decode())
        except WebSocketDisconnect:
            return

    async def close(self, code: int, reason: str) -> None:
        """Close the socket if it is open; a long reason is cut."""
        if self.is_open:
            short = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
            await self.ws.close(code=code, reason=short)


class SocketHandler(BaseGraphQLTransportWSHandler[Any, None]):
    """One socket: the end of its visit closes it, and each operation has a context and a request id of its own."""

    request_id = ""
    leaving: asyncio.Task[None] | None = None

    async def handle(self) -> None:
        """Talk to a client to the end, unless there are too many where it comes from."""
        with self.context.stay:
            try:
                self.context.arrive()
            except TooMany as fault:
                await self.websocket.close(TOO_MANY, str(fault))
                return
            await super().handle()

    async def handle_message(self, message: Message) -> None:
        """Answer a message; a bug in that closes the socket in order, and an outage so that clients come back."""
        try:
            await super().handle_message(message)
        except Unavailable as fault:
            log_outage(fault, request_id=new_request_id())
            await self.websocket.close(TRY_AGAIN_LATER, fault.message)
        except Exception as error:
            log_unexpected(error, request_id=new_request_id())
            await self.websocket.close(INTERNAL_ERROR, "Internal server error")

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Let a client in that shows a valid token, for as long as that is valid and its user may stay."""
        try:
            await super().handle_connection_init(message)
        except TooMany as fault:
            await self.websocket.close(TOO_MANY, str(fault))
            return
        if self.connection_acknowledged and self.leaving is None:
            self.leaving = asyncio.create_task(self._close_when_over(self.context.visit))

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Start an operation unless the socket has too many; whoever is not let in is sent away first."""
        if self.connection_acknowledged and self._is_full(message["id"]):
            text = f"A socket carries at most {self.max_subscriptions_per_connection} operations at once."
            entry = error_entry(TOO_MANY_SUBSCRIPTIONS, text, new_request_id())
            await self.websocket.send_json({"id": message["id"], "type": "error", "payload": [entry]})
            return
        await super().handle_subscribe(message)

    async def run_operation(self, operation: Operation[Any, None]) -> None:
        """Run an operation with its own context: a copy of the handler that shares all but that."""
        own = copy.copy(self)
        own.request_id = new_request_id()
        own.context = self.context.context_for(own.request_id)
        assert self.context.visit is not None
        note(request_id=own.request_id, user_id=self.context.visit.principal.user_id)
        try:
            # Whoever has nothing left is sent away before the document is parsed.
            await own.context.bill.pay(1)
        except RateLimited as fault:
            shown = present(fault, request_id=own.request_id, default_code=fault.code)
            await operation.send_initial_errors([shown])
            return
        await super(SocketHandler, own).run_operation(operation)

    async def shutdown(self) -> None:
        """End what the socket has started."""
        if self.leaving is not None:
            self.leaving.cancel()
        await super().shutdown()

    async def _send_result_stream(self, operation: Operation[Any, None], result_source: StreamResult) -> None:
        async with aclosing(presented(result_source, request_id=self.request_id)) as results:
            await super()._send_result_stream(operation, results)

    def _is_full(self, operation_id: str) -> bool:
        limit = self.max_subscriptions_per_connection
        return limit is not None and len(self.operations) >= limit and operation_id not in self.operations

    async def _close_when_over(self, visit: Visit) -> None:
        await visit.over()
        await self.websocket.close(FORBIDDEN, "Forbidden")

    @staticmethod
    def _get_pre_execution_close_reason(error: GraphQLError) -> str | None:
        """Answer every failed operation with an error: the others on this socket go on."""
        return None


def _encode(message: Mapping[str, object]) -> bytes:
    try:
        return encode_json(message)
    except TypeError as error:
        request_id = new_request_id()
        log_unexpected(error, request_id=request_id)
        return encode_json({**message, "payload": {"data": None, "errors": [internal_entry(request_id)]}})
