"""The pages for people: the console at / and GraphiQL at /graphiql, as `ui` was built into this package.

They load nothing from elsewhere, and their policies hold browsers to that.
"""

import asyncio
import os
import re
from hashlib import sha256
from pathlib import Path

from starlette.datastructures import Headers
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import PathLike, StaticFiles
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
GRAPHIQL_POLICY = (
    POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'").replace(
        "img-src 'self'", "img-src 'self' data:"
    )
    + "; worker-src 'self'"
)
"""Monaco, the editor in GraphiQL, places each line and colours each word by `style` attributes in the HTML that it
writes, which no nonce can allow, its themes are <style> elements, and the waves under what is wrong are images in them.
A stranger's styles and images could send nothing anywhere: whatever they might load comes from here."""
KEPT = "public, max-age=31536000, immutable"
"""The names of assets change with what is in them."""
MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".ttf": "font/ttf",
}
"""Told here, as machines tell them differently, and a browser runs no script of another type."""
GZIP = re.compile(r"\s*gzip\s*(;\s*q=(?!0(\.0*)?\s*$).*)?", re.IGNORECASE)
"""A coding that a browser takes, unless its weight is 0."""
NOT_BUILT = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Headgate without pages</title>
</head>
<body>
<h1>Headgate runs, but its pages were not built</h1>
<p>The API is at <code>/graphql</code>, as ever, and the <code>headgate</code> command does what the pages do.</p>
<p>To have the console and GraphiQL in a clone, install Node.js 20.19 or newer with npm, run <code>make pages</code>,
and load this page again. Wheels that are released have the pages in them.</p>
</body>
</html>
"""


def page_routes(built: Path = BUILT) -> list[BaseRoute]:
    """Make the routes of all pages, as they are in this folder; without it, each page says how to build them."""
    console = _Page(built / "index.html", POLICY)
    return [
        *(Route(path, console, methods=["GET", "HEAD"]) for path in CONSOLE_PATHS),
        Route("/graphiql", _Page(built / "graphiql.html", GRAPHIQL_POLICY), methods=["GET", "HEAD"]),
        Mount("/assets", _Assets(directory=built / "assets", check_dir=False)),
    ]


class _Page:
    """Answers one page, which is asked for again each time: its assets' names change."""

    def __init__(self, path: Path, policy: str) -> None:
        self._path = path
        self._headers = {"content-security-policy": policy, "cache-control": "no-cache"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer it."""
        try:
            content = await asyncio.to_thread(self._path.read_bytes)
        except FileNotFoundError:
            response: Response = HTMLResponse(NOT_BUILT, 503)
        else:
            response = self._response(content, Headers(scope=scope))
        await response(scope, receive, send)

    def _response(self, content: bytes, asked: Headers) -> Response:
        # Of what is in it: files of a wheel all have one date, and a page of the next version is as long as this.
        etag = f'"{sha256(content).hexdigest()[:32]}"'
        headers = {**self._headers, "etag": etag}
        if etag in asked.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return HTMLResponse(content, headers=headers)


class _Assets(StaticFiles):
    """What the pages load, compressed as it was when it was built for browsers that take it so."""

    async def check_config(self) -> None:
        """Take a missing folder for an empty one: the pages say that they were not built."""

    def file_response(
        self, full_path: PathLike, stat_result: os.stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Answer a file, to be kept."""
        path = Path(full_path)
        compressed = path.with_name(f"{path.name}.gz")
        is_compressed = _takes_gzip(Headers(scope=scope)) and compressed.exists()
        if is_compressed:
            full_path, stat_result = compressed, compressed.stat()
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update({"cache-control": KEPT, "vary": "Accept-Encoding"})
        if isinstance(response, FileResponse):
            response.headers["content-type"] = MEDIA_TYPES.get(path.suffix, "application/octet-stream")
            if is_compressed:
                response.headers["content-encoding"] = "gzip"
        return response


def _takes_gzip(asked: Headers) -> bool:
    return any(map(GZIP.fullmatch, asked.get("accept-encoding", "").split(",")))
