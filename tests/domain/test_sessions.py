"""Signing in, refreshing and signing out."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import argon2
import pytest
from sqlmodel import col, select

from headgate.domain import password_changes, sessions, users
from headgate.domain.doorkeeper import ACCESS_TOPIC
from headgate.domain.permissions import Principal
from headgate.domain.ports import RefreshClaims
from headgate.domain.services import Services
from headgate.domain.sessions import SignedIn
from headgate.domain.users import UserChange
from headgate.errors import UserFault
from headgate.jobs.memory_rates import InProcessRates
from headgate.server.auth import SignedTokens
from headgate.storage.ids import new_id
from headgate.storage.tables import Role, Session, User, utc_now
from tests.domain.people import LATER, ONE_DATABASE, add_session, add_user, audited, change, refusal
from tests.services import KEYS

EMAIL, PASSWORD = "ann@example.org", "correct horse"
HERE, THERE = "192.0.2.1", "192.0.2.2"


@pytest.fixture
async def ann(services: Services) -> User:
    return await add_user(
        services, Role.OPERATOR, email=EMAIL, password_hash=await services.passwords.hash(PASSWORD)
    )


async def sign_in(services: Services, password: str = PASSWORD, address: str = HERE) -> SignedIn:
    return await sessions.login(services, EMAIL, password, address)


async def kept(services: Services) -> list[Session]:
    async with services.database.read() as session:
        return list(await session.scalars(select(Session).order_by(col(Session.id))))


async def test_whoever_knows_the_password_begins_a_session(services: Services, ann: User) -> None:
    done = await sessions.login(services, "  Ann@Example.ORG ", PASSWORD, HERE)

    (session,) = await kept(services)
    assert done.user.id == session.user_id == ann.id
    assert services.tokens.read_refresh(done.refresh_token) == RefreshClaims(ann.id, session.id, 1)
    assert timedelta(days=0.99) < session.expires_at - utc_now() <= timedelta(days=1)
    (entry,) = await audited(services)
    assert (entry.actor, entry.actor_id, entry.action) == (EMAIL, ann.id, "login")
    assert (entry.target, entry.details) == (session.id, {"address": HERE})


async def test_whatever_is_wrong_is_refused_in_the_same_words(services: Services, ann: User) -> None:
    await add_user(services, email="idle@example.org", password_hash=ann.password_hash, active=False)
    await add_user(services, email="none@example.org")
    tried = [
        (EMAIL, "wrong horse"),
        (EMAIL, ""),
        (EMAIL, "\0"),
        (EMAIL, "\ud800"),
        ("idle@example.org", PASSWORD),
        ("none@example.org", ""),
        ("nobody@example.org", PASSWORD),
        ("\0", PASSWORD),
        ("\ud800", PASSWORD),
        ("", ""),
    ]
    faults = [await refusal(sessions.login(services, email, password, None)) for email, password in tried]
    assert {(fault.code, fault.message, fault.path) for fault in faults} == {
        ("UNAUTHENTICATED", sessions.WRONG_LOGIN, ())
    }
    assert await kept(services) == []


async def test_a_refusal_is_recorded_with_whose_address_it_was_and_never_what_else_was_given(
    services: Services, ann: User
) -> None:
    for email in (EMAIL.upper(), "a password in the wrong place"):
        await refusal(sessions.login(services, email, "wrong horse", HERE))
    known, unknown = await audited(services)
    assert (known.action, known.actor, known.actor_id, known.details) == (
        "loginRefused",
        EMAIL,
        ann.id,
        {"address": HERE},
    )
    assert (unknown.actor_id, unknown.actor, unknown.details) == (None, "unknown", {"address": HERE})


async def test_a_weaker_hash_is_renewed_at_the_next_login(services: Services, ann: User) -> None:
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
    await change(services, User, password_hash=weak)
    await sign_in(services)
    renewed = await users.get(services, ann.id)
    assert renewed is not None
    assert renewed.password_hash is not None
    assert not services.passwords.is_outdated(renewed.password_hash)
    await sign_in(services)


@ONE_DATABASE
async def test_an_account_is_closed_for_a_while_after_too_many_failures(
    services: Services, ann: User
) -> None:
    services = replace(services, login_attempts=2)
    for address in (HERE, THERE):
        assert (await refusal(sign_in(services, "wrong horse", address))).code == "UNAUTHENTICATED"
    fault = await refusal(sign_in(services, PASSWORD, "192.0.2.3"))
    assert (fault.code, fault.retryable) == ("RATE_LIMITED", True)
    assert "Try again in 450 seconds." in fault.message
    assert [entry.action for entry in await audited(services)] == ["loginRefused"] * 2


@ONE_DATABASE
async def test_an_account_opens_again_by_itself(services: Services, ann: User) -> None:
    now = 1_000.0
    services = replace(services, login_attempts=2, rates=InProcessRates(lambda: now))
    for _ in range(2):
        await refusal(sign_in(services, "wrong horse"))
    now += 449
    assert (await refusal(sign_in(services))).code == "RATE_LIMITED"
    now += 2
    assert await sign_in(services)


async def test_many_attempts_at_once_are_no_way_around(services: Services, ann: User) -> None:
    services = replace(services, login_attempts=3)
    faults = await asyncio.gather(*(refusal(sign_in(services, "wrong horse")) for _ in range(10)))
    assert sorted(fault.code for fault in faults) == ["RATE_LIMITED"] * 7 + ["UNAUTHENTICATED"] * 3


@ONE_DATABASE
async def test_an_address_is_closed_after_ten_times_as_many_and_the_accounts_that_it_tries_are_not(
    services: Services, ann: User
) -> None:
    services = replace(services, login_attempts=1)
    tries = (sessions.login(services, f"{name}@example.org", "wrong horse", HERE) for name in range(10))
    assert {fault.code for fault in await asyncio.gather(*map(refusal, tries))} == {"UNAUTHENTICATED"}
    for _ in range(2):
        assert (await refusal(sign_in(services))).code == "RATE_LIMITED"
    assert await sign_in(services, address=THERE)


@ONE_DATABASE
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8::1", "2001:db8::ffff:1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::1"),
        (None, "no address"),
    ],
)
async def test_addresses_of_one_owner_count_as_one(
    services: Services, ann: User, one: str | None, other: str
) -> None:
    services = replace(services, login_attempts=1)
    for name in range(10):
        await refusal(sessions.login(services, f"{name}@example.org", "wrong horse", one))
    assert (await refusal(sign_in(services, address=other))).code == "RATE_LIMITED"


@ONE_DATABASE
async def test_what_succeeds_does_not_count(services: Services, ann: User) -> None:
    services = replace(services, login_attempts=1)
    for _ in range(12):
        assert await sign_in(services)


@ONE_DATABASE
async def test_an_attempt_that_is_not_judged_does_not_count(
    services: Services, ann: User, monkeypatch: Any
) -> None:
    services = replace(services, login_attempts=1)

    async def busy(*_: object) -> bool:
        raise UserFault("RATE_LIMITED", "Busy.", retryable=True)

    with monkeypatch.context() as patch:
        patch.setattr(type(services.passwords), "matches", busy)
        assert (await refusal(sign_in(services))).message == "Busy."
    assert await sign_in(services)


async def test_whoever_is_deactivated_while_the_password_is_hashed_is_refused(
    services: Services, ann: User, monkeypatch: Any
) -> None:
    right = services.passwords.matches

    async def matches(*given: Any) -> bool:
        await change(services, User, active=False)
        return await right(*given)

    monkeypatch.setattr(services.passwords, "matches", matches)
    assert (await refusal(sign_in(services))).message == sessions.WRONG_LOGIN
    assert await kept(services) == []


async def test_a_refresh_goes_on_with_the_session_and_makes_it_last_longer(
    services: Services, ann: User
) -> None:
    done = await sign_in(services)
    await change(services, Session, expires_at=utc_now() + timedelta(minutes=1))

    again = await sessions.refresh(services, done.refresh_token)

    (session,) = await kept(services)
    assert (again.user.id, session.generation) == (ann.id, 2)
    assert session.expires_at > utc_now() + timedelta(hours=23)
    assert services.tokens.read_refresh(again.refresh_token).generation == 2
    assert (await sessions.refresh(services, again.refresh_token)).user.id == ann.id


@pytest.mark.parametrize("use", [sessions.refresh, sessions.logout])
async def test_a_refresh_token_that_comes_again_ends_its_session(
    services: Services, ann: User, use: Any
) -> None:
    done, other = await sign_in(services), await sign_in(services)
    newest = await sessions.refresh(services, done.refresh_token)
    async with services.signals.listen(ACCESS_TOPIC) as listener:
        assert (await refusal(use(services, done.refresh_token))).message == sessions.WRONG_REFRESH_TOKEN
        assert await listener.wait(0)

    fault = await refusal(sessions.refresh(services, newest.refresh_token))
    assert (fault.code, fault.message) == ("UNAUTHENTICATED", sessions.WRONG_REFRESH_TOKEN)
    ended, untouched = await kept(services)
    assert ended.revoked_at is not None
    assert untouched.revoked_at is None
    entries = await audited(services)
    assert [entry.action for entry in entries] == ["login", "login", "refreshTokenReused"]
    assert (entries[-1].actor, entries[-1].actor_id, entries[-1].target) == (EMAIL, ann.id, ended.id)
    assert await sessions.refresh(services, other.refresh_token)


async def test_of_several_refreshes_at_once_one_succeeds(services: Services, ann: User) -> None:
    done = await sign_in(services)
    outcomes = await asyncio.gather(
        *(sessions.refresh(services, done.refresh_token) for _ in range(5)), return_exceptions=True
    )
    assert sum(isinstance(outcome, SignedIn) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, UserFault) for outcome in outcomes) == 4
    (session,) = await kept(services)
    assert (session.generation, session.revoked_at is not None) == (2, True)
    assert [entry.action for entry in await audited(services)] == ["login", "refreshTokenReused"]


async def test_a_refresh_token_that_is_none_or_no_more_is_refused_in_the_same_words(
    services: Services, ann: User
) -> None:
    done, other = await sign_in(services), await add_session(services, await add_user(services))
    claims = services.tokens.read_refresh(done.refresh_token)
    expired = SignedTokens(KEYS, token_hours=1, refresh_days=-1)
    wrong = [
        "",
        "x",
        "\ud800",
        done.access_token,
        done.refresh_token[:-4],
        expired.refresh(claims),
        services.tokens.refresh(replace(claims, session_id=new_id("session"))),
        services.tokens.refresh(replace(claims, session_id=other.id)),
        services.tokens.refresh(replace(claims, generation=2)),
    ]
    for token in wrong:
        for use in (sessions.refresh, sessions.logout):
            fault = await refusal(use(services, token))
            assert (fault.code, fault.message) == ("UNAUTHENTICATED", sessions.WRONG_REFRESH_TOKEN)
    assert all(session.revoked_at is None for session in await kept(services))
    for changed in ({"expires_at": utc_now()}, {"expires_at": LATER, "revoked_at": utc_now()}):
        await change(services, Session, **changed)
        for use in (sessions.refresh, sessions.logout):
            assert (await refusal(use(services, done.refresh_token))).code == "UNAUTHENTICATED"
    assert [entry.action for entry in await audited(services)] == ["login"]


async def test_signing_out_ends_the_session_and_is_heard_of(services: Services, ann: User) -> None:
    done = await sign_in(services)
    async with services.signals.listen(ACCESS_TOPIC) as listener:
        ended = await sessions.logout(services, done.refresh_token)
        assert await listener.wait(0)
    (session,) = await kept(services)
    assert (session.id, session.revoked_at is not None) == (ended, True)
    assert (await refusal(sessions.refresh(services, done.refresh_token))).code == "UNAUTHENTICATED"
    assert [entry.action for entry in await audited(services)] == ["login", "logout"]


async def test_a_deactivated_user_does_not_refresh(services: Services, ann: User) -> None:
    admin = await users.ensure_administrator(services.database)
    principal = Principal(admin.id, Role.ADMIN, LATER, admin.email)
    done = await sign_in(services)
    await users.update(services, principal, ann.id, UserChange(active=False))
    await users.update(services, principal, ann.id, UserChange(active=True))
    assert (await refusal(sessions.refresh(services, done.refresh_token))).code == "UNAUTHENTICATED"


async def test_sessions_whose_time_is_over_are_removed(services: Services, ann: User) -> None:
    old = await add_session(services, ann, utc_now() - timedelta(seconds=1))
    new = await add_session(services, ann)
    assert await sessions.forget_sessions(services) == 1
    assert [session.id for session in await kept(services)] == [new.id] != [old.id]


async def test_a_changed_password_ends_other_sessions_and_earlier_tokens(
    services: Services, ann: User
) -> None:
    mine, other = await sign_in(services), await sign_in(services)
    claims = services.tokens.read_refresh(mine.refresh_token)
    principal = Principal(ann.id, ann.role, LATER, EMAIL, claims.session_id)
    before = utc_now()

    changed = await password_changes.change(services, principal, PASSWORD, "battery staple", HERE)

    assert changed.tokens_from is not None
    assert before <= changed.tokens_from <= utc_now()
    assert (await refusal(sign_in(services, PASSWORD))).code == "UNAUTHENTICATED"
    assert await sign_in(services, "battery staple")
    assert await sessions.refresh(services, mine.refresh_token)
    assert (await refusal(sessions.refresh(services, other.refresh_token))).code == "UNAUTHENTICATED"
    assert "changePassword" in [entry.action for entry in await audited(services)]


async def test_a_password_is_not_changed_without_the_present_one(services: Services, ann: User) -> None:
    services = replace(services, login_attempts=2)
    principal = Principal(ann.id, ann.role, LATER, EMAIL)

    async def fault(current: str, new: str, **who: Any) -> tuple[str, tuple[str, ...]]:
        found = await refusal(
            password_changes.change(services, replace(principal, **who), current, new, HERE)
        )
        return found.code, found.path

    assert await fault(PASSWORD, "short") == ("INVALID_PASSWORD", ("new",))
    assert await fault(PASSWORD, EMAIL) == ("INVALID_PASSWORD", ("new",))
    assert await fault(PASSWORD, "battery staple", key_id="key_1") == ("FORBIDDEN", ())
    for _ in range(2):
        assert await fault("wrong horse", "battery staple") == ("UNAUTHENTICATED", ("current",))
    assert await fault(PASSWORD, "battery staple") == ("RATE_LIMITED", ())
    assert (await refusal(sign_in(services))).code == "RATE_LIMITED"
    nameless = await add_user(services)
    assert await fault("", "battery staple", user_id=nameless.id) == ("FORBIDDEN", ("current",))
