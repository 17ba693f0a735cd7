"""Which pages of other sites may call this server: those of the origins that a setting lists, none by default."""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE")
REQUEST_HEADERS = (
    "Authorization",
    "Content-Type",
    "GraphQL-Require-Preflight",
    "Last-Event-ID",
    "Tus-Resumable",
    "Upload-Checksum",
    "Upload-Defer-Length",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
    "X-HTTP-Method-Override",
    "X-Request-ID",
    "X-Requested-With",
)
EXPOSED_HEADERS = (
    "Location",
    "Tus-Checksum-Algorithm",
    "Tus-Extension",
    "Tus-Max-Size",
    "Tus-Resumable",
    "Tus-Version",
    "Upload-Defer-Length",
    "Upload-Expires",
    "Upload-Length",
    "Upload-Metadata",
    "Upload-Offset",
    "X-Request-Id",
    "Retry-After",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
)
MAX_AGE_S = 600


class ForeignOrigins:
    """Tells browsers that pages of `allowed` origins, compared exactly, may call `app`: no word of it to others.

    Nothing is said of credentials: tokens travel in a header that scripts set, and there are no cookies.
    """

    def __init__(self, app: ASGIApp, *, allowed: Collection[str]) -> None:
        self._app = app
        self._allowed = frozenset(allowed)
        self._told = CORSMiddleware(
            app,
            allow_origins=self._allowed,
            allow_methods=METHODS,
            allow_headers=REQUEST_HEADERS,
            expose_headers=EXPOSED_HEADERS,
            max_age=MAX_AGE_S,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._told if self._allowed and self._is_allowed(scope) else self._app
        await app(scope, receive, send)

    def _is_allowed(self, scope: Scope) -> bool:
        return scope["type"] == "http" and Headers(scope=scope).get("origin") in self._allowed
