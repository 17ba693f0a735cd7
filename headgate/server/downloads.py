"""Downloads of errors: files that are made while they are sent, for whoever has a signed link."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from headgate.domain import error_downloads
from headgate.domain.error_downloads import ErrorDownload
from headgate.domain.services import Services
from headgate.errors import Unauthenticated
from headgate.server.admission import Admission

CSV = "text/csv; charset=utf-8"


def errors_route(services: Services, admission: Admission) -> Route:
    """Make /downloads/errors/<job id>.csv. A link that is not valid is answered with 401, as GraphQL answers it.

    Whoever tries many of these is answered with 429.
    """

    async def errors(request: Request) -> Response:
        job_id = request.path_params["job_id"]
        claims = await admission.claims(request, error_downloads.path_of(job_id))
        download = ErrorDownload.from_json(job_id, claims.said)
        headers = _headers(f"errors-{download.job_id}.csv")
        if request.method == "HEAD":
            return Response(headers=headers)
        return StreamingResponse(error_downloads.chunks(services, download), headers=headers)

    return Route(error_downloads.path_of("{job_id}"), _refusing(errors, admission))


def _headers(file_name: str) -> dict[str, str]:
    """Say that this is a file to be saved; its name is one that the server made."""
    return {
        "content-type": CSV,
        "content-disposition": f'attachment; filename="{file_name}"',
    }


def _refusing(
    answer: Callable[[Request], Awaitable[Response]], admission: Admission
) -> Callable[[Request], Awaitable[Response]]:
    async def answered(request: Request) -> Response:
        try:
            return await answer(request)
        except Unauthenticated as error:
            return await admission.refuse(request, error)

    return answered
