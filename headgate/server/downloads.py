"""Downloads: files that are made while they are sent, for whoever has a signed link."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from headgate.domain import error_downloads
from headgate.domain.doorkeeper import Doorkeeper
from headgate.domain.error_downloads import ErrorDownload
from headgate.domain.services import Services
from headgate.domain.tolls import RateLimited, Tolls
from headgate.errors import Unauthenticated
from headgate.server.addresses import address_of
from headgate.server.links import INVALID, LinkClaims, SignedLinks
from headgate.server.refusals import rate_limited, show_allowance
from headgate.server.responses import Refusal, refusal_response
from headgate.storage.tables import Role

CSV = "text/csv; charset=utf-8"


def download_routes(
    services: Services, links: SignedLinks, doorkeeper: Doorkeeper, tolls: Tolls
) -> list[Route]:
    """Make /downloads/errors/<job id>.csv. A link that is not valid is answered with 401, as GraphQL answers it.

    Whoever tries many of these is answered with 429.
    """

    async def errors(request: Request) -> Response:
        job_id = request.path_params["job_id"]
        claims = await _admitted(request, error_downloads.path_of(job_id), links, doorkeeper)
        download = ErrorDownload.from_json(job_id, claims.said)
        headers = _headers(f"errors-{download.job_id}.csv")
        if request.method == "HEAD":
            return Response(headers=headers)
        return StreamingResponse(error_downloads.chunks(services, download), headers=headers)

    return [Route(error_downloads.path_of("{job_id}"), _refusing(errors, tolls))]


async def _admitted(request: Request, path: str, links: SignedLinks, doorkeeper: Doorkeeper) -> LinkClaims:
    """Read the link to a path that a request follows; raises Unauthenticated where its user may not enter any more."""
    claims = links.read(request.query_params.get("token", ""), path)
    issued_at = claims.issued_at
    if await doorkeeper.admit(claims.user_id, Role.VIEWER, claims.expires_at, issued_at=issued_at) is None:
        raise Unauthenticated(message=INVALID)
    return claims


def _headers(file_name: str) -> dict[str, str]:
    """Say that this is a file to be saved; its name is one that the server made."""
    return {
        "content-type": CSV,
        "content-disposition": f'attachment; filename="{file_name}"',
    }


def _refusing(
    answer: Callable[[Request], Awaitable[Response]], tolls: Tolls
) -> Callable[[Request], Awaitable[Response]]:
    async def answered(request: Request) -> Response:
        try:
            return await answer(request)
        except Unauthenticated as error:
            return await _refused(request, error, tolls)

    return answered


async def _refused(request: Request, error: Unauthenticated, tolls: Tolls) -> Response:
    bill = tolls.bill(None, address_of(request.scope))
    try:
        await bill.pay(1)
        headers = {"www-authenticate": "Bearer"}
        refusal = Refusal(401, error.code, error.message, headers)
    except RateLimited as fault:
        refusal = rate_limited(fault)
    response = refusal_response(refusal, request.scope)
    show_allowance(response, bill)
    return response
