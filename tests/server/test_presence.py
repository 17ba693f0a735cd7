"""Sockets and streams are counted, and end at once when their user may not stay."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from headgate.domain.doorkeeper import ACCESS_TOPIC
from headgate.domain.permissions import Principal
from headgate.domain.tolls import Tolls
from headgate.errors import Unauthenticated
from headgate.jobs.memory import InProcessSignals
from headgate.jobs.memory_rates import InProcessRates
from headgate.server import sockets
from headgate.server.envelope import Envelope
from headgate.server.multipart import MultipartReceiver
from headgate.server.presence import TooMany
from headgate.server.view import GraphQLApp
from headgate.storage.objects import LocalStore
from headgate.storage.tables import Role
from tests.eventstreams import EventSource
from tests.server.conftest import Context, make_presence, running, toy_schema

FOREVER = "subscription { forever }"
SEEN_LATE = 0.01


@dataclass
class Door:
    """Knows everybody whose token is `user_…`, as OPERATOR unless `roles` says something else; None there is nobody."""

    roles: dict[str, Role | None] = field(default_factory=dict)
    is_broken: bool = False
    forgotten: int = 0
    signals: InProcessSignals = field(default_factory=InProcessSignals)

    async def authenticate(self, token: str) -> Principal | None:
        if self.is_broken:
            raise ConnectionError("the database is gone")
        role = self.roles.get(token, Role.OPERATOR) if token.startswith("user_") else None
        return Principal(token, role, datetime.now(UTC) + timedelta(hours=1)) if role is not None else None

    def forget(self) -> None:
        self.forgotten += 1

    def change(self, user_id: str, role: Role | None) -> None:
        self.roles[user_id] = role
        self.signals.notify(ACCESS_TOPIC)


@dataclass
class Place:
    """A running server, and ways to it."""

    url: str

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[ClientConnection]:
        url = self.url.replace("http", "ws") + "/graphql"
        async with connect(url, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
            yield socket

    @asynccontextmanager
    async def connected(self, token: str = "user_1") -> AsyncIterator[ClientConnection]:
        """Open a socket and show a token; what is answered to that is left to be read."""
        async with self.opened() as socket:
            payload = {"Authorization": f"Bearer {token}"}
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            yield socket

    def stream(self, http: httpx.AsyncClient, token: str = "user_1") -> Any:
        headers = {"authorization": f"Bearer {token}", "accept": "text/event-stream"}
        return http.stream("POST", f"{self.url}/graphql", headers=headers, json={"query": FOREVER})


MakePlace = Callable[..., Awaitable[Place]]


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
async def make_place(tmp_path: Path, door: Door) -> AsyncIterator[MakePlace]:
    async with AsyncExitStack() as stack:

        async def make(check_every_s: float = 60, **limits: Any) -> Place:
            of_presence = {
                name: limits.pop(name) for name in ("max_per_user", "max_per_address") if name in limits
            }
            presence = make_presence(
                authenticate=door.authenticate, check_every_s=check_every_s, **of_presence
            )
            receiver = MultipartReceiver(LocalStore(tmp_path), max_body_bytes=1000, max_upload_bytes=1000)
            view = GraphQLApp(
                toy_schema(),
                authenticate=door.authenticate,
                make_context=Context,
                uploads=receiver,
                presence=presence,
                tolls=Tolls(InProcessRates(), known_limit=0, anonymous_limit=0),
                **limits,
            )
            await stack.enter_async_context(presence.watching(door.signals, door))  # type: ignore[arg-type]
            return Place(await stack.enter_async_context(running(Envelope(view))))

        yield make


async def received(socket: ClientConnection) -> Any:
    return json.loads(await asyncio.wait_for(socket.recv(), 5))


async def is_let_in(socket: ClientConnection) -> bool:
    return bool(await received(socket) == {"type": "connection_ack"})


async def closed_with(socket: ClientConnection) -> tuple[int | None, str | None]:
    async with asyncio.timeout(5):
        await socket.wait_closed()
    return socket.close_code, socket.close_reason


async def until_let_in(place: Place, token: str = "user_1") -> None:
    """Try until there is room again: a server learns of an end when it reads that."""
    async with asyncio.timeout(5):
        while True:
            async with place.connected(token) as socket:
                try:
                    assert await is_let_in(socket)
                except ConnectionClosed:
                    if socket.close_code != 4429:
                        raise
                else:
                    return


async def test_a_user_has_so_many_sockets_and_no_more(make_place: MakePlace) -> None:
    place = await make_place(max_per_user=2)
    async with place.connected() as first, place.connected() as second, place.connected() as third:
        assert await is_let_in(first)
        assert await is_let_in(second)
        assert await closed_with(third) == (4429, "At most 2 sockets and streams of a user at once.")
        async with place.connected("user_2") as another:
            assert await is_let_in(another)
        await first.close()
        await until_let_in(place)


async def test_an_address_has_so_many_sockets_whoever_they_are(make_place: MakePlace) -> None:
    place = await make_place(max_per_address=2)
    async with place.opened(), place.connected("user_2") as second, place.opened() as third:
        assert await is_let_in(second)
        text = "At most 2 sockets and streams at once from one address."
        assert await closed_with(third) == (4429, text)


async def refused(socket: ClientConnection) -> None:
    await socket.send('{"type": "connection_init", "payload": {"Authorization": "Bearer x"}}')
    assert (await closed_with(socket))[0] == 4403


async def greeted_twice(socket: ClientConnection) -> None:
    greeting = '{"type": "connection_init", "payload": {"Authorization": "Bearer user_1"}}'
    await socket.send(greeting)
    await socket.send(greeting)
    assert (await closed_with(socket))[0] == 4429


async def malformed(socket: ClientConnection) -> None:
    await socket.send("{")
    assert (await closed_with(socket))[0] == 4400


async def cut(socket: ClientConnection) -> None:
    await socket.send('{"type": "connection_init", "payload": {"Authorization": "Bearer user_1"}}')
    assert await is_let_in(socket)
    await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": {"query": FOREVER}}))
    await socket.recv()
    socket.transport.abort()


async def closed(socket: ClientConnection) -> None:
    await socket.close()


@pytest.mark.parametrize("end", [refused, greeted_twice, malformed, cut, closed])
async def test_however_a_socket_ends_there_is_room_for_another(make_place: MakePlace, end: Any) -> None:
    place = await make_place(max_per_address=1, max_per_user=1)
    for _ in range(3):
        async with asyncio.timeout(5):
            while True:
                async with place.opened() as socket:
                    try:
                        await end(socket)
                    except (AssertionError, ConnectionError):
                        assert socket.close_code == 4429
                        continue
                break
    await until_let_in(place)


async def test_a_stream_counts_like_a_socket(make_place: MakePlace) -> None:
    place = await make_place(max_per_user=1)
    async with httpx.AsyncClient() as http:
        async with place.stream(http) as first:
            assert first.status_code == 200
            async with place.stream(http) as second:
                await second.aread()
                assert second.status_code == 429
                [error] = second.json()["errors"]
                assert error["extensions"]["code"] == "TOO_MANY_CONNECTIONS"
            async with place.connected() as socket:
                assert (await closed_with(socket))[0] == 4429
        await until_let_in(place)


async def test_sockets_and_streams_of_a_user_end_at_once_when_they_may_not_stay(
    make_place: MakePlace, door: Door
) -> None:
    place = await make_place()
    async with (
        httpx.AsyncClient() as http,
        place.stream(http) as stream,
        place.connected() as socket,
        place.connected("user_2") as another,
    ):
        assert await is_let_in(socket)
        assert await is_let_in(another)
        door.change("user_1", None)
        assert await closed_with(socket) == (4403, "Forbidden")
        async with asyncio.timeout(5):
            text = "".join([chunk async for chunk in stream.aiter_text()])
        *_, farewell, complete = EventSource().feed(text)
        assert farewell.result["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        assert complete.type == "complete"
        await another.send('{"type": "ping"}')
        assert await received(another) == {"type": "pong"}
        assert door.forgotten == 1


async def test_a_lost_signal_lets_nobody_stay_for_long(make_place: MakePlace, door: Door) -> None:
    place = await make_place(check_every_s=SEEN_LATE)
    async with place.connected() as socket:
        assert await is_let_in(socket)
        door.roles["user_1"] = None
        assert (await closed_with(socket))[0] == 4403


async def test_a_database_that_is_away_sends_nobody_away(make_place: MakePlace, door: Door) -> None:
    place = await make_place(check_every_s=SEEN_LATE)
    async with place.connected() as socket:
        assert await is_let_in(socket)
        with capture_logs() as logs:
            door.is_broken = True
            async with asyncio.timeout(5):
                while len(logs) < 3:  # noqa: ASYNC110, a check tells nobody when it is done
                    await asyncio.sleep(SEEN_LATE)
        await socket.send('{"type": "ping"}')
        assert await received(socket) == {"type": "pong"}
        door.is_broken, door.roles["user_1"] = False, None
        assert (await closed_with(socket))[0] == 4403


async def test_a_lowered_role_counts_for_new_operations(make_place: MakePlace, door: Door) -> None:
    place = await make_place(check_every_s=SEEN_LATE)
    async with place.connected() as socket:
        assert await is_let_in(socket)
        roles: list[str] = []
        door.change("user_1", Role.VIEWER)
        async with asyncio.timeout(5):
            while "VIEWER" not in roles:
                await socket.send('{"type": "subscribe", "id": "1", "payload": {"query": "{ role }"}}')
                roles.append((await received(socket))["payload"]["data"]["role"])
                assert (await received(socket))["type"] == "complete"


async def test_the_size_of_messages_and_the_number_of_operations_are_settings(make_place: MakePlace) -> None:
    place = await make_place(max_subscriptions=1, max_frame_bytes=2048)
    async with place.connected() as socket:
        assert await is_let_in(socket)
        for number in range(2):
            payload = {"query": FOREVER, "extensions": {"x": "x" * 1000}}
            await socket.send(json.dumps({"type": "subscribe", "id": str(number), "payload": payload}))
        assert (await received(socket))["type"] == "next"
        refusal = await received(socket)
        assert refusal["payload"][0]["extensions"]["code"] == "TOO_MANY_SUBSCRIPTIONS"
        await socket.send(json.dumps({"type": "ping", "payload": {"x": "x" * 2048}}))
        assert (await closed_with(socket))[0] == 1009


async def test_who_floods_a_socket_has_to_wait_and_others_have_not(
    make_place: MakePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "MESSAGES_PER_S", 5)
    place = await make_place()
    loop = asyncio.get_running_loop()
    async with place.connected() as flooding, place.connected("user_2") as another:
        assert await is_let_in(flooding)
        assert await is_let_in(another)
        began_at = loop.time()
        for _ in range(1000):
            await flooding.send('{"type": "ping"}')
        await another.send('{"type": "ping"}')
        assert await received(another) == {"type": "pong"}
        answered_s = loop.time() - began_at
        for _ in range(7):
            assert await received(flooding) == {"type": "pong"}
        assert loop.time() - began_at > 0.9 > answered_s


async def test_those_of_one_token_are_asked_for_once() -> None:
    asked: list[str] = []
    known = Principal("user_1", Role.VIEWER, datetime.now(UTC) + timedelta(hours=1))

    async def authenticate(token: str) -> Principal | None:
        asked.append(token)
        if token == "bad":
            raise Unauthenticated
        return replace(known, role=Role.ADMIN)

    presence = make_presence(authenticate=authenticate, max_per_user=60)
    with presence.of("good", known) as first, presence.of("good", known) as second:
        with presence.of("bad", known) as third:
            await presence.check()
            assert sorted(asked) == ["bad", "good"]
            async with asyncio.timeout(1):
                await third.over()
        assert first.principal.role is second.principal.role is Role.ADMIN
        await presence.check()
        assert sorted(asked) == ["bad", "good", "good"]


async def test_a_visit_is_over_when_its_token_is() -> None:
    ended = Principal("user_1", Role.VIEWER, datetime.now(UTC) - timedelta(hours=1))
    with make_presence().of("token", ended) as visit:
        async with asyncio.timeout(1):
            await visit.over()


def test_counting_starts_anew_when_all_have_gone() -> None:
    presence = make_presence(max_per_address=1)
    for _ in range(3):
        with presence.at("192.0.2.1"):
            with pytest.raises(TooMany, match="one address"), presence.at("192.0.2.1"):
                pass
            with presence.at("192.0.2.2"):
                pass
    assert not presence._by_address
