"""What every answer carries, whatever was asked and whatever became of it."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from structlog.testing import capture_logs
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from headgate.server.app import create_app
from headgate.server.envelope import HEADERS, Envelope, refuse_request
from headgate.settings import Settings

MASKED = "Something went wrong on our side. Quote this requestId when you report it."
PAGE_POLICY = "default-src 'self'"
STRICT = {name.decode(): value.decode() for name, value in HEADERS}


async def bug(request: Request) -> Response:
    raise RuntimeError("the password is in /etc/secret")


async def late_bug(request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"beginning"
        raise RuntimeError("the password is in /etc/secret")

    return StreamingResponse(chunks())


async def page(request: Request) -> Response:
    return HTMLResponse("<p>hello", headers={"Content-Security-Policy": PAGE_POLICY})


async def bug_before_accepting(socket: WebSocket) -> None:
    raise RuntimeError("the password is in /etc/secret")


async def bug_after_accepting(socket: WebSocket) -> None:
    await socket.accept()
    raise RuntimeError("the password is in /etc/secret")


@pytest.fixture
async def url(serve: Callable[..., Any]) -> AsyncIterator[str]:
    app = Starlette(
        routes=[
            Route("/bug", bug),
            Route("/late", late_bug),
            Route("/page", page),
            WebSocketRoute("/bug", bug_before_accepting),
            WebSocketRoute("/late", bug_after_accepting),
        ],
        middleware=[Middleware(Envelope)],
        exception_handlers={HTTPException: refuse_request},
    )
    async with serve(app) as url:
        yield url


@pytest.fixture
async def client(url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=url) as client:
        yield client


@pytest.fixture
async def headgate(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The whole application, as one meets it that asks from nowhere."""
    transport = httpx.ASGITransport(create_app(Settings(home=tmp_path)))
    async with httpx.AsyncClient(transport=transport, base_url="http://headgate") as client:
        yield client


def only_error(response: httpx.Response) -> Any:
    body = response.json()
    assert set(body) == {"errors"}
    assert len(body["errors"]) == 1
    assert body["errors"][0]["extensions"]["requestId"] == response.headers["x-request-id"]
    return body["errors"][0]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/healthz", 200, None),
        ("HEAD", "/healthz", 200, None),
        ("GET", "/graphql/", 404, "NOT_FOUND"),
        ("GET", "/healthz/", 404, "NOT_FOUND"),
        ("GET", "/nothing", 404, "NOT_FOUND"),
        ("POST", "/healthz", 405, "METHOD_NOT_ALLOWED"),
        ("DELETE", "/graphql", 405, "METHOD_NOT_ALLOWED"),
        ("GET", "/graphql", 400, "BAD_REQUEST"),
        ("POST", "/graphql", 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("GET", "/graphql?query={viewer{id}}", 401, "UNAUTHENTICATED"),
        ("GET", "/downloads/errors/x.csv", 401, "UNAUTHENTICATED"),
        ("POST", "/downloads/errors/x.csv", 405, "METHOD_NOT_ALLOWED"),
    ],
)
async def test_every_answer_carries_a_request_id_and_the_headers(
    headgate: httpx.AsyncClient, method: str, path: str, status: int, code: str | None
) -> None:
    response = await headgate.request(method, path)

    assert response.status_code == status
    assert response.headers["x-request-id"]
    assert {name: response.headers[name] for name in STRICT} == STRICT
    assert "strict-transport-security" not in response.headers
    if code is not None:
        assert only_error(response)["extensions"]["code"] == code
    if status == 405:
        assert response.headers["allow"]


async def test_https_stays_https(tmp_path: Path) -> None:
    transport = httpx.ASGITransport(create_app(Settings(home=tmp_path)))
    async with httpx.AsyncClient(transport=transport, base_url="https://headgate") as client:
        response = await client.get("/healthz")

    assert response.headers["strict-transport-security"] == "max-age=31536000"


async def test_an_id_of_the_clients_own_is_ignored(headgate: httpx.AsyncClient) -> None:
    sent = {"x-request-id": "mine"}
    ids = [
        (await headgate.get(path, headers=sent)).headers.get_list("x-request-id")
        for path in ("/", "/healthz")
    ]

    assert all(len(each) == 1 and each != ["mine"] for each in ids)
    assert ids[0] != ids[1]


async def test_the_id_of_an_error_of_an_operation_is_that_of_the_answer(toy: Any) -> None:
    for query in ("{ bug }", "{ unencodable }"):
        with capture_logs() as logs:
            response = await toy.client.post("/graphql", json={"query": query})
        (error,) = response.json()["errors"]
        assert error["extensions"]["requestId"] == response.headers["x-request-id"]
        assert [log["request_id"] for log in logs] == [response.headers["x-request-id"]]

    response = await toy.client.post("/graphql", json={"query": "{ requestId }"})
    assert response.json()["data"]["requestId"] == response.headers["x-request-id"]


async def test_a_bug_of_any_route_is_masked_and_logged_once_under_the_id_that_the_caller_gets(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as logs:
        response = await client.get("/bug")

    error = only_error(response)
    assert (response.status_code, error["message"], error["extensions"]["code"]) == (500, MASKED, "INTERNAL")
    assert "secret" not in response.text
    bug, done = logs
    assert (bug["event"], bug["request_id"]) == ("request.failed", response.headers["x-request-id"])
    assert "secret" in str(bug["exc_info"])
    assert (done["event"], done["status"]) == ("request.done", 500)
    assert not caplog.records, "and by nobody else"


async def test_an_answer_that_has_begun_is_cut_off_by_a_bug(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as logs, pytest.raises(httpx.RemoteProtocolError):
        await client.get("/late")

    assert [log["event"] for log in logs] == ["request.failed"]
    assert "secret" not in caplog.text


async def test_a_page_keeps_a_policy_of_its_own(client: httpx.AsyncClient) -> None:
    response = await client.get("/page")

    assert response.headers.get_list("content-security-policy") == [PAGE_POLICY]
    assert response.headers["x-frame-options"] == "DENY"


async def test_a_bug_before_a_socket_opens_is_masked(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with capture_logs() as logs, pytest.raises(InvalidStatus) as refused:
        async with connect(url.replace("http", "ws") + "/bug"):
            pass

    response = refused.value.response
    assert response.status_code == 500
    (error,) = json.loads(response.body)["errors"]
    assert error["message"] == MASKED
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    bug, done = logs
    assert bug["request_id"] == response.headers["x-request-id"]
    assert (done["event"], done["status"]) == ("request.done", 500)
    assert "secret" not in caplog.text


async def test_a_bug_behind_an_open_socket_closes_it(url: str, caplog: pytest.LogCaptureFixture) -> None:
    with capture_logs() as logs:
        async with connect(url.replace("http", "ws") + "/late") as socket:
            await socket.wait_closed()

    assert (socket.close_code, socket.close_reason) == (1011, "")
    assert socket.response is not None
    assert [log["request_id"] for log in logs] == [socket.response.headers["x-request-id"]]
    assert "secret" not in caplog.text


async def test_a_socket_that_is_refused_is_told_so_in_words(url: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(url.replace("http", "ws") + "/nothing"):
            pass

    response = refused.value.response
    assert (response.status_code, response.headers["content-type"]) == (
        403,
        "application/json; charset=utf-8",
    )
    assert json.loads(response.body)["errors"][0]["extensions"]["code"] == "FORBIDDEN"
    assert response.headers["x-content-type-options"] == "nosniff"
