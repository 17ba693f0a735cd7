"""Requests as the outermost parts of traces, each under the pattern of its path."""

from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headgate.server.addresses import IS_TRUSTED
from headgate.server.responses import EVENT_STREAM, request_id_of
from headgate.tracing import context_of, mark_failed, span

UNTRACED = ("/healthz", "/readyz", "/metrics", "/assets")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
SERVER_ERROR = 500


class RequestSpans:
    """Records requests, but those of probes, of pages' assets and for sockets, which last.

    What is recorded belongs to the trace that a proxy names which is trusted; anybody else's `traceparent` means
    nothing: with it a stranger could have all that they ask recorded, or put into somebody else's trace.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(UNTRACED):
            await self._app(scope, receive, send)
            return
        method = scope["method"] if scope["method"] in METHODS else "_OTHER"
        attributes = {"http.request.method": method, "headgate.request.id": request_id_of(scope)}
        with span(method, attributes, kind=SpanKind.SERVER, within=_parent(scope)) as recorded:

            async def sent(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _describe(recorded, scope, message, method)
                await send(message)

            await self._app(scope, receive, sent)


def _parent(scope: Scope) -> Context:
    told = Headers(scope=scope).get("traceparent") if scope.get(IS_TRUSTED) else None
    return context_of(told)


def _describe(recorded: Span, scope: Scope, message: Message, method: str) -> None:
    status = message["status"]
    recorded.set_attribute("http.response.status_code", status)
    if (route := scope.get("route")) is not None:
        recorded.set_attribute("http.route", route.path)
        recorded.update_name(f"{method} {route.path}")
    if status >= SERVER_ERROR:
        mark_failed(recorded, str(status))
    if Headers(raw=message["headers"]).get("content-type", "").startswith(EVENT_STREAM):
        # An event stream has no end of its own: what it took to begin it is what is told.
        recorded.end()
