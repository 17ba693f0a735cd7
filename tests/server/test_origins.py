"""Pages of other sites call this server only where a setting lets them."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from headgate.server.app import create_app
from headgate.settings import Settings

FRIEND = "https://app.example.org"
PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization, content-type, graphql-require-preflight, last-event-id",
}
WHOLE_PREFLIGHT = {"origin": FRIEND, **PREFLIGHT}


@asynccontextmanager
async def asking(home: Path, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(Settings(home=home, **settings)))
    async with httpx.AsyncClient(transport=transport, base_url="http://headgate") as client:
        yield client


def told(response: httpx.Response) -> list[str]:
    """List what an answer says about origins."""
    return [name for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/graphql", "/healthz", "/downloads/errors/x.csv", "/nothing"])
async def test_no_other_origin_is_told_anything_by_default(tmp_path: Path, path: str) -> None:
    async with asking(tmp_path) as client:
        for method, headers in (("OPTIONS", WHOLE_PREFLIGHT), ("GET", {"origin": FRIEND})):
            response = await client.request(method, path, headers=headers)
            assert told(response) == []
            assert method == "GET" or response.status_code in (404, 405)


async def test_a_listed_origin_may_ask_with_what_clients_send(tmp_path: Path) -> None:
    async with asking(tmp_path, allowed_origins=f"http://localhost:5173, {FRIEND}") as client:
        preflight = await client.options("/graphql", headers=WHOLE_PREFLIGHT)
        answer = await client.get("/graphql?query={viewer{id}}", headers={"origin": FRIEND})

    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == FRIEND
    assert preflight.headers["access-control-allow-methods"] == "GET, HEAD, POST, PATCH, DELETE"
    assert preflight.headers["x-request-id"]
    assert answer.status_code == 401
    assert answer.headers["access-control-allow-origin"] == FRIEND
    assert answer.headers["vary"] == "Origin"
    exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
    limits = {name for name in answer.headers if name.startswith("ratelimit")}
    assert len(limits) == 3
    assert {"x-request-id", "retry-after", *limits} <= set(exposed)
    for response in (preflight, answer):
        assert "access-control-allow-credentials" not in response.headers


async def test_a_listed_origin_may_send_and_read_what_clients_of_tus_do(tmp_path: Path) -> None:
    asked = {
        "origin": FRIEND,
        "access-control-request-method": "PATCH",
        "access-control-request-headers": "authorization,content-type,tus-resumable,upload-checksum,upload-offset",
    }
    async with asking(tmp_path, allowed_origins=FRIEND) as client:
        preflight = await client.options("/uploads/file_x", headers=asked)
        answer = await client.options("/uploads", headers={"origin": FRIEND})
    assert preflight.status_code == 200
    exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
    assert {"location", "upload-offset", "upload-length", "tus-resumable", "upload-expires"} <= set(exposed)


@pytest.mark.parametrize(
    "changed",
    [
        {"access-control-request-method": "PUT"},
        {"access-control-request-headers": "x-other"},
        {"access-control-request-private-network": "true"},
    ],
)
async def test_a_listed_origin_may_do_nothing_else(tmp_path: Path, changed: dict[str, str]) -> None:
    async with asking(tmp_path, allowed_origins=FRIEND) as client:
        response = await client.options("/graphql", headers={**WHOLE_PREFLIGHT, **changed})

    assert response.status_code == 400


@pytest.mark.parametrize(
    "origin",
    [
        "https://elsewhere.example",
        "http://app.example.org",
        "https://app.example.org:444",
        "https://app.example.org.elsewhere.example",
        "https://sub.app.example.org",
        "https://app.example.org@elsewhere.example",
        "https://APP.example.org",
        "null",
        "*",
        "",
    ],
)
async def test_origins_are_compared_exactly(tmp_path: Path, origin: str) -> None:
    async with asking(tmp_path, allowed_origins=FRIEND) as client:
        preflight = await client.options("/graphql", headers={**PREFLIGHT, "origin": origin})
        answer = await client.get("/graphql", headers={"origin": origin})

    assert preflight.status_code == 405
    assert told(preflight) == told(answer) == []


async def test_no_origin_brings_its_own_request_past_the_checks(tmp_path: Path) -> None:
    async with asking(tmp_path, allowed_origins=FRIEND) as client:
        for media_type in ("text/plain", "application/x-www-form-urlencoded"):
            headers = {"origin": FRIEND, "content-type": media_type}
            response = await client.post(
                "/graphql", content=b'{"query": "{ viewer { id } }"}', headers=headers
            )
            assert response.status_code == 415


@pytest.mark.parametrize(
    "text",
    ["*", "null", "https://*.example.org", "example.org", "ftp://a", "https://a/", "https://a/x", "https://a@b",
     "https://", "https://a:x", "https://a?b", "https://a#b", "https://a:123456", f"{FRIEND}, *"],
)  # fmt: skip
def test_what_is_no_origin_is_refused_as_a_setting(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValidationError, match="not a list of origins"):
        Settings(home=tmp_path, allowed_origins=text)


def test_origins_are_kept_as_browsers_write_them(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path, allowed_origins="https://App.Example.org:443 http://[::1]:80, http://a:81"
    )

    assert settings.allowed_origins == ("https://app.example.org", "http://[::1]", "http://a:81")


async def test_sockets_are_open_to_the_same_origins(tmp_path: Path, serve: Callable[..., Any]) -> None:
    app = create_app(Settings(home=tmp_path, allowed_origins=FRIEND))
    async with serve(app) as url:
        target, protocol = url.replace("http", "ws") + "/graphql", Subprotocol("graphql-transport-ws")
        async with connect(target, subprotocols=[protocol], origin=Origin(FRIEND)) as socket:
            assert socket.subprotocol == protocol
        for origin in ("https://elsewhere.example", "null", "https://app.example.org.elsewhere.example"):
            with pytest.raises(InvalidStatus) as refused:
                async with connect(target, subprotocols=[protocol], origin=Origin(origin)):
                    pass
            assert refused.value.response.status_code == 403
            assert json.loads(refused.value.response.body)["errors"][0]["extensions"]["code"] == "FORBIDDEN"
