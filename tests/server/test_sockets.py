"""GraphQL over WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from tests.answers import without_cost

PROTOCOL = Subprotocol("graphql-transport-ws")
MASKED = "Something went wrong on our side. Quote this requestId when you report it."
SUBSCRIBE: dict[str, Any] = {"type": "subscribe", "id": "1", "payload": {"query": "{ hello }"}}


def subscribe(**changes: object) -> str:
    return json.dumps({**SUBSCRIBE, **changes})


MALFORMED_FRAMES: dict[str, str | bytes] = {
    "nothing": "",
    "not JSON": "hello",
    "an open object": '{"type": "ping"',
    "binary": b'{"type": "ping"}',
    "null": "null",
    "a number": "1",
    "a string": '"ping"',
    "an array": '[{"type": "ping"}]',
    "an empty object": "{}",
    "type null": '{"type": null}',
    "type an object": '{"type": {}}',
    "type an array": '{"type": ["ping"]}',
    "an unknown type": '{"type": "x"}',
    "a type of the legacy protocol": '{"type": "start", "id": "1", "payload": {}}',
    "a type of the server": '{"type": "next", "id": "1", "payload": {}}',
    "a ping whose payload is text": '{"type": "ping", "payload": "x"}',
    "a pong whose payload is an array": '{"type": "pong", "payload": []}',
    "a subscribe without id": '{"type": "subscribe", "payload": {"query": "{ hello }"}}',
    "an id that is a number": subscribe(id=1),
    "an id that is an array": subscribe(id=["1"]),
    "an id that is empty": subscribe(id=""),
    "payload missing": '{"type": "subscribe", "id": "1"}',
    "payload null": subscribe(payload=None),
    "payload text": subscribe(payload="{ hello }"),
    "payload an array": subscribe(payload=[]),
    "query missing": subscribe(payload={}),
    "query null": subscribe(payload={"query": None}),
    "query empty": subscribe(payload={"query": ""}),
    "query an object": subscribe(payload={"query": {}}),
    "variables an array": subscribe(payload={"query": "{ hello }", "variables": []}),
    "variables text": subscribe(payload={"query": "{ hello }", "variables": "x"}),
    "operationName a number": subscribe(payload={"query": "{ hello }", "operationName": 1}),
    "extensions text": subscribe(payload={"query": "{ hello }", "extensions": "x"}),
    "a complete without id": '{"type": "complete"}',
    "a complete whose id is an object": '{"type": "complete", "id": {}}',
    "an array 5,000 deep": "[" * 5000,
    "an integer of 5,000 digits": '{"type": "ping", "payload": {"a": ' + "1" * 5000 + "}}",
    "a lone surrogate": '{"type": "\\ud800"}',
}


@asynccontextmanager
async def opened(toy: Any, **options: Any) -> AsyncIterator[ClientConnection]:
    async with connect(toy.socket_url, subprotocols=[PROTOCOL], max_size=None, **options) as socket:
        yield socket


@asynccontextmanager
async def connected(toy: Any, token: str | None = None) -> AsyncIterator[ClientConnection]:
    async with opened(toy) as socket:
        payload = {"Authorization": f"Bearer {token or toy.token}"}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert json.loads(await socket.recv()) == {"type": "connection_ack"}
        yield socket


async def messages(socket: ClientConnection, operation_id: str = "1") -> list[Any]:
    """Read the messages of one operation, to its last."""
    received: list[Any] = []
    while not received or received[-1]["type"] == "next":
        text = await asyncio.wait_for(socket.recv(), 5)
        assert isinstance(text, str)
        message = json.loads(text)
        if message.get("id") == operation_id:
            if message["type"] == "next":
                without_cost(message["payload"])
            received.append(message)
    return received


async def run(
    socket: ClientConnection, query: str, operation_id: str = "1", **variables: object
) -> list[Any]:
    payload = {"query": query, "variables": variables}
    await socket.send(subscribe(id=operation_id, payload=payload))
    return await messages(socket, operation_id)


async def close_code(socket: ClientConnection) -> tuple[int, str]:
    async with asyncio.timeout(5):
        await socket.wait_closed()
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("name", MALFORMED_FRAMES)
async def test_a_malformed_frame_closes_the_socket_in_order(toy: Any, name: str, is_known: bool) -> None:
    async with connected(toy) if is_known else opened(toy) as socket:
        await socket.send(MALFORMED_FRAMES[name])
        code, _ = await close_code(socket)

    assert code == 4400
    async with connected(toy) as socket:
        assert (await run(socket, "{ hello }"))[0]["payload"] == {"data": {"hello": "hello"}}


async def test_a_frame_over_one_mebibyte_closes_the_socket(toy: Any) -> None:
    async with connected(toy) as socket:
        await socket.send(subscribe(payload={"query": "{ hello }", "extensions": {"x": "é" * 600_000}}))
        assert (await close_code(socket))[0] == 1009


async def test_a_subscription_streams_and_completes(toy: Any) -> None:
    async with connected(toy) as socket:
        received = await run(socket, "subscription($to: Int!) { count(to: $to) }", to=3)

    assert [message["payload"]["data"]["count"] for message in received[:-1]] == [0, 1, 2]
    assert received[-1] == {"id": "1", "type": "complete"}


async def test_pings_are_answered(toy: Any) -> None:
    async with opened(toy) as socket:
        await socket.send('{"type": "ping"}')
        assert json.loads(await socket.recv()) == {"type": "pong"}


@pytest.mark.parametrize("protocols", [["graphql-ws"], ["x"], []])
async def test_other_subprotocols_are_not_acceptable(toy: Any, protocols: list[Subprotocol]) -> None:
    async with connect(toy.socket_url, subprotocols=protocols or None) as socket:
        assert (await close_code(socket))[0] == 4406


async def test_another_origin_is_refused(toy: Any) -> None:
    with pytest.raises(InvalidStatus, match="403"):
        async with opened(toy, origin="https://elsewhere.example"):
            pass


@pytest.mark.parametrize(
    "payload", [{}, {"Authorization": None}, {"Authorization": "Bearer x"}, {"Authorization": ["Bearer"]}]
)
async def test_a_socket_without_a_valid_token_is_closed(toy: Any, payload: dict[str, object]) -> None:
    async with opened(toy) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert await close_code(socket) == (4403, "Forbidden")


async def test_nothing_runs_before_the_socket_is_known(toy: Any) -> None:
    async with opened(toy) as socket:
        await socket.send(subscribe())
        assert (await close_code(socket))[0] == 4401


async def test_a_socket_closes_when_its_token_expires(toy: Any, make_token: Callable[..., str]) -> None:
    async with connected(toy, make_token(hours=2 / 3600)) as socket:
        await socket.send(subscribe(payload={"query": "subscription { forever }"}))
        assert await close_code(socket) == (4403, "Forbidden")


async def test_a_bug_while_letting_a_client_in_closes_the_socket_in_order(
    toy: Any, make_token: Callable[..., str]
) -> None:
    async with opened(toy) as socket:
        payload = {"Authorization": f"Bearer {make_token('user_crash')}"}
        await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
        assert await close_code(socket) == (4500, "Internal server error")


async def test_a_second_greeting_closes_the_socket(toy: Any) -> None:
    async with connected(toy) as socket:
        await socket.send(json.dumps({"type": "connection_init", "payload": {}}))
        assert (await close_code(socket))[0] == 4429


async def test_an_id_in_use_closes_the_socket_however_long_it_is(toy: Any) -> None:
    async with connected(toy) as socket:
        for _ in range(2):
            await socket.send(subscribe(id="é" * 500, payload={"query": "subscription { forever }"}))
        code, reason = await close_code(socket)

    assert code == 4409
    assert reason.startswith("Subscriber for é")


async def test_a_socket_carries_fifty_operations_at_once(toy: Any) -> None:
    async with connected(toy) as socket:
        for number in range(50):
            await socket.send(subscribe(id=f"s{number}", payload={"query": "subscription { forever }"}))
        refused = (await run(socket, "{ hello }", "one more"))[-1]
        await socket.send('{"type": "complete", "id": "s0"}')
        answered = await run(socket, "{ hello }", "now")

    assert refused["type"] == "error"
    assert refused["payload"][0]["extensions"]["code"] == "TOO_MANY_SUBSCRIPTIONS"
    assert refused["payload"][0]["extensions"]["requestId"]
    assert answered[0]["payload"] == {"data": {"hello": "hello"}}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ hello", "GRAPHQL_PARSE_FAILED"),
        ("{ " + "é" * 200, "GRAPHQL_PARSE_FAILED"),
        ("{ nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("fragment a on Query { hello }", "OPERATION_NOT_FOUND"),
        ("{me" * 30 + "{hello}" + "}" * 30, "QUERY_LIMIT_EXCEEDED"),
    ],
)
async def test_a_refused_document_ends_only_its_operation(toy: Any, query: str, code: str) -> None:
    async with connected(toy) as socket:
        [error] = await run(socket, query)
        answered = await run(socket, "{ hello }", "2")

    assert error["type"] == "error"
    assert error["payload"][0]["extensions"]["code"] == code
    assert error["payload"][0]["extensions"]["requestId"]
    assert answered[0]["payload"] == {"data": {"hello": "hello"}}


@pytest.mark.parametrize("query", ["{ bug }", "subscription { broken }", "subscription { unencodable }"])
async def test_a_bug_is_masked_and_logged(toy: Any, query: str) -> None:
    with structlog.testing.capture_logs() as logs:
        async with connected(toy) as socket:
            received = await run(socket, query)

    error = received[-2]["payload"]["errors"][0]
    assert received[-1]["type"] == "complete"
    assert (error["message"], error["extensions"]["code"]) == (MASKED, "INTERNAL")
    assert "secret" not in json.dumps(received)
    assert [log["request_id"] for log in logs] == [error["extensions"]["requestId"]]


async def test_a_bug_before_the_first_event_is_masked(toy: Any) -> None:
    async with connected(toy) as socket:
        [error] = await run(socket, "subscription { unready }")

    assert error["type"] == "error"
    assert error["payload"][0]["message"] == MASKED


async def test_each_operation_of_a_socket_has_a_context_of_its_own(toy: Any) -> None:
    async with connected(toy) as socket:
        first = await run(socket, "subscription { requestIds }", "1")
        second = await run(socket, "subscription { requestIds }", "2")

    assert first[0]["payload"]["data"]["requestIds"] != second[0]["payload"]["data"]["requestIds"]


async def test_a_client_that_vanishes_ends_its_operations(toy: Any) -> None:
    async with connected(toy) as socket:
        await socket.send(subscribe(payload={"query": "subscription { forever }"}))
        await socket.recv()
        socket.transport.abort()

    assert await toy.is_well()
