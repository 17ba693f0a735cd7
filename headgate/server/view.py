"""The /graphql endpoint: GraphQL over HTTP, Server-Sent Events and WebSocket, for any Strawberry schema."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any

from cross_web import AsyncHTTPRequestAdapter, StarletteRequestAdapter
from graphql import GraphQLError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLHTTPResponse, GraphQLRequestData
from strawberry.http.base import BaseRequestProtocol
from strawberry.schema import Schema
from strawberry.schema.exceptions import CannotGetOperationTypeError, InvalidOperationTypeError
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.execution import ExecutionResult, PreExecutionError
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UnsetType

from headgate.domain.permissions import Principal
from headgate.domain.tolls import RateLimited, Tolls
from headgate.errors import Unauthenticated, Unavailable
from headgate.server.addresses import address_of
from headgate.server.auth import Authenticate, bearer_token
from headgate.server.body import (
    body_of,
    media_type_of,
    operation_from,
    operation_from_body,
    operation_from_query,
)
from headgate.server.callers import caller_of, shown_token
from headgate.server.frames import MAX_FRAME_BYTES
from headgate.server.masking import (
    INTERNAL,
    MASKED_MESSAGE,
    encode_response,
    log_outage,
    log_unexpected,
    present_all,
)
from headgate.server.multipart import MEDIA_TYPE as MULTIPART
from headgate.server.multipart import MultipartReceiver
from headgate.server.presence import Presence, TooMany
from headgate.server.refusals import rate_limited, show_allowance, too_many, unauthenticated, wrong_type
from headgate.server.responses import (
    GRAPHQL_JSON,
    PLAIN_JSON,
    REQUEST_ID,
    Refusal,
    accepts_events,
    accepts_only_events,
    json_response,
    malformed,
    negotiate,
    refusal_response,
    request_id_of,
    response_of,
    unavailable,
)
from headgate.server.sockets import Connection, SocketAdapter, SocketHandler
from headgate.server.streams import KEEP_ALIVE_S, EventStream, Resumable, only

MAX_SUBSCRIPTIONS = 50
INIT_TIMEOUT = timedelta(seconds=10)
ALLOWED_OPERATIONS = {
    "GET": {OperationType.QUERY},
    "POST": {OperationType.QUERY, OperationType.MUTATION},
}

MakeContext = Callable[[Principal | None, str, str | None], Resumable]
"""Makes the context of one operation: who asks, None for nobody known, the request's id, and where it comes from."""


class RequestAdapter(StarletteRequestAdapter):
    """Strawberry's view of a request, with the request itself."""

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self.request = request


class GraphQLApp(GraphQL[Any, None]):
    """An ASGI application that runs a schema's operations for whoever `authenticate` knows.

    For others it makes contexts without a caller, and leaves it to the schema what these may do.

    Whatever a client sends is answered in GraphQL's shape: a refusal is a 4xx, a bug is masked and
    logged, and each error carries `extensions.code` and `extensions.requestId`. Files of multipart
    requests go through `uploads`. Each operation pays its `tolls`; `presence` knows the sockets and streams.
    Browsers may open sockets from the same origin and from `allowed_origins`. Event streams that are silent
    for `keep_alive_s` carry a comment.
    """

    request_adapter_class = RequestAdapter
    websocket_adapter_class: Any
    graphql_transport_ws_handler_class = SocketHandler

    def __init__(
        self,
        schema: Schema,
        *,
        authenticate: Authenticate,
        make_context: MakeContext,
        uploads: MultipartReceiver,
        tolls: Tolls,
        presence: Presence,
        max_subscriptions: int = MAX_SUBSCRIPTIONS,
        max_frame_bytes: int = MAX_FRAME_BYTES,
        allowed_origins: Sequence[str] = (),
        keep_alive_s: float = KEEP_ALIVE_S,
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=INIT_TIMEOUT,
            max_subscriptions_per_connection=max_subscriptions,
            allowed_origins=allowed_origins,
        )
        self._authenticate = authenticate
        self._make_context = make_context
        self._uploads = uploads
        self._tolls = tolls
        self._presence = presence
        self.websocket_adapter_class = partial(SocketAdapter, max_frame_bytes=max_frame_bytes)
        self._keep_alive_s = keep_alive_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self.run(WebSocket(scope, receive, send))
            return
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        request.state.file = request.state.bill = None
        response = await self._answer_safely(request)
        show_allowance(response, request.state.bill)
        return response

    async def _answer_safely(self, request: Request) -> Response:
        try:
            return await self._answer_operation(request)
        except Refusal as refusal:
            return refusal_response(refusal, request.scope)
        except RateLimited as fault:
            return refusal_response(rate_limited(fault), request.scope)
        except ClientDisconnect:
            return refusal_response(malformed("The body ended too early."), request.scope)
        except Unavailable as error:
            log_outage(error, request_id=request.state.request_id)
            return refusal_response(unavailable(error), request.scope)
        except Exception as error:
            log_unexpected(error, request_id=request.state.request_id)
            return refusal_response(Refusal(500, INTERNAL, MASKED_MESSAGE), request.scope)

    async def _answer_operation(self, request: Request) -> Response:
        caller = request.state.caller = await caller_of(request, self._authenticate)
        bill = request.state.bill = self._tolls.bill(caller, address_of(request.scope))
        # Whoever has nothing left is sent away before a byte of the body is read.
        await bill.pay(1)
        try:
            return await self.run(request)
        finally:
            if request.state.file is not None:
                await self._uploads.discard_unclaimed(request.state.file)

    async def _known(self, token: str | None) -> Principal:
        principal = await self._authenticate(token) if token else None
        if principal is None:
            raise Unauthenticated
        return principal

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Any:
        """Make the context of a request, or what a socket makes its operations' contexts from."""
        if isinstance(request, WebSocket):
            return Connection(self._make_context, self._tolls, self._presence, address_of(request.scope))
        context = self._make_context(
            request.state.caller, request.state.request_id, address_of(request.scope)
        )
        context.resume_after = request.headers.get("last-event-id") or None
        context.bill = request.state.bill
        request.state.context = context
        return context

    async def on_ws_connect(self, context: Connection) -> UnsetType:
        """Let a socket in whose first message carries a valid token."""
        token = bearer_token(context.connection_params.get("Authorization"))
        try:
            principal = await self._known(token)
        except Unauthenticated as error:
            with suppress(RateLimited):
                await self._tolls.bill(None, context.address).pay(1)
            raise ConnectionRejectionError from error
        context.let_in(token or "", principal)
        return UnsetType()

    def is_request_allowed(self, request: BaseRequestProtocol) -> bool:
        """Refuse methods other than GET and POST."""
        if request.method not in ALLOWED_OPERATIONS:
            raise Refusal(405, "METHOD_NOT_ALLOWED", "Send a GET or POST request.", {"allow": "GET, POST"})
        return True

    def should_render_graphql_ide(self, request: BaseRequestProtocol) -> bool:
        """Never: a request without a query is a malformed one."""
        return False

    async def parse_http_body(self, request: AsyncHTTPRequestAdapter) -> GraphQLRequestData:
        """Read the one operation of a request; raises Refusal where there is none."""
        if request.method == "GET":
            return operation_from_query(request.query_params)
        media_type = media_type_of(request.headers)
        assert isinstance(request, RequestAdapter)
        if media_type == PLAIN_JSON:
            return operation_from_body(
                await body_of(request.request, is_known=request.request.state.caller is not None)
            )
        if media_type == MULTIPART:
            return await self._receive_multipart(request.request)
        raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", f"Send {PLAIN_JSON} or {MULTIPART}.")

    async def _receive_multipart(self, request: Request) -> GraphQLRequestData:
        if request.state.caller is None:
            raise unauthenticated()
        fields, request.state.file = await self._uploads.receive(request)
        return operation_from(fields)

    async def execute_operation(
        self,
        request: Request,
        request_adapter: AsyncHTTPRequestAdapter,
        request_data: Any,
        context: Any,
        root_value: None,
        sub_response: Response,
    ) -> Any:
        """Run an operation of a type that the method allows: an ExecutionResult, or for events a StreamResult."""
        accept = request.headers.get("accept", "")
        operation: dict[str, Any] = {
            "query": request_data.query,
            "variable_values": request_data.variables,
            "context_value": context,
            "operation_name": request_data.operation_name,
            "operation_extensions": request_data.extensions,
        }
        try:
            result = await self._execute(operation, ALLOWED_OPERATIONS[request.method])
        except InvalidOperationTypeError as error:
            if error.operation_type is OperationType.SUBSCRIPTION and accepts_events(accept):
                return await self._subscribe(request, operation)
            raise wrong_type(error.operation_type) from error
        return only(result) if accepts_only_events(accept) else result

    async def _subscribe(self, request: Request, operation: dict[str, Any]) -> Any:
        if request.state.caller is None:
            raise unauthenticated()
        return await self.schema.subscribe(**operation)

    async def _execute(self, operation: dict[str, Any], allowed: set[OperationType]) -> ExecutionResult:
        try:
            result = await self.schema.execute(**operation, allowed_operation_types=allowed)
        except CannotGetOperationTypeError as error:
            return PreExecutionError(data=None, errors=[GraphQLError(str(error), original_error=error)])
        for cause in (error.original_error for error in result.errors or ()):
            if isinstance(cause, RateLimited):
                raise cause
            if isinstance(cause, Unauthenticated):
                raise unauthenticated()
        return result

    async def _create_streaming_response(
        self, request: Request, result: Any, protocol: object, sub_response: Response
    ) -> Response:
        try:
            stay, visit = self._presence.begin(
                address_of(request.scope), shown_token(request), request.state.caller
            )
        except TooMany as fault:
            await result.aclose()
            raise too_many(fault) from fault
        return EventStream(
            result,
            request.state.context,
            request_id=request.state.request_id,
            visit=visit,
            stay=stay,
            keep_alive_s=self._keep_alive_s,
        )

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        """Shape a result."""
        result.errors = present_all(result, request_id=request.state.request_id)
        return response_of(result)

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        """Note the request's id, and the media type that the client prefers."""
        media_type = negotiate(request.headers.get("accept", ""))
        return Response(headers={REQUEST_ID: request_id_of(request.scope)}, media_type=media_type)

    def create_response(
        self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response
    ) -> Response:
        """Answer 200, but 400 to a request that failed in GraphQL's own media type, as its spec has it."""
        media_type = sub_response.media_type or PLAIN_JSON
        is_refused = media_type == GRAPHQL_JSON and "data" not in response_data
        body = encode_response(response_data, request_id=sub_response.headers[REQUEST_ID])
        return json_response(body, 400 if is_refused else 200, media_type)
