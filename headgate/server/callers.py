"""Who sends a request, and that they pay for it."""

from starlette.requests import HTTPConnection, Request

from headgate.domain.permissions import Principal
from headgate.domain.tolls import Tolls
from headgate.errors import Unauthenticated
from headgate.server.addresses import address_of
from headgate.server.auth import Authenticate, bearer_token
from headgate.server.refusals import unauthenticated
from headgate.telemetry import note


def shown_token(request: HTTPConnection) -> str | None:
    """Tell the one token that is shown; None where there is none, or where there are several to choose from."""
    shown = request.headers.getlist("authorization")
    return bearer_token(shown[0]) if len(shown) == 1 else None


async def caller_of(request: HTTPConnection, authenticate: Authenticate) -> Principal | None:
    """Tell who asks; None for nobody known, an expired token included: whoever signs in again may still show it."""
    token = shown_token(request)
    try:
        caller = await authenticate(token) if token else None
    except Unauthenticated:
        return None
    if caller is not None:
        note(user_id=caller.user_id)
    return caller


async def charge(request: Request, caller: Principal | None, tolls: Tolls) -> Principal:
    """Let whoever asks pay one point, by the bill that is then the request's `state.bill`.

    Raises RateLimited, and Refusal (401) for nobody known.
    """
    request.state.bill = tolls.bill(caller, address_of(request.scope))
    await request.state.bill.pay(1)
    if caller is None:
        raise unauthenticated()
    return caller
