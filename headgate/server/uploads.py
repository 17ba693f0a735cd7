"""/uploads: files that come in pieces, from any client of tus 1.0."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from headgate.domain import upload_endings, uploads
from headgate.domain.doorkeeper import Doorkeeper
from headgate.domain.files import UnusableFile
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.domain.tolls import RateLimited, Tolls
from headgate.domain.upload_state import Progress, path_of
from headgate.domain.uploads import NewUpload
from headgate.errors import HeadgateError, Unauthenticated, Unavailable, UserFault
from headgate.server import tus
from headgate.server.auth import Authenticate
from headgate.server.callers import caller_of, charge
from headgate.server.limits import ReadDeadline
from headgate.server.links import SignedLinks
from headgate.server.masking import log_outage
from headgate.server.refusals import rate_limited, show_allowance
from headgate.server.responses import Refusal, malformed, refusal_response, request_id_of, unavailable
from headgate.storage.formats import FileFormat
from headgate.storage.tables import Role

STATUSES = {
    "FORBIDDEN": 403,
    "INVALID_ID": 404,
    "NOT_FOUND": 404,
    "OFFSET_MISMATCH": 409,
    "UPLOAD_IS_DIRECT": 409,
    "UPLOAD_COMPLETE": 409,
    "UPLOAD_EXPIRED": 410,
    "UPLOAD_FAILED": 410,
    "UPLOAD_LOST": 410,
    "FILE_TOO_LARGE": 413,
    "UPLOAD_TOO_LONG": 413,
    "UPLOAD_LOCKED": 423,
    "CHECKSUM_MISMATCH": 460,
}
"""What tus says of these; anything else that is wrong with a request is a 400."""
UNUSABLE = 422
"""All bytes have arrived, and are no file that can be used: no client may send them again by itself."""
ALLOWED = {"collection": "OPTIONS, POST", "upload": "OPTIONS, HEAD, PATCH, DELETE, POST"}


def upload_routes(
    services: Services,
    links: SignedLinks,
    doorkeeper: Doorkeeper,
    tolls: Tolls,
    authenticate: Authenticate,
    *,
    read_s: float,
) -> list[Route]:
    """Make /uploads and /uploads/<file id>; a client may fall silent for `read_s` seconds."""
    app = ReadDeadline(Uploads(services, links, doorkeeper, tolls, authenticate), seconds=read_s)
    return [Route("/uploads", app), Route(path_of("{file_id}"), app)]


class Uploads:
    """Answers tus requests of those with a token in a header, or with a signed link to one upload.

    Each pays one point. Whatever a client sends is answered with less than 500.
    """

    def __init__(
        self,
        services: Services,
        links: SignedLinks,
        doorkeeper: Doorkeeper,
        tolls: Tolls,
        authenticate: Authenticate,
    ) -> None:
        self._services = services
        self._links = links
        self._doorkeeper = doorkeeper
        self._tolls = tolls
        self._authenticate = authenticate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        request.state.bill = None
        try:
            response = await self._answer(request)
        except Refusal as refusal:
            response = refusal_response(refusal, scope)
        response.headers.update(tus.VERSIONED)
        show_allowance(response, request.state.bill)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        method = tus.method_of(request.method, request.headers)
        if method == "OPTIONS":
            return Response(status_code=204, headers=tus.options_headers(self._services.max_upload_bytes))
        tus.check_version(request.headers)
        try:
            return await self._action(request, method)(request)
        except RateLimited as fault:
            raise rate_limited(fault) from fault
        except UnusableFile as fault:
            raise _refusal(fault, UNUSABLE) from fault
        except Unavailable as fault:
            log_outage(fault, request_id=request_id_of(request.scope))
            raise unavailable(fault) from fault
        except HeadgateError as fault:
            raise _refusal(fault, STATUSES.get(fault.code, 400)) from fault

    def _action(self, request: Request, method: str) -> Callable[[Request], Awaitable[Response]]:
        """Choose what does as a request asks."""
        is_one = "file_id" in request.path_params
        one = {"HEAD": self._head, "PATCH": self._patch, "DELETE": self._delete}
        actions = one if is_one else {"POST": self._create}
        if method not in actions:
            allowed = {"allow": ALLOWED["upload" if is_one else "collection"]}
            raise Refusal(405, "METHOD_NOT_ALLOWED", "This path does not take this method.", allowed)
        return actions[method]

    async def _create(self, request: Request) -> Response:
        caller = await self._caller(request)
        headers = request.headers
        new, has_body = _new_upload(request), tus.has_body(headers)
        checksum = tus.checksum(headers)
        if has_body:
            tus.require_bytes(headers)
        upload = (await uploads.start(self._services, caller, new)).upload
        assert upload is not None
        progress = Progress.of(upload)
        # One without any bytes is complete by being begun.
        if has_body or new.byte_size == 0:
            progress = await uploads.append(
                self._services,
                caller,
                upload.file_id,
                request.stream(),
                at=0,
                body_bytes=tus.body_bytes(headers),
                checksum=checksum,
            )
        told = tus.progress_headers(progress)
        return Response(status_code=201, headers={**told, "location": path_of(upload.file_id)})

    async def _head(self, request: Request) -> Response:
        progress = await uploads.progress(self._services, *await self._named(request))
        return Response(headers={**tus.state_headers(progress), "cache-control": "no-store"})

    async def _patch(self, request: Request) -> Response:
        caller, file_id = await self._named(request)
        headers = request.headers
        tus.require_bytes(headers)
        progress = await uploads.append(
            self._services,
            caller,
            file_id,
            request.stream(),
            at=tus.offset(headers),
            body_bytes=tus.body_bytes(headers),
            byte_size=tus.number(headers, "Upload-Length"),
            checksum=tus.checksum(headers),
        )
        return Response(status_code=204, headers=tus.progress_headers(progress))

    async def _delete(self, request: Request) -> Response:
        await upload_endings.abort(self._services, *await self._named(request))
        return Response(status_code=204)

    async def _named(self, request: Request) -> tuple[Principal, str]:
        """Tell who asks, and of which upload."""
        return await self._caller(request), request.path_params["file_id"]

    async def _caller(self, request: Request) -> Principal:
        """Tell who asks, and let them pay; raises Refusal (401) for nobody who may enter, and RateLimited."""
        return await charge(request, await self._known(request), self._tolls)

    async def _known(self, request: Request) -> Principal | None:
        """Find out who asks: by the token in a header, or else by that of the link."""
        if "authorization" in request.headers:
            return await caller_of(request, self._authenticate)
        try:
            claims = self._links.read_upload(request.query_params.get("token", ""), request.url.path)
        except Unauthenticated:
            return None
        return await self._doorkeeper.admit(
            claims.user_id, Role.OPERATOR, claims.expires_at, issued_at=claims.issued_at
        )


def _new_upload(request: Request) -> NewUpload:
    said = tus.metadata(request.headers)
    return NewUpload(
        name=said.get("filename") or said.get("name") or "upload",
        byte_size=tus.length(request.headers),
        format=_format(said.get("format")),
        sha256=said.get("sha256"),
        said=request.headers.get("upload-metadata") or None,
    )


def _format(name: str | None) -> FileFormat | None:
    if name is None:
        return None
    try:
        return FileFormat(name.upper())
    except ValueError as error:
        known = ", ".join(FileFormat)
        raise malformed(f"`format` in Upload-Metadata takes one of {known}.") from error


def _refusal(fault: HeadgateError, status: int) -> Refusal:
    retryable = isinstance(fault, UserFault) and fault.retryable
    return Refusal(status, fault.code, fault.message, retryable=retryable or status == 503)
