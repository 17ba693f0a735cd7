"""Answers in the one shape of GraphQL over HTTP, refusals included."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from uuid import uuid4

import orjson
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope
from strawberry.http import GraphQLHTTPResponse
from strawberry.types.execution import ExecutionResult

from headgate.errors import Unavailable

GRAPHQL_JSON = "application/graphql-response+json"
PLAIN_JSON = "application/json"
EVENT_STREAM = "text/event-stream"
REQUEST_ID = "x-request-id"
AGAIN_S = 10
"""Whoever finds the store unavailable is told to come again in so many seconds."""
JSON_RANGES = (GRAPHQL_JSON, PLAIN_JSON, "application/*", "*/*")


class Refusal(Exception):
    """A request turned away before any operation runs: HTTP status, stable code, words for the caller.

    Where it is `retryable` the same request may succeed later.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        headers: Mapping[str, str] | None = None,
        *,
        retryable: bool = False,
    ) -> None:
        super().__init__(status, code, message)
        self.status = status
        self.code = code
        self.message = message
        self.headers = headers or {}
        self.retryable = retryable


def malformed(message: str) -> Refusal:
    """Make the refusal of a request that breaks a format; the message says where."""
    return Refusal(400, "BAD_REQUEST", message)


def unavailable(fault: Unavailable) -> Refusal:
    """Refuse what needs the database or the store of files while that cannot be used."""
    return Refusal(503, fault.code, fault.message, {"retry-after": str(AGAIN_S)}, retryable=True)


def new_request_id() -> str:
    """Make the id that errors carry and logs can be searched for."""
    return str(uuid4())


def request_id_of(scope: Scope) -> str:
    """Tell the id that the request was given."""
    request_id: str = scope["state"]["request_id"]
    return request_id


def encode_json(data: object) -> bytes:
    """Encode as UTF-8 JSON; raises TypeError for what JSON cannot carry."""
    return orjson.dumps(data)


def error_entry(code: str, message: str, request_id: str, *, retryable: bool = False) -> dict[str, Any]:
    """Make one entry of a response's `errors`."""
    extensions: dict[str, Any] = {"code": code, "requestId": request_id}
    if retryable:
        extensions["retryable"] = True
    return {"message": message, "extensions": extensions}


def response_of(result: ExecutionResult) -> GraphQLHTTPResponse:
    """Shape a result whose errors are presented: a request that failed before execution has no data at all."""
    response: GraphQLHTTPResponse = {}
    if result.errors:
        response["errors"] = [error.formatted for error in result.errors]
    if result.data is not None or any(error.path for error in result.errors or ()):
        response["data"] = result.data
    if result.extensions:
        response["extensions"] = result.extensions
    return response


def refusal_response(refusal: Refusal, scope: Scope) -> Response:
    """Answer a refusal as a GraphQL response without data, in the media type that the client prefers."""
    body = {
        "errors": [
            error_entry(refusal.code, refusal.message, request_id_of(scope), retryable=refusal.retryable)
        ]
    }
    accept = Headers(scope=scope).get("accept", "")
    return json_response(encode_json(body), refusal.status, negotiate(accept), refusal.headers)


def json_response(
    body: bytes, status: int, media_type: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Wrap an encoded body."""
    content_type = {"content-type": f"{media_type}; charset=utf-8"}
    return Response(body, status, headers={**(headers or {}), **content_type})


def negotiate(accept: str) -> str:
    """Choose the response's media type: GraphQL's own where the client lists it and does not prefer JSON."""
    weights = _weights(accept)
    wanted = weights.get(GRAPHQL_JSON, 0.0)
    return GRAPHQL_JSON if wanted > 0 and wanted >= weights.get(PLAIN_JSON, 0.0) else PLAIN_JSON


def accepts_events(accept: str) -> bool:
    """Tell whether the client names event streams among what it takes."""
    return _weights(accept).get(EVENT_STREAM, 0.0) > 0


def accepts_only_events(accept: str) -> bool:
    """Tell whether the client takes event streams and no JSON."""
    weights = _weights(accept)
    return accepts_events(accept) and all(weights.get(name, 0.0) <= 0 for name in JSON_RANGES)


@lru_cache(maxsize=256)
def _weights(accept: str) -> Mapping[str, float]:
    """How much each media type is wanted; clients send the same few headers again and again."""
    return dict(_media_ranges(accept))


def _media_ranges(accept: str) -> Iterator[tuple[str, float]]:
    for media_range in accept.lower().split(","):
        name, *parameters = (part.strip() for part in media_range.split(";"))
        yield name, _weight(parameters)


def _weight(parameters: list[str]) -> float:
    weights = [text.removeprefix("q=") for text in parameters if text.startswith("q=")]
    try:
        return float(weights[0]) if weights else 1.0
    except ValueError:
        return 0.0
