"""Who may enter."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import update

from headgate.domain import users
from headgate.domain.permissions import Principal, require
from headgate.domain.services import Services
from headgate.domain.users import Doorkeeper
from headgate.errors import UserFault
from headgate.storage.database import Database
from headgate.storage.tables import Role, User, utc_now

LATER = utc_now() + timedelta(hours=1)


async def deactivate(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(update(User).values(active=False))


async def test_the_administrator_is_made_once(services: Services) -> None:
    first, second = await asyncio.gather(*(users.ensure_administrator(services.database) for _ in range(2)))
    assert first == second == await users.get(services, first.id)
    assert first.role is Role.ADMIN


async def test_a_token_never_gives_more_than_the_user_may_do(services: Services) -> None:
    user = await users.ensure_administrator(services.database)
    door = Doorkeeper(services.database)
    assert await door.admit(user.id, Role.VIEWER, LATER) == Principal(user.id, Role.VIEWER, LATER)
    assert await door.admit(user.id, Role.ADMIN, LATER) == Principal(user.id, Role.ADMIN, LATER)


@pytest.mark.parametrize("user_id", ["", "\0", "\ud800", "user_01h455vb4pex5vsknk084sn02q"])
async def test_nobody_unknown_enters(services: Services, user_id: str) -> None:
    assert await Doorkeeper(services.database).admit(user_id, Role.ADMIN, LATER) is None


async def test_a_user_is_remembered_for_a_while_and_then_looked_up_again(services: Services) -> None:
    user = await users.ensure_administrator(services.database)
    remembering, forgetful = Doorkeeper(services.database), Doorkeeper(services.database, keep_s=0)
    assert await remembering.admit(user.id, Role.ADMIN, LATER)
    assert await forgetful.admit(user.id, Role.ADMIN, LATER)

    await deactivate(services.database)

    assert await remembering.admit(user.id, Role.ADMIN, LATER)
    assert await forgetful.admit(user.id, Role.ADMIN, LATER) is None


async def test_many_requests_at_once_cost_one_query(services: Services, monkeypatch: Any) -> None:
    user = await users.ensure_administrator(services.database)
    asked: list[str] = []

    async def find(database: Database, table: type[User], user_id: str) -> User:
        asked.append(user_id)
        return user

    monkeypatch.setattr(users, "by_id", find)
    door = Doorkeeper(services.database)
    await asyncio.gather(*(door.admit(user.id, Role.ADMIN, LATER) for _ in range(10)))
    assert asked == [user.id]


async def test_a_failed_look_up_is_not_remembered(services: Services, monkeypatch: Any) -> None:
    user = await users.ensure_administrator(services.database)
    door = Doorkeeper(services.database)

    async def broken(*_: Any) -> Any:
        raise ConnectionError

    with monkeypatch.context() as patch:
        patch.setattr(users, "by_id", broken)
        with pytest.raises(ConnectionError):
            await door.admit(user.id, Role.ADMIN, LATER)
    assert await door.admit(user.id, Role.ADMIN, LATER)


@pytest.mark.parametrize("needed", list(Role))
@pytest.mark.parametrize("given", list(Role))
def test_each_role_includes_those_before_it(given: Role, needed: Role) -> None:
    roles = list(Role)
    principal = Principal("user", given, LATER)
    if roles.index(given) >= roles.index(needed):
        require(principal, needed)
    else:
        with pytest.raises(UserFault, match="FORBIDDEN"):
            require(principal, needed)
