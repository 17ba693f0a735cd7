"""GraphQL over Server-Sent Events."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, MutableMapping
from contextlib import ExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import strawberry
import structlog
from graphql import GraphQLError
from starlette.types import Receive, Scope, Send
from strawberry.types import ExecutionContext, Info
from strawberry.types.execution import ExecutionResult

from headgate.domain.permissions import Principal
from headgate.domain.tolls import Bill, Tolls
from headgate.errors import UserFault
from headgate.jobs.memory import InProcessSignals
from headgate.jobs.memory_rates import InProcessRates
from headgate.server.envelope import Envelope
from headgate.server.limits import BodyLimit, ReadDeadline
from headgate.server.multipart import MultipartReceiver
from headgate.server.responses import accepts_events, accepts_only_events
from headgate.server.streams import CLOSING, EventStream
from headgate.server.view import GraphQLApp
from headgate.storage.objects import LocalStore
from headgate.storage.tables import Role
from tests.eventstreams import Event, EventSource, results_by_urql
from tests.server.conftest import authenticate, make_presence

EVENTS = "text/event-stream"
ACCEPT_OF_URQL = (
    "application/graphql-response+json, application/graphql+json, application/json, "
    "text/event-stream, multipart/mixed"
)
MASKED = "Something went wrong on our side. Quote this requestId when you report it."
KEEP_ALIVE_S = 0.05
READ_DEADLINE_S = 0.1
MAX_BODY_BYTES = 64 * 1024


class CountedSignals(InProcessSignals):
    """Signals that tell when nobody listens any more."""

    def __init__(self) -> None:
        super().__init__()
        self.left = asyncio.Event()

    @asynccontextmanager
    async def listen(self, topic: str) -> AsyncIterator[Any]:
        try:
            async with super().listen(topic) as listener:
                yield listener
        finally:
            self.left.set()


@dataclass
class Context:
    signals: CountedSignals
    principal: Principal
    request_id: str
    address: str | None = None
    resume_after: str | None = None
    cursor: str | None = None
    bill: Bill | None = None


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "hello"


@strawberry.type
class Mutation:
    @strawberry.mutation
    def bump(self) -> int:
        return 1


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, info: Info[Context], to: int = 3) -> AsyncGenerator[int, None]:
        for number in range(int(info.context.resume_after or 0) + 1, to + 1):
            info.context.cursor = str(number)
            yield number

    @strawberry.subscription
    async def echo(self, text: str) -> AsyncGenerator[str, None]:
        yield text
        yield text[::-1]

    @strawberry.subscription
    async def ticks(self, info: Info[Context]) -> AsyncGenerator[int, None]:
        number = 0
        async with info.context.signals.listen("tick") as listener:
            while True:
                yield number
                await listener.wait()
                number += 1

    @strawberry.subscription
    async def broken(self, info: Info[Context]) -> AsyncGenerator[int, None]:
        info.context.cursor = "1"
        yield 1
        raise RuntimeError("the password is in /etc/secret")

    @strawberry.subscription
    def unready(self) -> AsyncGenerator[int, None]:
        raise RuntimeError("the password is in /etc/secret")

    @strawberry.subscription
    async def forbidden(self) -> AsyncGenerator[int, None]:
        raise UserFault("FORBIDDEN", "You may not do that.")
        yield 1


class StreamSchema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        pass


@dataclass
class Streams:
    """A running server, a client with a valid token, and what reaches into the server."""

    client: httpx.AsyncClient
    signals: CountedSignals
    closing: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(
        self, query: str, accept: str = EVENTS, method: str = "POST", **headers: str
    ) -> httpx.Response:
        """Send an operation and read its answer to the end."""
        operation = {"params": {"query": query}} if method == "GET" else {"json": {"query": query}}
        sent = {"accept": accept, **{name.replace("_", "-"): value for name, value in headers.items()}}
        async with asyncio.timeout(5):
            return await self.client.request(method, "/graphql", headers=sent, **operation)  # type: ignore[arg-type]

    @asynccontextmanager
    async def opened(self, query: str, **headers: str) -> AsyncIterator[AsyncIterator[str]]:
        """Open a stream; yields what arrives on it, chunk by chunk."""
        sent = {"accept": EVENTS, **headers}
        body = {"query": query}
        async with self.client.stream("POST", "/graphql", headers=sent, json=body) as response:
            assert response.status_code == 200
            async with aclosing(response.aiter_text()) as chunks:  # type: ignore[type-var]
                yield chunks


@pytest.fixture
async def streams(
    tmp_path: Path, make_token: Callable[..., str], serve: Callable[..., Any]
) -> AsyncIterator[Streams]:
    signals = CountedSignals()
    uploads = MultipartReceiver(
        LocalStore(tmp_path), max_body_bytes=MAX_BODY_BYTES, max_upload_bytes=MAX_BODY_BYTES
    )
    view = GraphQLApp(
        StreamSchema(Query, Mutation, Subscription),
        authenticate=authenticate,
        make_context=partial(Context, signals),
        uploads=uploads,
        tolls=Tolls(InProcessRates(), known_limit=0, anonymous_limit=0),
        presence=make_presence(),
        keep_alive_s=KEEP_ALIVE_S,
    )
    limited = Envelope(ReadDeadline(BodyLimit(view, max_bytes=MAX_BODY_BYTES), seconds=READ_DEADLINE_S))
    closing = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"] = {CLOSING: closing}
        await limited(scope, receive, send)

    headers = {"authorization": f"Bearer {make_token()}"}
    async with serve(app) as url, httpx.AsyncClient(base_url=url, headers=headers) as client:
        yield Streams(client, signals, closing)


def events_of(response: httpx.Response) -> list[Event]:
    return list(EventSource().feed(response.text))


def results_of(response: httpx.Response) -> list[Any]:
    """Read the results of a stream that is complete."""
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    *events, last = events_of(response)
    assert {event.type for event in events} == {"next"}
    assert (last.type, last.data) == ("complete", "")
    assert results_by_urql(response.text) == [event.result for event in events]
    return [event.result for event in events]


def only_error(response: httpx.Response) -> Any:
    [error] = response.json()["errors"]
    assert error["extensions"]["requestId"]
    return error


async def next_event(source: EventSource, chunks: AsyncIterator[str]) -> Event:
    async with asyncio.timeout(5):
        return await anext(aiter(source.read(chunks)))


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_subscription_is_a_stream_of_frames_to_its_end(streams: Streams, method: str) -> None:
    response = await streams.send("subscription { count(to: 2) }", method=method)

    assert response.content == (
        b'event: next\nid: 1\ndata: {"data":{"count":1}}\n\n'
        b'event: next\nid: 2\ndata: {"data":{"count":2}}\n\n'
        b"event: complete\ndata:\n\n"
    )
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache, no-store, no-transform"
    assert response.headers["x-accel-buffering"] == "no"
    assert results_of(response) == [{"data": {"count": 1}}, {"data": {"count": 2}}]


async def test_any_text_travels_in_one_line(streams: Streams) -> None:
    text = "data: x\n\nevent: y\r\nid: é\u2028\u0085 end"

    response = await streams.send(f"subscription {{ echo(text: {json.dumps(text)}) }}")

    assert results_of(response) == [{"data": {"echo": text}}, {"data": {"echo": text[::-1]}}]
    assert {event.last_id for event in events_of(response)} == {""}


@pytest.mark.parametrize("query", ["{ hello }", "mutation { bump }", "{ nothing }", "{"])
async def test_what_urql_accepts_gets_json_for_all_but_subscriptions(streams: Streams, query: str) -> None:
    with_events = await streams.send(query, ACCEPT_OF_URQL)
    without = await streams.send(query, ACCEPT_OF_URQL.replace("text/event-stream, ", ""))

    assert with_events.headers["content-type"] == "application/graphql-response+json; charset=utf-8"
    assert with_events.status_code == without.status_code
    assert with_events.json().get("data") == without.json().get("data")
    assert results_of(await streams.send("subscription { count(to: 1) }", ACCEPT_OF_URQL)) == [
        {"data": {"count": 1}}
    ]


@pytest.mark.parametrize(
    ("query", "data"), [("{ hello }", {"hello": "hello"}), ("mutation { bump }", {"bump": 1})]
)
async def test_a_client_of_events_alone_gets_any_operation_as_a_stream(
    streams: Streams, query: str, data: object
) -> None:
    assert results_of(await streams.send(query)) == [{"data": data}]


@pytest.mark.parametrize(
    ("accept", "is_accepted", "is_all"),
    [
        ("", False, False),
        ("*/*", False, False),
        ("text/*", False, False),
        ("application/json", False, False),
        ("text/event-stream", True, True),
        ("Text/Event-Stream; charset=utf-8", True, True),
        ("text/event-stream, multipart/mixed", True, True),
        ("text/event-stream, application/json;q=0", True, True),
        ("text/event-stream;q=0", False, False),
        ("text/event-stream, */*;q=0.1", True, False),
        ("application/*, text/event-stream", True, False),
        ("application/json, text/event-stream", True, False),
        (ACCEPT_OF_URQL, True, False),
    ],
)
def test_streams_are_for_whom_names_them(accept: str, is_accepted: bool, is_all: bool) -> None:
    assert (accepts_events(accept), accepts_only_events(accept)) == (is_accepted, is_all)


async def test_a_subscription_for_a_client_of_json_says_what_it_needs(streams: Streams) -> None:
    response = await streams.send("subscription { count }", "application/json")

    assert response.status_code == 400
    assert only_error(response)["extensions"]["code"] == "SUBSCRIPTION_NOT_SUPPORTED_OVER_HTTP"
    assert "text/event-stream" in only_error(response)["message"]
    assert "graphql-transport-ws" in only_error(response)["message"]


async def test_who_is_not_known_gets_no_stream(streams: Streams) -> None:
    response = await streams.send("subscription { count }", authorization="Bearer x")

    assert response.status_code == 401
    assert response.headers["content-type"] == "application/json; charset=utf-8"
    assert only_error(response)["extensions"]["code"] == "UNAUTHENTICATED"


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "BAD_REQUEST"),
        (b"{}", "application/json", 400, "BAD_REQUEST"),
        (b"{}", "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b" " * (MAX_BODY_BYTES + 1), "application/json", 413, "BODY_TOO_LARGE"),
    ],
)
async def test_a_malformed_request_for_a_stream_is_refused(
    streams: Streams, content: bytes, content_type: str, status: int, code: str
) -> None:
    headers = {"accept": EVENTS, "content-type": content_type}
    response = await streams.client.post("/graphql", content=content, headers=headers)

    assert (response.status_code, only_error(response)["extensions"]["code"]) == (status, code)


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_no_other_method_streams(streams: Streams, method: str) -> None:
    response = await streams.send("subscription { count }", method=method)

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"


async def test_a_mutation_by_get_is_not_run_for_a_stream_either(streams: Streams) -> None:
    response = await streams.send("mutation { bump }", method="GET")

    assert response.status_code == 405
    assert only_error(response)["extensions"]["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { count, echo(text: 1) }", "GRAPHQL_VALIDATION_FAILED"),
        ("fragment a on Query { hello }", "OPERATION_NOT_FOUND"),
        ("subscription($n: Int!) { count(to: $n) }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { forbidden }", "FORBIDDEN"),
    ],
)
async def test_a_fault_of_the_document_is_the_only_event(streams: Streams, query: str, code: str) -> None:
    [result] = results_of(await streams.send(query))

    assert {error["extensions"]["code"] for error in result["errors"]} == {code}
    assert all(error["extensions"]["requestId"] for error in result["errors"])


@pytest.mark.parametrize(("query", "count"), [("{ broken }", 2), ("{ unready }", 1)])
async def test_a_bug_is_masked_and_logged_and_ends_the_stream(
    streams: Streams, query: str, count: int
) -> None:
    with structlog.testing.capture_logs() as logs:
        response = await streams.send(f"subscription {query}")

    results = results_of(response)
    [error] = results[-1]["errors"]
    assert len(results) == count
    assert (error["message"], error["extensions"]["code"]) == (MASKED, "INTERNAL")
    assert "secret" not in response.text
    assert [log["request_id"] for log in logs] == [error["extensions"]["requestId"]]


async def test_only_a_result_with_a_cursor_has_an_id(streams: Streams) -> None:
    response = await streams.send("subscription { broken }")

    assert response.text.count("id: ") == 1
    assert [event.last_id for event in events_of(response)] == ["1", "1", "1"]


async def test_a_client_resumes_behind_the_last_event_it_names(streams: Streams) -> None:
    response = await streams.send("subscription { count(to: 4) }", last_event_id="2")

    assert [result["data"]["count"] for result in results_of(response)] == [3, 4]


async def test_a_silent_stream_outlives_the_read_deadline_and_carries_comments(streams: Streams) -> None:
    source = EventSource()
    async with streams.opened("subscription { ticks }") as chunks:
        assert (await next_event(source, chunks)).result == {"data": {"ticks": 0}}
        async with asyncio.timeout(5):
            while source.comments * KEEP_ALIVE_S < 3 * READ_DEADLINE_S:
                assert list(source.feed(await anext(chunks))) == []
        streams.signals.notify("tick")
        assert (await next_event(source, chunks)).result == {"data": {"ticks": 1}}


async def test_a_token_that_ends_ends_its_stream(streams: Streams, make_token: Callable[..., str]) -> None:
    token = make_token(hours=2 / 3600)

    response = await streams.send("subscription { ticks }", authorization=f"Bearer {token}")

    first, last = results_of(response)
    assert first == {"data": {"ticks": 0}}
    assert last["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    assert streams.signals.left.is_set()


async def test_a_client_that_leaves_is_no_longer_listened_for(streams: Streams) -> None:
    async with streams.opened("subscription { ticks }") as chunks:
        await next_event(EventSource(), chunks)
        assert not streams.signals.left.is_set()

    async with asyncio.timeout(5):
        await streams.signals.left.wait()


async def test_a_server_that_stops_ends_its_streams_without_completing_them(streams: Streams) -> None:
    source = EventSource()
    async with streams.opened("subscription { ticks }") as chunks:
        await next_event(source, chunks)
        streams.closing.set()
        async with asyncio.timeout(5):
            rest = "".join([chunk async for chunk in chunks])

    assert list(source.feed(rest)) == []
    assert streams.signals.left.is_set()


async def test_a_slow_client_is_read_for_one_event_at_a_time() -> None:
    asked: list[int] = []
    is_blocked, is_read = asyncio.Event(), asyncio.Event()

    async def results() -> AsyncGenerator[Any, None]:
        for number in range(3):
            asked.append(number)
            yield ExecutionResult(data={"n": number}, errors=None)

    async def send(message: MutableMapping[str, Any]) -> None:
        if message.get("body"):
            is_blocked.set()
            await is_read.wait()

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    context = Context(CountedSignals(), Principal("user_1", Role.VIEWER, datetime.now(UTC)), "r")
    stream = EventStream(results(), context, request_id="r", visit=None, stay=ExitStack())
    running = asyncio.create_task(stream({"type": "http"}, receive, send))
    await is_blocked.wait()
    for _ in range(100):
        await asyncio.sleep(0)
    assert asked == [0]
    is_read.set()
    await running
    assert asked == [0, 1, 2]
