"""Operations over WebSocket (graphql-transport-ws), held to what Strawberry's own handler leaves open."""

import asyncio
import copy
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from graphql import GraphQLError
from starlette.websockets import WebSocketDisconnect, WebSocketState
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
from headgate.server.frames import BadFrame, read_frame
from headgate.server.masking import internal_entry, log_unexpected, present, presented
from headgate.server.responses import encode_json, error_entry, new_request_id
from headgate.server.streams import Resumable

FORBIDDEN = 4403
INTERNAL_ERROR = 4500
MAX_REASON_BYTES = 123  # RFC 6455, section 5.5
MAX_SUBSCRIPTIONS = 50
TOO_MANY_SUBSCRIPTIONS = "TOO_MANY_SUBSCRIPTIONS"


@dataclass
class Connection:
    """What lasts as long as a socket; each operation on it gets a context of its own."""

    make_context: Callable[[Principal | None, str, str | None], Resumable]
    tolls: Tolls
    address: str | None = None
    connection_params: dict[str, object] = field(default_factory=dict)
    principal: Principal | None = None

    def context_for(self, request_id: str) -> Resumable:
        """Make the context of one operation, once the client is known."""
        assert self.principal is not None
        context = self.make_context(self.principal, request_id, self.address)
        context.bill = self.tolls.bill(self.principal, self.address)
        return context


class SocketAdapter(ASGIWebSocketAdapter):
    """Hands on well-formed messages only, writes text frames, and closes at most once."""

    @property
    def is_open(self) -> bool:
        """Tell whether this side has neither closed the socket nor learnt that the client did."""
        states = (self.ws.application_state, self.ws.client_state)
        return WebSocketState.DISCONNECTED not in states

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        """Yield messages until the socket closes; a malformed one closes it."""
        while self.is_open:
            event = await self.ws.receive()
            if not self.is_open:
                return
            try:
                message = read_frame(event)
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
    """One socket: its token's end closes it, and each operation has a context and a request id of its own."""

    request_id = ""
    expiry: asyncio.Task[None] | None = None

    async def handle_message(self, message: Message) -> None:
        """Answer a message; a bug in that closes the socket in order."""
        try:
            await super().handle_message(message)
        except Exception as error:
            log_unexpected(error, request_id=new_request_id())
            await self.websocket.close(INTERNAL_ERROR, "Internal server error")

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        """Let a client in that shows a valid token, until that token expires."""
        await super().handle_connection_init(message)
        if self.connection_acknowledged and self.expiry is None:
            self.expiry = asyncio.create_task(self._close_at(self.context.principal.expires_at))

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
        if self.expiry is not None:
            self.expiry.cancel()
        await super().shutdown()

    async def _send_result_stream(self, operation: Operation[Any, None], result_source: StreamResult) -> None:
        async with aclosing(presented(result_source, request_id=self.request_id)) as results:
            await super()._send_result_stream(operation, results)

    def _is_full(self, operation_id: str) -> bool:
        limit = self.max_subscriptions_per_connection
        return limit is not None and len(self.operations) >= limit and operation_id not in self.operations

    async def _close_at(self, moment: datetime) -> None:
        await asyncio.sleep((moment - datetime.now(UTC)).total_seconds())
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
