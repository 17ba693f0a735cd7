"""The pages for people: the console at / and GraphiQL at /graphiql, as `ui` was built into this package.

They load nothing from elsewhere, and their policies hold browsers to that.
"""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

BUILT = Path(__file__).with_name("built_pages")
CONSOLE_PATHS = (
    "/",
    "/jobs",
    "/jobs/{id}",
    "/upload",
    "/datasets",
    "/datasets/{name}",
    "/pipelines",
    "/pipelines/{name}",
    "/health",
)
"""Where the console has a page; any other path is unknown, as it would be without a console."""
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
KEPT = "public, max-age=31536000, immutable"
"""The names of assets change with what is in them."""
NOT_BUILT = """\
The pages of Headgate were not built into this installation. The API is at /graphql.

In a clone, install Node.js 20 or newer with npm and run: make pages
"""


def page_routes() -> list[BaseRoute]:
    """Make the routes of all pages; where these were not built, each of them says how that is done."""
    console = _Page("index.html", POLICY)
    return [
        *(Route(path, console, methods=["GET", "HEAD"]) for path in CONSOLE_PATHS),
        Route("/graphiql", _Page("graphiql.html", POLICY), methods=["GET", "HEAD"]),
        Mount("/assets", _Assets(directory=BUILT / "assets", check_dir=False)),
    ]


class _Page:
    """Answers one page, which is asked for again each time: its assets' names change."""

    def __init__(self, name: str, policy: str) -> None:
        self._path = BUILT / name
        self._headers = {"content-security-policy": policy, "cache-control": "no-cache"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer it."""
        await self._response(Request(scope))(scope, receive, send)

    def _response(self, request: Request) -> Response:
        if not self._path.exists():
            return PlainTextResponse(NOT_BUILT, 503)
        return FileResponse(self._path, headers=self._headers, media_type="text/html")


class _Assets(StaticFiles):
    """What the pages load."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        """Answer a file, to be kept."""
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["cache-control"] = KEPT
        return response
