"""Users, and who may change them."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import select

from headgate.domain import users
from headgate.domain.doorkeeper import ACCESS_TOPIC
from headgate.domain.emails import check_email
from headgate.domain.permissions import Principal, require
from headgate.domain.services import Services
from headgate.domain.users import NewUser, UserChange
from headgate.errors import UserFault
from headgate.storage.ids import new_id
from headgate.storage.tables import ApiKey, Role, Session, User
from tests.domain.people import LATER, ONE_DATABASE, add_key, add_session, add_user, audited, refusal

PASSWORD = "correct horse"


@pytest.fixture
async def admin(services: Services) -> Principal:
    return as_principal(await users.ensure_administrator(services.database))


def as_principal(user: User) -> Principal:
    return Principal(user.id, user.role, LATER, user.email)


async def rows(services: Services, table: type[Any]) -> list[Any]:
    async with services.database.read() as session:
        return list(await session.scalars(select(table)))


async def test_the_administrator_is_made_once(services: Services) -> None:
    first, second = await asyncio.gather(*(users.ensure_administrator(services.database) for _ in range(2)))
    assert first == second == await users.get(services, first.id)
    assert first.role is Role.ADMIN


async def test_a_user_is_added_and_listed(services: Services, admin: Principal) -> None:
    new = NewUser(" Ann@Example.org", Role.OPERATOR, " Ann Lee ", password=PASSWORD)
    ann = await users.create(services, admin, new)

    page = await users.page(services, 10, None)
    assert [user.email for user in page.items] == ["ann@example.org", users.ADMINISTRATOR_EMAIL]
    assert (await users.total(services), (await users.find(services, "ANN@example.org")).id) == (2, ann.id)
    assert (ann.name, ann.role, ann.active) == ("Ann Lee", Role.OPERATOR, True)
    assert await services.passwords.matches(PASSWORD, ann.password_hash)
    (entry,) = await audited(services)
    assert (entry.actor, entry.action, entry.target) == (admin.name, "createUser", ann.id)
    assert entry.details == {"email": "ann@example.org", "role": "OPERATOR"}


@ONE_DATABASE
@pytest.mark.parametrize(
    ("values", "code", "path"),
    [
        ({"email": "ann"}, "INVALID_EMAIL", ("email",)),
        ({"email": "a" * 243 + "@example.org"}, "INVALID_EMAIL", ("email",)),
        ({"email": "ann\0@example.org"}, "INVALID_EMAIL", ("email",)),
        ({"email": "\ud800@example.org"}, "INVALID_EMAIL", ("email",)),
        ({"email": users.ADMINISTRATOR_EMAIL.upper()}, "ALREADY_EXISTS", ("email",)),
        ({"password": "short"}, "INVALID_PASSWORD", ("password",)),
        ({"password": "ANN@example.org"}, "INVALID_PASSWORD", ("password",)),
        ({"name": "x" * 201}, "INVALID_NAME", ("name",)),
        ({"name": "Ann\nLee"}, "INVALID_NAME", ("name",)),
        ({"name": "\ud800"}, "INVALID_NAME", ("name",)),
    ],
    ids=str,
)
async def test_a_user_who_can_not_be_is_refused(
    services: Services, admin: Principal, values: dict[str, str], code: str, path: tuple[str, ...]
) -> None:
    given = {"email": "ann@example.org", "role": Role.VIEWER, "password": PASSWORD, **values}
    fault = await refusal(users.create(services, admin, NewUser(**given)))  # type: ignore[arg-type]
    assert (fault.code, fault.path) == (code, path)
    assert await users.total(services) == 1


@given(st.one_of(st.text(max_size=300), st.emails()))
def test_an_address_is_refused_or_kept_as_one_that_is_the_same_again(text: str) -> None:
    try:
        kept = check_email(text, ("email",))
    except UserFault:
        return
    assert check_email(f" {kept} ", ("email",)) == kept
    assert kept.count("@") == 1
    assert not any(mark.isspace() for mark in kept)
    assert len(kept) <= 254


@ONE_DATABASE
@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
async def test_only_administrators_change_users(services: Services, role: Role) -> None:
    user = await add_user(services, role)
    principal = as_principal(user)
    for attempt in (
        users.create(services, principal, NewUser("a@b", role, password=PASSWORD)),
        users.update(services, principal, user.id, UserChange(role=Role.ADMIN)),
        users.delete_user(services, principal, user.id),
    ):
        assert (await refusal(attempt)).code == "FORBIDDEN"


async def test_a_change_is_kept_recorded_and_heard_of(services: Services, admin: Principal) -> None:
    ann = await add_user(services, name="Ann")
    async with services.signals.listen(ACCESS_TOPIC) as listener:
        await users.update(services, admin, ann.id, UserChange(role=Role.OPERATOR, active=True))
        assert await listener.wait(0)
    changed = await users.update(services, admin, ann.id, UserChange(name=""))
    assert (changed.name, changed.role, changed.active) == (None, Role.OPERATOR, True)
    assert [(entry.action, entry.target, entry.details) for entry in await audited(services)] == [
        ("updateUser", ann.id, {"role": "OPERATOR"}),
        ("updateUser", ann.id, {"name": None}),
    ]


async def test_who_is_deactivated_is_signed_out_everywhere(services: Services, admin: Principal) -> None:
    ann, other = await add_user(services), await add_user(services)
    for user in (ann, ann, other):
        await add_session(services, user)
    await users.update(services, admin, ann.id, UserChange(name="Ann"))
    assert not any(session.revoked_at for session in await rows(services, Session))
    await users.update(services, admin, ann.id, UserChange(active=False))
    again = await users.update(services, admin, ann.id, UserChange(active=True))
    assert again.tokens_from is not None
    assert {session.user_id for session in await rows(services, Session) if session.revoked_at} == {ann.id}


async def test_of_a_deleted_user_nothing_stays_but_what_keeps_them_out(
    services: Services, admin: Principal
) -> None:
    ann = await add_user(services, email="ann@example.org", name="Ann", issuer="https://login", subject="1")
    await add_session(services, ann)
    await add_key(services, ann)
    async with services.signals.listen(ACCESS_TOPIC) as listener:
        assert await users.delete_user(services, admin, ann.id) == ann.id
        assert await listener.wait(0)

    assert await users.get(services, ann.id) is None
    assert await users.total(services) == 1
    assert [user.id for user in (await users.page(services, 10, None)).items] == [admin.user_id]
    left = next(user for user in await rows(services, User) if user.id == ann.id)
    assert (left.email, left.name, left.password_hash) == (f"deleted:{ann.id}", None, None)
    assert (left.issuer, left.subject, left.active) == ("https://login", "1", False)
    assert await rows(services, ApiKey) == []
    assert all(session.revoked_at for session in await rows(services, Session))
    for attempt in (
        users.update(services, admin, ann.id, UserChange(active=True)),
        users.delete_user(services, admin, ann.id),
        users.find(services, "ann@example.org"),
    ):
        assert (await refusal(attempt)).code == "NOT_FOUND"
    again = await users.create(services, admin, NewUser("ann@example.org", Role.VIEWER, password=PASSWORD))
    assert again.id != ann.id


@ONE_DATABASE
@pytest.mark.parametrize("user_id", ["", "x", "\0", "\ud800", new_id("user"), new_id("job")], ids=range(6))
async def test_nobody_who_is_not_there_is_changed(services: Services, admin: Principal, user_id: str) -> None:
    for attempt in (
        users.update(services, admin, user_id, UserChange(name="x")),
        users.delete_user(services, admin, user_id),
    ):
        assert (await refusal(attempt)).code in ("NOT_FOUND", "INVALID_ID")


LOSING = {
    "demoted": lambda services, actor, user_id: users.update(
        services, actor, user_id, UserChange(role=Role.OPERATOR)
    ),
    "deactivated": lambda services, actor, user_id: users.update(
        services, actor, user_id, UserChange(active=False)
    ),
    "deleted": users.delete_user,
}


@pytest.mark.parametrize("loss", LOSING)
async def test_the_last_administrator_stays(services: Services, admin: Principal, loss: str) -> None:
    await add_user(services, Role.ADMIN, active=False)
    fault = await refusal(LOSING[loss](services, admin, admin.user_id))
    assert (fault.code, fault.path) == ("LAST_ADMINISTRATOR", ("id",))
    assert await users.update(services, admin, admin.user_id, UserChange(name="Root", role=Role.ADMIN))
    await add_user(services, Role.ADMIN)
    assert await LOSING[loss](services, admin, admin.user_id)


@pytest.mark.parametrize("loss", LOSING)
async def test_of_two_last_administrators_who_go_at_once_one_stays(
    services: Services, admin: Principal, loss: str
) -> None:
    other = await add_user(services, Role.ADMIN)
    outcomes = await asyncio.gather(
        *(LOSING[loss](services, admin, user_id) for user_id in (admin.user_id, other.id)),
        return_exceptions=True,
    )
    assert [outcome.code for outcome in outcomes if isinstance(outcome, UserFault)] == ["LAST_ADMINISTRATOR"]
    assert sum(user.active and user.role is Role.ADMIN for user in await rows(services, User)) == 1


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
