"""Sessions: refreshed, ended, and ended by others."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from headgate.domain import password_changes, sessions, users
from headgate.domain.doorkeeper import ACCESS_TOPIC
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.domain.sessions import SignedIn
from headgate.domain.users import UserChange
from headgate.errors import UserFault
from headgate.server.auth import SignedTokens
from headgate.storage.ids import new_id
from headgate.storage.tables import Role, Session, User, utc_now
from tests.domain.people import (
    EMAIL,
    HERE,
    LATER,
    PASSWORD,
    add_session,
    add_user,
    audited,
    change,
    kept_sessions,
    refusal,
    sign_in,
)
from tests.services import KEYS


async def test_a_refresh_goes_on_with_the_session_and_makes_it_last_longer(
    services: Services, ann: User
) -> None:
    done = await sign_in(services)
    await change(services, Session, expires_at=utc_now() + timedelta(minutes=1))

    again = await sessions.refresh(services, done.refresh_token)

    (session,) = await kept_sessions(services)
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
    ended, untouched = await kept_sessions(services)
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
    (session,) = await kept_sessions(services)
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
    assert all(session.revoked_at is None for session in await kept_sessions(services))
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
    (session,) = await kept_sessions(services)
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
    assert [session.id for session in await kept_sessions(services)] == [new.id] != [old.id]


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
