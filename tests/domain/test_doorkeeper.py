"""Who is let in, and how soon it counts that somebody no longer is."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, delete, select, update

from headgate.domain.doorkeeper import ACCESS_TOPIC, NEVER, Doorkeeper
from headgate.domain.permissions import Principal
from headgate.domain.remembering import Remembered
from headgate.domain.services import Services
from headgate.jobs.redis_signals import RedisSignals
from headgate.storage.ids import new_id
from headgate.storage.tables import ApiKey, Role, Session, User, utc_now
from tests.domain.people import LATER, ONE_DATABASE, add_key, add_session, add_user, change
from tests.redis_server import RedisServer

AGO = utc_now() - timedelta(hours=1)


@pytest.fixture
async def door(services: Services) -> AsyncIterator[Doorkeeper]:
    """One that remembers nothing."""
    door = Doorkeeper(services.database, keep_s=-1)
    yield door
    await door.settle()


async def test_a_token_never_gives_more_than_the_user_may_do(services: Services, door: Doorkeeper) -> None:
    user = await add_user(services, Role.OPERATOR)
    for role, allowed in ((Role.VIEWER, Role.VIEWER), (Role.ADMIN, Role.OPERATOR)):
        assert await door.admit(user.id, role, LATER) == Principal(user.id, allowed, LATER, user.email)


async def test_a_token_of_a_session_allows_what_its_user_may_do_now(
    services: Services, door: Doorkeeper
) -> None:
    user = await add_user(services, Role.VIEWER)
    session = await add_session(services, user)
    for role in (Role.ADMIN, Role.VIEWER):
        await change(services, User, role=role)
        admitted = await door.admit(user.id, Role.OPERATOR, LATER, session_id=session.id)
        assert admitted == Principal(user.id, role, LATER, user.email, session.id)


@pytest.mark.parametrize("user_id", ["", "\0", "\ud800", "user_01h455vb4pex5vsknk084sn02q"])
async def test_nobody_unknown_enters(door: Doorkeeper, user_id: str) -> None:
    assert await door.admit(user_id, Role.ADMIN, LATER) is None


@pytest.mark.parametrize("changed", [{"active": False}, {"deleted_at": AGO}], ids=["inactive", "deleted"])
async def test_whoever_was_deactivated_or_deleted_does_not_enter(
    services: Services, door: Doorkeeper, changed: dict[str, Any]
) -> None:
    user = await add_user(services)
    _, secret = await add_key(services, user)
    assert await door.admit(user.id, Role.VIEWER, LATER)
    assert await door.admit_key(secret)
    await change(services, User, **changed)
    assert await door.admit(user.id, Role.VIEWER, LATER) is None
    assert await door.admit_key(secret) is None


@pytest.mark.parametrize(
    "changed", [{"revoked_at": AGO}, {"expires_at": AGO}], ids=lambda value: next(iter(value))
)
async def test_a_token_is_not_valid_without_its_session(
    services: Services, door: Doorkeeper, changed: dict[str, Any]
) -> None:
    user = await add_user(services)
    session = await add_session(services, user)
    assert await door.admit(user.id, Role.VIEWER, LATER, session_id=session.id)
    await change(services, Session, **changed)
    assert await door.admit(user.id, Role.VIEWER, LATER, session_id=session.id) is None


@pytest.mark.parametrize("session_id", ["", "\0", "\ud800", "session_01h455vb4pex5vsknk084sn02q"])
async def test_a_token_of_no_session_that_is_there_is_refused(
    services: Services, door: Doorkeeper, session_id: str
) -> None:
    user = await add_user(services)
    assert await door.admit(user.id, Role.VIEWER, LATER, session_id=session_id) is None


async def test_the_session_of_somebody_else_does_not_count(services: Services, door: Doorkeeper) -> None:
    user, other = await add_user(services), await add_user(services)
    session = await add_session(services, other)
    assert await door.admit(user.id, Role.VIEWER, LATER, session_id=session.id) is None


@ONE_DATABASE
async def test_tokens_of_before_a_moment_are_refused_to_the_microsecond(
    services: Services, door: Doorkeeper
) -> None:
    moment = utc_now()
    user = await add_user(services, tokens_from=moment)
    before = moment - timedelta(microseconds=1)
    assert await door.admit(user.id, Role.VIEWER, LATER, issued_at=before) is None
    assert await door.admit(user.id, Role.VIEWER, LATER, issued_at=moment)


async def test_a_key_stands_for_its_user(services: Services, door: Doorkeeper) -> None:
    user = await add_user(services, Role.OPERATOR)
    key, secret = await add_key(services, user, Role.ADMIN)
    expected = Principal(user.id, Role.OPERATOR, NEVER, user.email, key_id=key.id)
    assert await door.admit_key(secret) == expected
    await change(services, ApiKey, role=Role.VIEWER, expires_at=LATER)
    assert await door.admit_key(secret) == Principal(user.id, Role.VIEWER, LATER, user.email, key_id=key.id)
    await change(services, ApiKey, expires_at=AGO)
    assert await door.admit_key(secret) is None


async def test_whoever_has_but_the_id_of_a_key_does_not_enter(services: Services, door: Doorkeeper) -> None:
    _, secret = await add_key(services, await add_user(services))
    assert await door.admit_key(secret)
    unknown = f"hg_{new_id('key').removeprefix('key_')}_{'s' * 43}"
    for wrong in (
        secret[:-1] + "t",
        secret[:-1],
        secret + "s",
        secret.upper(),
        f"{secret}\n",
        unknown,
        "hg_",
        "",
    ):
        assert await door.admit_key(wrong) is None


async def test_the_use_of_a_key_is_noted_once_a_minute(services: Services, door: Doorkeeper) -> None:
    _, secret = await add_key(services, await add_user(services))

    async def noted() -> Any:
        async with door.listening(services.signals):
            for _ in range(3):
                assert await door.admit_key(secret)
        async with services.database.read() as session:
            return (await session.scalars(select(ApiKey.last_used_at))).one()

    first = await noted()
    assert first is not None
    assert await noted() == first
    await change(services, ApiKey, last_used_at=AGO)
    assert await noted() > first


async def test_a_key_is_good_where_its_use_cannot_be_noted(services: Services, monkeypatch: Any) -> None:
    _, secret = await add_key(services, await add_user(services))
    door = Doorkeeper(services.database)
    with monkeypatch.context() as patch:
        patch.setattr(type(services.database), "transaction", lambda _: 1 / 0)
        async with door.listening(services.signals):
            assert await door.admit_key(secret)


async def test_what_is_known_is_forgotten_when_access_changes(services: Services) -> None:
    user = await add_user(services)
    _, secret = await add_key(services, user)
    door = Doorkeeper(services.database, keep_s=3600)
    async with door.listening(services.signals):
        assert await door.admit(user.id, Role.VIEWER, LATER)
        assert await door.admit_key(secret)
        async with services.database.transaction() as session:
            await session.execute(delete(ApiKey))
            await session.execute(update(User).where(col(User.id) == user.id).values(active=False))
        assert await door.admit(user.id, Role.VIEWER, LATER)
        assert await door.admit_key(secret)

        services.signals.notify(ACCESS_TOPIC)
        await asyncio.sleep(0)
        assert await door.admit(user.id, Role.VIEWER, LATER) is None
        assert await door.admit_key(secret) is None


@ONE_DATABASE
async def test_what_one_process_changes_counts_at_once_in_another(
    services: Services, redis_server: RedisServer
) -> None:
    user = await add_user(services)
    door = Doorkeeper(services.database, keep_s=3600)
    async with (
        RedisSignals(redis_server.url) as here,
        RedisSignals(redis_server.url) as there,
        door.listening(there),
        there.listen(ACCESS_TOPIC) as heard,
    ):
        await heard.wait(0)
        assert await door.admit(user.id, Role.VIEWER, LATER)
        await change(services, User, active=False)
        here.notify(ACCESS_TOPIC)
        assert await heard.wait(5)
        await asyncio.sleep(0)
        assert await door.admit(user.id, Role.VIEWER, LATER) is None


class Library:
    """Finds what it is asked for, and counts; fails while it is closed."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_closed = False

    async def find(self, key: str) -> str:
        self.asked.append(key)
        await asyncio.sleep(0)
        if self.is_closed:
            raise ConnectionError
        return key.upper()


async def test_many_who_ask_at_once_cost_one_search() -> None:
    library = Library()
    remembered = Remembered(library.find, keep_s=60, most=2)
    assert await asyncio.gather(*(remembered.get("a") for _ in range(10))) == ["A"] * 10
    assert library.asked == ["a"]


async def test_who_stops_waiting_does_not_end_the_search_of_others() -> None:
    library = Library()
    remembered = Remembered(library.find, keep_s=60, most=2)
    leaving = asyncio.create_task(remembered.get("a"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await remembered.get("a") == "A"
    assert library.asked == ["a"]


async def test_a_failed_search_is_not_remembered() -> None:
    library = Library()
    library.is_closed = True
    remembered = Remembered(library.find, keep_s=60, most=2)
    with pytest.raises(ConnectionError):
        await remembered.get("a")
    library.is_closed = False
    assert await remembered.get("a") == "A"


async def test_no_more_is_remembered_than_allowed_and_that_is_the_latest() -> None:
    library = Library()
    remembered = Remembered(library.find, keep_s=60, most=2)
    for key in "abacab":
        await remembered.get(key)
    assert library.asked == ["a", "b", "c", "b"]
