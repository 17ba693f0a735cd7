"""How much one caller may ask for, as it is told over HTTP and WebSocket."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

PROTOCOL = Subprotocol("graphql-transport-ws")
HELLO = {"query": "{ hello }"}


@pytest.fixture
def limits() -> tuple[int, int]:
    return (5, 3)


def refusal_of(response: httpx.Response) -> Any:
    assert response.status_code == 429
    (error,) = response.json()["errors"]
    assert error["extensions"]["requestId"]
    return error["extensions"]


async def ask(toy: Any, token: str | None = None, **options: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {token or toy.token}", **options.pop("headers", {})}
    response: httpx.Response = await toy.client.post(
        "/graphql", headers=headers, **(options or {"json": HELLO})
    )
    return response


async def test_who_has_used_up_their_points_is_told_when_to_come_again(toy: Any) -> None:
    answers = [await ask(toy) for _ in range(6)]

    for left, answer in zip((4, 3, 2, 1, 0), answers[:5], strict=True):
        assert answer.status_code == 200
        assert answer.headers["ratelimit-limit"] == "5"
        assert answer.headers["ratelimit-remaining"] == str(left)
        assert 0 < int(answer.headers["ratelimit-reset"]) <= 60
        cost = {"requested": 1, "maximum": 100_000, "points": 1, "remaining": left}
        assert answer.json()["extensions"] == {"cost": cost}
    refused = refusal_of(answers[5])
    assert (refused["code"], refused["retryable"]) == ("RATE_LIMITED", True)
    assert 0 < int(answers[5].headers["retry-after"]) <= 12
    assert answers[5].headers["ratelimit-remaining"] == "0"


@pytest.mark.parametrize(
    "options",
    [
        {"content": b"{", "headers": {"content-type": "application/json"}},
        {"content": b"x", "headers": {"content-type": "text/plain"}},
        {"json": {"query": "{ nothing"}},
        {"json": {"query": "{ nothing }"}},
        {"json": {"query": "{ bug }"}},
    ],
    ids=["malformed", "of another type", "not GraphQL", "not of the schema", "a bug"],
)
async def test_what_fails_costs_too(toy: Any, options: Any) -> None:
    answers = [await ask(toy, **options) for _ in range(6)]

    assert [answer.status_code == 429 for answer in answers] == [False] * 5 + [True]


async def test_users_have_points_of_their_own(toy: Any, make_token: Any) -> None:
    for _ in range(6):
        await ask(toy)

    assert (await ask(toy, make_token("user_2"))).status_code == 200


async def test_strangers_share_what_their_address_has_and_leave_others_alone(toy: Any) -> None:
    answers = [await ask(toy, token) for token in ("bad", "x.y.z", "bad", "bad")]

    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert refusal_of(answers[-1])["code"] == "RATE_LIMITED"
    assert answers[0].headers["ratelimit-limit"] == "3"
    assert (await ask(toy)).status_code == 200


async def test_a_stranger_without_points_is_refused_before_a_body_is_read(toy: Any) -> None:
    for _ in range(3):
        await ask(toy, "bad")
    address = httpx.URL(toy.url)
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")

    answer = await asyncio.wait_for(reader.readuntil(b"\r\n"), 0.4)
    writer.close()

    assert answer.startswith(b"HTTP/1.1 429 ")


async def test_event_streams_pay_at_their_start(toy: Any) -> None:
    options: dict[str, Any] = {
        "json": {"query": "subscription { count }"},
        "headers": {"accept": "text/event-stream"},
    }
    answers = [await ask(toy, **options) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert '"cost"' not in answers[0].text


async def connected(toy: Any, token: str) -> ClientConnection:
    socket = await connect(toy.socket_url, subprotocols=[PROTOCOL])
    payload = {"Authorization": f"Bearer {token}"}
    await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
    return socket


async def last_of(socket: ClientConnection, query: str) -> Any:
    """Run an operation, and answer its messages but `complete`."""
    await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": query}}))
    received: list[Any] = []
    while not received or received[-1]["type"] == "next":
        received.append(json.loads(await asyncio.wait_for(socket.recv(), 5)))
    return [each for each in received if each["type"] != "complete"]


async def test_operations_on_a_socket_pay_and_the_socket_stays(toy: Any, make_token: Any) -> None:
    socket = await connected(toy, toy.token)
    await socket.recv()
    for query in ("{ hello }", "subscription { count }", "mutation { bump }", "{ nothing }", "{ hello }"):
        messages = await last_of(socket, query)
        assert "RATE_LIMITED" not in str(messages)
    (refused,) = await last_of(socket, "{ hello }")
    assert refused["type"] == "error"
    extensions = refused["payload"][0]["extensions"]
    assert (extensions["code"], extensions["retryable"]) == ("RATE_LIMITED", True)
    await socket.ping()
    assert socket.close_code is None
    await socket.close()

    other = await connected(toy, make_token("user_2"))
    await other.recv()
    (result,) = await last_of(other, "{ hello }")
    assert result["payload"]["extensions"]["cost"]["remaining"] == 4
    events = await last_of(other, "subscription { count }")
    assert [set(each["payload"]) for each in events] == [{"data"}] * 3
    await other.close()


async def test_sockets_that_are_not_let_in_cost_their_address(toy: Any) -> None:
    for _ in range(3):
        socket = await connected(toy, "bad")
        await socket.wait_closed()
        assert socket.close_code == 4403

    assert (await ask(toy, "bad")).status_code == 429


@pytest.mark.parametrize("limits", [(0, 0)], ids=["no limits"])
async def test_without_a_limit_nothing_is_counted(toy: Any) -> None:
    answers = [await ask(toy, token) for token in (None, "bad") for _ in range(20)]

    assert {answer.status_code for answer in answers} == {200, 401}
    assert not any(name.startswith("ratelimit") for answer in answers for name in answer.headers)


@pytest.mark.parametrize("limits", [(1000, 0)], ids=["enough"])
async def test_what_takes_too_long_is_stopped_and_said_so(toy: Any) -> None:
    for accept, status in [("application/json", 200), ("application/graphql-response+json", 400)]:
        answer = await ask(toy, json={"query": "{ slow }"}, headers={"accept": accept})
        assert answer.status_code == status
        (error,) = answer.json()["errors"]
        assert (error["extensions"]["code"], error["extensions"]["retryable"]) == ("EXECUTION_TIMEOUT", True)
    socket = await connected(toy, toy.token)
    await socket.recv()
    (refused,) = await last_of(socket, "{ slow }")
    assert refused["payload"][0]["extensions"]["code"] == "EXECUTION_TIMEOUT"
    assert (await last_of(socket, "{ hello }"))[0]["payload"]["data"] == {"hello": "hello"}
    await socket.close()
