"""The pages for people, whatever they were built from: their policies, caching and compression."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from headgate.server.envelope import Envelope, refuse_request
from headgate.server.pages import page_routes

SCRIPT = b"console.log(1);" * 100
PAGE = b"<!doctype html><title>Headgate</title>"
OTHER_PAGE = b"<!doctype html><title>Headgete</title>"


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A folder as a build leaves it, and a file beside it that is nobody's business."""
    built = tmp_path / "built"
    assets = built / "assets"
    assets.mkdir(parents=True)
    for page in ("index.html", "graphiql.html"):
        (built / page).write_bytes(PAGE)
    (assets / "app-1a2b.js").write_bytes(SCRIPT)
    (assets / "app-1a2b.js.gz").write_bytes(gzip.compress(SCRIPT))
    (assets / "icon-3c4d.svg").write_bytes(b"<svg/>")
    (assets / "type-5e6f.ttf").write_bytes(b"letters")
    (tmp_path / "secret.js").write_text("secret")
    return built


@asynccontextmanager
async def serving(built: Path, serve: Callable[..., Any]) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the pages of this folder as the real application does; yields a client that asks for no compression."""
    app = Starlette(routes=page_routes(built), exception_handlers={HTTPException: refuse_request})
    app.router.redirect_slashes = False
    enveloped = Envelope(app)
    answering = asyncio.Lock()

    async def one_by_one(scope: Scope, receive: Receive, send: Send) -> None:
        async with answering:
            await enveloped(scope, receive, send)

    headers = {"accept-encoding": "identity"}
    async with serve(one_by_one) as url, httpx.AsyncClient(base_url=url, headers=headers) as client:
        yield client
        async with answering:
            pass  # a file is closed after its last byte was sent


@pytest.fixture
async def pages(built: Path, serve: Callable[..., Any]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server whose pages were built."""
    async with serving(built, serve) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/jobs/job_1", "/datasets/sales", "/graphiql"])
async def test_a_page_is_asked_for_again_each_time(pages: httpx.AsyncClient, path: str) -> None:
    answer = await pages.get(path)
    assert (answer.status_code, answer.content) == (200, PAGE)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"


async def test_a_page_that_has_not_changed_is_not_sent_again(pages: httpx.AsyncClient) -> None:
    etag = (await pages.get("/")).headers["etag"]
    answer = await pages.get("/", headers={"if-none-match": f'"other", W/{etag}'})
    assert (answer.status_code, answer.content) == (304, b"")
    assert "script-src 'self'" in answer.headers["content-security-policy"]


async def test_a_page_of_another_version_is_sent_even_where_its_size_and_date_are_the_same(
    pages: httpx.AsyncClient, built: Path
) -> None:
    etag = (await pages.get("/")).headers["etag"]
    (built / "index.html").write_bytes(OTHER_PAGE)
    answer = await pages.get("/", headers={"if-none-match": etag})
    assert (answer.status_code, answer.content) == (200, OTHER_PAGE)


async def test_the_console_takes_neither_scripts_nor_styles_but_from_files(pages: httpx.AsyncClient) -> None:
    policy = (await pages.get("/")).headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert "unsafe" not in policy


async def test_graphiql_takes_scripts_and_workers_from_files_alone(pages: httpx.AsyncClient) -> None:
    policy = (await pages.get("/graphiql")).headers["content-security-policy"]
    assert "default-src 'none'; script-src 'self';" in policy
    assert "worker-src 'self'" in policy
    assert policy.count("unsafe") == 1
    assert "style-src 'self' 'unsafe-inline'; img-src 'self' data:;" in policy


@pytest.mark.parametrize("path", ["/", "/graphiql"])
async def test_a_page_stands_in_no_frame_and_asks_nobody_else(pages: httpx.AsyncClient, path: str) -> None:
    answer = await pages.get(path)
    assert "connect-src 'self'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_an_asset_is_kept_for_good(pages: httpx.AsyncClient) -> None:
    answer = await pages.get("/assets/app-1a2b.js")
    assert (answer.status_code, answer.content) == (200, SCRIPT)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("app-1a2b.js", "text/javascript; charset=utf-8"),
        ("icon-3c4d.svg", "image/svg+xml"),
        ("type-5e6f.ttf", "font/ttf"),
    ],
)
async def test_an_asset_has_its_type_whatever_the_machine_says(
    pages: httpx.AsyncClient, name: str, media_type: str
) -> None:
    assert (await pages.get(f"/assets/{name}")).headers["content-type"] == media_type


async def test_an_asset_is_sent_compressed_to_browsers_that_take_it(pages: httpx.AsyncClient) -> None:
    answer = await pages.get("/assets/app-1a2b.js", headers={"accept-encoding": "br, gzip;q=0.8"})
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["vary"] == "Accept-Encoding"
    assert int(answer.headers["content-length"]) < len(SCRIPT)
    assert answer.content == SCRIPT


@pytest.mark.parametrize("accepted", ["identity", "br", "gzip;q=0", "gzip; q=0.0", ""])
async def test_an_asset_is_not_compressed_for_others(pages: httpx.AsyncClient, accepted: str) -> None:
    answer = await pages.get("/assets/app-1a2b.js", headers={"accept-encoding": accepted})
    assert "content-encoding" not in answer.headers
    assert answer.headers["vary"] == "Accept-Encoding"
    assert answer.content == SCRIPT


async def test_an_asset_that_compression_makes_no_smaller_is_sent_as_it_is(pages: httpx.AsyncClient) -> None:
    answer = await pages.get("/assets/icon-3c4d.svg", headers={"accept-encoding": "gzip"})
    assert (answer.content, "content-encoding" in answer.headers) == (b"<svg/>", False)


async def test_an_asset_that_is_known_is_not_sent_again(pages: httpx.AsyncClient) -> None:
    plain = await pages.get("/assets/app-1a2b.js")
    compressed = await pages.get("/assets/app-1a2b.js", headers={"accept-encoding": "gzip"})
    assert plain.headers["etag"] != compressed.headers["etag"]
    known = {"if-none-match": plain.headers["etag"]}
    answer = await pages.get("/assets/app-1a2b.js", headers=known)
    assert (answer.status_code, answer.content) == (304, b"")
    assert "immutable" in answer.headers["cache-control"]


@pytest.mark.parametrize("path", ["/", "/graphiql", "/assets/app-1a2b.js"])
async def test_what_is_asked_by_head_has_no_body(pages: httpx.AsyncClient, path: str) -> None:
    answer = await pages.head(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert int(answer.headers["content-length"]) > 0


@pytest.mark.parametrize("path", ["/", "/graphiql", "/assets/app-1a2b.js"])
async def test_pages_are_only_read(pages: httpx.AsyncClient, path: str) -> None:
    answer = await pages.post(path)
    assert answer.status_code == 405
    assert answer.json()["errors"][0]["extensions"]["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/",
        "/assets",
        "/assets/missing.js",
        "/assets/../index.html",
        "/assets/%2e%2e/index.html",
        "/assets/../../secret.js",
        "/assets/%2e%2e/%2e%2e/secret.js",
        "/assets/..%2f..%2fsecret.js",
        "/assets//etc/passwd",
        "/assets/%2fetc/passwd",
        "/assets/app-1a2b.js/more",
        "/assets/a%00b",
        "/assets/" + "a" * 300,
        "/nowhere",
        "/index.html",
    ],
)
async def test_nothing_else_is_there(pages: httpx.AsyncClient, path: str) -> None:
    # httpx would tidy such a path.
    url = pages.base_url.copy_with(raw_path=path.encode())
    answer = await pages.send(httpx.Request("GET", url))
    assert answer.status_code == 404, answer.text
    assert answer.json()["errors"][0]["extensions"]["code"] == "NOT_FOUND"


@pytest.fixture
async def unbuilt(tmp_path: Path, serve: Callable[..., Any]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a server whose pages were never built."""
    async with serving(tmp_path / "missing", serve) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/jobs", "/graphiql"])
async def test_where_the_pages_were_not_built_a_page_says_how_it_is_done(
    unbuilt: httpx.AsyncClient, path: str
) -> None:
    answer = await unbuilt.get(path)
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "make pages" in answer.text
    assert str(Path.cwd()) not in answer.text


async def test_where_the_pages_were_not_built_there_are_no_assets(unbuilt: httpx.AsyncClient) -> None:
    assert (await unbuilt.get("/assets/app-1a2b.js")).status_code == 404
