"""POST /streams/<dataset>: records as newline-delimited JSON, for high rates."""

from collections.abc import Callable
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from headgate.domain.appender import Appender
from headgate.domain.appends import Appended, AppendRequest
from headgate.domain.permissions import Principal, require
from headgate.domain.row_errors import RowError
from headgate.domain.streams import backlog_full
from headgate.domain.tolls import RateLimited, Tolls
from headgate.errors import UserFault
from headgate.server.auth import Authenticate
from headgate.server.body import UNSUPPORTED, media_type_of
from headgate.server.callers import caller_of, charge
from headgate.server.limits import BodyLimit, ReadDeadline
from headgate.server.refusals import rate_limited, show_allowance
from headgate.server.responses import (
    PLAIN_JSON,
    Refusal,
    encode_json,
    json_response,
    malformed,
    refusal_response,
)
from headgate.storage.tables import Role

MEDIA_TYPES = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
STATUSES = {
    "FORBIDDEN": 403,
    "NOT_FOUND": 404,
    "PIPELINE_DISABLED": 409,
    "IDEMPOTENCY_MISMATCH": 409,
    "TOO_MANY_RECORDS": 413,
    "BACKLOG_FULL": 429,
}
"""How what a caller did wrong is answered; anything else is a bad request."""
SHOWN = ("row", "line", "column", "value", "code", "check", "severity", "message", "suggestion", "record")
"""What is told of an error."""
RETRY_AFTER_S = 1
SEND_LESS = "send more records in several requests, one behind the other."


def stream_routes(
    appender: Appender, authenticate: Authenticate, tolls: Tolls, *, max_bytes: int, read_seconds: float
) -> list[Route]:
    """Make the route. Who may not append, or sends no NDJSON, is refused before the body is read."""
    endpoint = StreamEndpoint(appender, authenticate, tolls)
    limited = BodyLimit(endpoint, max_bytes=max_bytes, advice=SEND_LESS)
    return [Route("/streams/{dataset}", ReadDeadline(limited, seconds=read_seconds), methods=["POST"])]


class StreamEndpoint:
    """Appends the records of a request's body, and answers what became of them."""

    def __init__(self, appender: Appender, authenticate: Authenticate, tolls: Tolls) -> None:
        self._appender = appender
        self._authenticate = authenticate
        self._tolls = tolls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        request.state.bill = None
        response = await self._answer(request)
        show_allowance(response, request.state.bill)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        try:
            appended = await self._append(request)
        except Refusal as refusal:
            return refusal_response(refusal, request.scope)
        except RateLimited as fault:
            return refusal_response(rate_limited(fault), request.scope)
        except UserFault as fault:
            return refusal_response(_refused(fault), request.scope)
        except ClientDisconnect:
            return refusal_response(malformed("The body ended too early."), request.scope)
        return json_response(encode_json(_to_json(appended)), 200, PLAIN_JSON)

    async def _append(self, request: Request) -> Appended:
        principal = await self._principal(request)
        pipeline, key = _pipeline(request), _key(request)
        if media_type_of(request.headers) not in MEDIA_TYPES:
            raise Refusal(415, UNSUPPORTED, f"Send one JSON object a line, as {MEDIA_TYPES[0]}.")
        with self._appender.room() as take:
            wanted = AppendRequest(request.path_params["dataset"], await _body(request, take), pipeline)
            return await self._appender.append(principal, wanted, key)

    async def _principal(self, request: Request) -> Principal:
        """Tell who asks, and let them pay; raises Refusal (401), RateLimited, and UserFault (FORBIDDEN)."""
        caller = await caller_of(request, self._authenticate)
        principal = await charge(request, caller, self._tolls)
        require(principal, Role.OPERATOR)
        return principal


async def _body(request: Request, take: Callable[[int], bool]) -> bytes:
    """Read the body as long as there is room for it. Raises UserFault (BACKLOG_FULL)."""
    chunks: list[bytes] = []
    is_full = False
    async for chunk in request.stream():
        is_full = is_full or not take(len(chunk))
        if is_full:
            # A client that is still sending hears of it once it has sent all.
            chunks.clear()
        else:
            chunks.append(chunk)
    if is_full:
        raise backlog_full()
    return b"".join(chunks)


def _pipeline(request: Request) -> str | None:
    """The pipeline that is named, if any; raises Refusal for a parameter that isn't known, or comes twice."""
    names = [name for name, _ in request.query_params.multi_items()]
    if names not in ([], ["pipeline"]):
        raise malformed("This path takes one parameter at most: pipeline, the name of one.")
    return request.query_params.get("pipeline")


def _key(request: Request) -> str | None:
    given = request.headers.getlist("idempotency-key")
    if len(given) > 1:
        raise malformed("Send one Idempotency-Key at most.")
    return given[0] if given else None


def _refused(fault: UserFault) -> Refusal:
    status = STATUSES.get(fault.code, 400)
    headers = {"retry-after": str(RETRY_AFTER_S)} if fault.retryable else None
    return Refusal(status, fault.code, fault.message, headers, retryable=fault.retryable)


def _to_json(appended: Appended) -> dict[str, Any]:
    return {
        "accepted": appended.accepted,
        "rejected": appended.rejected,
        "rowErrors": [_error_json(error) for error in appended.errors],
        "jobId": appended.job_id,
        "replayed": appended.replayed,
    }


def _error_json(error: RowError) -> dict[str, Any]:
    return {name: getattr(error, name) for name in SHOWN}
