"""Who may follow a signed link, and how others are turned away."""

from starlette.requests import Request
from starlette.responses import Response

from headgate.domain.doorkeeper import Doorkeeper
from headgate.domain.tolls import RateLimited, Tolls
from headgate.errors import Unauthenticated
from headgate.server.addresses import address_of
from headgate.server.links import INVALID, LinkClaims, SignedLinks
from headgate.server.refusals import rate_limited, show_allowance
from headgate.server.responses import Refusal, refusal_response
from headgate.storage.tables import Role
from headgate.telemetry import note


class Admission:
    """Lets those in whose link is valid, and whose user still is."""

    def __init__(self, links: SignedLinks, doorkeeper: Doorkeeper, tolls: Tolls) -> None:
        self._links = links
        self._doorkeeper = doorkeeper
        self._tolls = tolls

    async def claims(self, request: Request, path: str) -> LinkClaims:
        """Read the link to a path that a request follows; raises Unauthenticated where nobody may by it, any more."""
        claims = self._links.read(request.query_params.get("token", ""), path)
        expires_at, issued_at = claims.expires_at, claims.issued_at
        if await self._doorkeeper.admit(claims.user_id, Role.VIEWER, expires_at, issued_at=issued_at) is None:
            raise Unauthenticated(message=INVALID)
        note(user_id=claims.user_id)
        return claims

    async def refuse(self, request: Request, error: Unauthenticated) -> Response:
        """Answer 401, as GraphQL does; 429 to whoever tries many links."""
        bill = self._tolls.bill(None, address_of(request.scope))
        try:
            await bill.pay(1)
            headers = {"www-authenticate": "Bearer"}
            refusal = Refusal(401, error.code, error.message, headers)
        except RateLimited as fault:
            refusal = rate_limited(fault)
        response = refusal_response(refusal, request.scope)
        show_allowance(response, bill)
        return response
