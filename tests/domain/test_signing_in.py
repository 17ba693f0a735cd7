"""Signing in with a password, and how often that may fail."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import argon2
import pytest

from headgate.domain import sessions, users
from headgate.domain.ports import RefreshClaims
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.jobs.memory_rates import InProcessRates
from headgate.storage.tables import User, utc_now
from tests.domain.people import (
    EMAIL,
    HERE,
    ONE_DATABASE,
    PASSWORD,
    THERE,
    add_user,
    audited,
    change,
    kept_sessions,
    refusal,
    sign_in,
)


async def test_whoever_knows_the_password_begins_a_session(services: Services, ann: User) -> None:
    done = await sessions.login(services, "  Ann@Example.ORG ", PASSWORD, HERE)

    (session,) = await kept_sessions(services)
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
    assert await kept_sessions(services) == []


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
    assert await kept_sessions(services) == []
