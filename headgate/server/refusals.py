"""Why requests are turned away that somebody else could make, or later, or otherwise; and how much is left."""

from datetime import UTC, datetime
from math import ceil

from starlette.responses import Response
from strawberry.types.graphql import OperationType

from headgate.domain.tolls import Bill, RateLimited
from headgate.errors import Unauthenticated
from headgate.server.presence import TooMany
from headgate.server.responses import Refusal


def unauthenticated() -> Refusal:
    """Refuse whom nobody knows."""
    fault = Unauthenticated()
    return Refusal(401, fault.code, fault.message, {"www-authenticate": "Bearer"})


def rate_limited(fault: RateLimited) -> Refusal:
    """Refuse who has used up their points."""
    headers = {"retry-after": str(fault.retry_after_s)}
    return Refusal(429, fault.code, fault.message, headers, retryable=True)


def wrong_type(operation_type: OperationType) -> Refusal:
    """Refuse an operation of a type that does not go with the method, or with what the client accepts."""
    if operation_type is OperationType.SUBSCRIPTION:
        text = (
            "A subscription needs the header `Accept: text/event-stream`, "
            "or a WebSocket with the subprotocol graphql-transport-ws."
        )
        return Refusal(400, "SUBSCRIPTION_NOT_SUPPORTED_OVER_HTTP", text)
    return Refusal(405, "METHOD_NOT_ALLOWED", "A mutation needs a POST request.", {"allow": "POST"})


def show_allowance(response: Response, bill: Bill | None) -> None:
    """Tell in headers what is left of the caller's points, and in how many seconds all of them are there again."""
    if bill is None or (left := bill.allowance) is None:
        return
    reset_s = max(ceil((left.resets_at - datetime.now(UTC)).total_seconds()), 0)
    response.raw_headers += [
        (b"ratelimit-limit", b"%d" % left.limit),
        (b"ratelimit-remaining", b"%d" % left.remaining),
        (b"ratelimit-reset", b"%d" % reset_s),
    ]


def too_many(fault: TooMany) -> Refusal:
    """Refuse a stream of somebody who has as many as they may."""
    return Refusal(429, "TOO_MANY_CONNECTIONS", str(fault))
