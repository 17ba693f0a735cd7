"""Whoever an outside issuer vouches for is one user, made at first sight, with the role that the issuer names."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlmodel import select

from headgate.domain import outside_users, users
from headgate.domain.doorkeeper import Doorkeeper
from headgate.domain.outside_users import OutsideIdentity, OutsideUsers
from headgate.domain.services import Services
from headgate.storage.ids import new_id
from headgate.storage.tables import AuditEntry, Role, User, utc_now

ISSUER = "https://login.example.org/tenant"
Make = Callable[..., OutsideIdentity]


@pytest.fixture
def outside(services: Services) -> OutsideUsers:
    return OutsideUsers(services.database, services.signals, Doorkeeper(services.database))


@pytest.fixture
def identity() -> OutsideIdentity:
    now = utc_now()
    return OutsideIdentity(ISSUER, "ann", Role.OPERATOR, "ann@example.org", now, now + timedelta(hours=1))


async def all_users(services: Services) -> list[User]:
    async with services.database.read() as session:
        return list(await session.scalars(select(User).order_by(User.id)))


async def entries(services: Services) -> list[AuditEntry]:
    async with services.database.read() as session:
        return list(await session.scalars(select(AuditEntry).order_by(AuditEntry.id)))


async def test_a_user_is_made_once_and_known_from_then_on(
    services: Services, outside: OutsideUsers, identity: OutsideIdentity
) -> None:
    first = await outside.admit(identity)
    later = replace(identity, issued_at=identity.issued_at + timedelta(minutes=1))
    again = await OutsideUsers(services.database, services.signals, Doorkeeper(services.database)).admit(
        later
    )
    [user] = await all_users(services)
    assert first is not None
    assert again is not None
    assert first.user_id == again.user_id == user.id
    assert (user.email, user.role, user.issuer, user.subject) == (
        "ann@example.org",
        Role.OPERATOR,
        ISSUER,
        "ann",
    )
    assert (first.role, first.expires_at, first.name) == (
        Role.OPERATOR,
        identity.expires_at,
        "ann@example.org",
    )
    [entry] = await entries(services)
    assert (entry.action, entry.target, entry.actor_id) == ("outsideUser", user.id, user.id)
    assert entry.details == {"issuer": ISSUER, "role": "OPERATOR"}


async def test_those_who_come_at_once_are_one_user(services: Services, identity: OutsideIdentity) -> None:
    doors = [
        OutsideUsers(services.database, services.signals, Doorkeeper(services.database)) for _ in range(4)
    ]
    found = await asyncio.gather(*(door.admit(identity) for door in doors for _ in range(3)))
    assert len({principal.user_id for principal in found if principal}) == 1
    assert len(await all_users(services)) == len(await entries(services)) == 1


async def test_the_same_subject_of_another_issuer_is_another_user(
    services: Services, outside: OutsideUsers, identity: OutsideIdentity
) -> None:
    await outside.admit(identity)
    await outside.admit(replace(identity, issuer="https://other.example.org"))
    users = await all_users(services)
    assert {user.email for user in users} == {"ann@example.org", "outside.ann@other.example.org"}


async def test_an_address_that_somebody_has_does_not_make_them_the_same_user(
    services: Services, outside: OutsideUsers, identity: OutsideIdentity
) -> None:
    async with services.database.transaction() as session:
        session.add(User(id=new_id("user"), email="ann@example.org", role=Role.ADMIN))
        session.add(User(id=new_id("user"), email="outside.ann@login.example.org", role=Role.ADMIN))
    principal = await outside.admit(identity)
    assert principal is not None
    made = next(user for user in await all_users(services) if user.id == principal.user_id)
    assert (made.role, principal.role) == (Role.OPERATOR, Role.OPERATOR)
    assert made.email == f"{made.id}@login.example.org"


@pytest.mark.parametrize(
    ("subject", "email"),
    [
        ("auth0|Ann X", "outside.auth0-ann-x@login.example.org"),
        ("a@b\n", "outside.a-b-@login.example.org"),
        ("x" * 255, f"outside.{'x' * 64}@login.example.org"),
    ],
)
async def test_who_has_no_address_is_given_one(
    services: Services, outside: OutsideUsers, identity: OutsideIdentity, subject: str, email: str
) -> None:
    await outside.admit(replace(identity, subject=subject, email=None))
    assert [user.email for user in await all_users(services)] == [email]


async def test_a_newer_token_changes_the_role_at_once_and_an_older_one_does_not(
    services: Services, outside: OutsideUsers, identity: OutsideIdentity
) -> None:
    await outside.admit(identity)
    newer = replace(identity, role=Role.ADMIN, issued_at=identity.issued_at + timedelta(seconds=1))
    roles = []
    for token in (newer, identity, newer):
        principal = await outside.admit(token)
        assert principal is not None
        roles.append(principal.role)
    assert roles == [Role.ADMIN, Role.OPERATOR, Role.ADMIN]
    assert [user.role for user in await all_users(services)] == [Role.ADMIN]
    assert [entry.details for entry in await entries(services)][1:] == [
        {"issuer": ISSUER, "role": "ADMIN", "roleBefore": "OPERATOR"}
    ]
    lowered = replace(newer, role=Role.VIEWER, issued_at=newer.issued_at + timedelta(seconds=1))
    for token in (lowered, newer):
        principal = await outside.admit(token)
        assert principal is not None
        assert principal.role is Role.VIEWER


@pytest.mark.parametrize("fate", ["deactivated", "deleted", "logged-out"])
async def test_a_user_who_may_not_enter_any_more_is_refused(
    services: Services, identity: OutsideIdentity, fate: str
) -> None:
    await users.ensure_administrator(services.database)
    outside = OutsideUsers(services.database, services.signals, Doorkeeper(services.database, keep_s=0))
    assert await outside.admit(identity) is not None
    async with services.database.transaction() as session:
        user = (await session.scalars(select(User).where(User.subject == "ann"))).one()
        if fate == "deactivated":
            user.active = False
        elif fate == "logged-out":
            user.tokens_from = identity.issued_at + timedelta(seconds=1)
    if fate == "deleted":
        await users.delete_user(services, "test", user.id)
    assert await outside.admit(identity) is None
    again = OutsideUsers(services.database, services.signals, Doorkeeper(services.database))
    assert await again.admit(replace(identity, role=Role.ADMIN)) is None


async def test_what_is_remembered_of_tokens_is_bounded(
    services: Services, identity: OutsideIdentity, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outside_users, "MAX_KNOWN", 3)
    outside = OutsideUsers(services.database, services.signals, Doorkeeper(services.database))
    for number in range(5):
        outside._newest_of(replace(identity, subject=str(number)))
    assert [subject for _, subject in outside._newest] == ["2", "3", "4"]
