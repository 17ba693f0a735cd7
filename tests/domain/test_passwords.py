"""Passwords: what may be one, and how many are hashed at once."""

import asyncio
from collections.abc import Iterator
from threading import Event
from typing import Any

import argon2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.domain import passwords
from headgate.domain.passwords import Passwords, check_password
from headgate.errors import UserFault

EMAIL = "ann@example.org"


class HeldUp:
    """Stands in for Argon2 with a hash that takes as long as a test lets it."""

    def __init__(self) -> None:
        self.goes_on = Event()
        self.begun = 0

    def hash(self, password: str) -> str:
        self.begun += 1
        assert self.goes_on.wait(10)
        return password


@pytest.fixture
def held_up() -> Iterator[HeldUp]:
    held_up = HeldUp()
    yield held_up
    held_up.goes_on.set()


async def begun(held_up: HeldUp, count: int) -> None:
    while held_up.begun < count:  # noqa: ASYNC110, it happens in a thread
        await asyncio.sleep(0.001)


async def test_a_password_matches_what_is_kept_of_it_and_no_other_does() -> None:
    hasher = Passwords(1)
    kept = await hasher.hash("correct horse")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert await hasher.matches("correct horse", kept)
    for wrong in ("correct hors", "Correct horse", "correct horse ", "", "\0", "\ud800", "x" * 5_000):
        assert not await hasher.matches(wrong, kept)


@pytest.mark.parametrize("kept", [None, "", "no hash", "$argon2id$v=19$m=19456,t=2,p=1$"])
async def test_nothing_matches_where_nothing_is_kept(kept: str | None) -> None:
    hasher = Passwords(1)
    for password in ("", "\0", "correct horse"):
        assert not await hasher.matches(password, kept)


async def test_the_same_password_is_known_however_a_keyboard_writes_it() -> None:
    hasher = Passwords(1)
    assert await hasher.matches("cafe\u0301 noir", await hasher.hash("caf\u00e9 noir"))


def test_a_hash_with_other_parameters_is_outdated() -> None:
    weaker = argon2.PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1)
    assert Passwords(1).is_outdated(weaker.hash("correct horse"))


async def test_a_new_hash_is_not_outdated_and_neither_is_the_one_of_nobody() -> None:
    hasher = Passwords(1)
    assert not hasher.is_outdated(await hasher.hash("correct horse"))
    assert not hasher.is_outdated(passwords.OF_NOBODY)


async def test_no_more_are_hashed_at_once_than_allowed_and_no_more_wait_than_a_line_holds(
    held_up: HeldUp, monkeypatch: Any
) -> None:
    monkeypatch.setattr(passwords, "WAITING_PER_HASHER", 1)
    hasher = Passwords(2)
    hasher._argon2 = held_up  # type: ignore[assignment]
    first = [asyncio.create_task(hasher.hash("a")) for _ in range(4)]
    await begun(held_up, 2)

    with pytest.raises(UserFault, match="RATE_LIMITED") as refused:
        await hasher.hash("b")
    assert refused.value.retryable
    assert held_up.begun == 2

    held_up.goes_on.set()
    assert await asyncio.gather(*first) == ["a"] * 4
    assert await hasher.hash("b") == "b"


async def test_those_who_stop_waiting_leave_their_places(held_up: HeldUp, monkeypatch: Any) -> None:
    monkeypatch.setattr(passwords, "WAITING_PER_HASHER", 1)
    hasher = Passwords(1)
    hasher._argon2 = held_up  # type: ignore[assignment]
    for _ in range(3):
        running, waiting = [asyncio.create_task(hasher.hash("a")) for _ in range(2)]
        await begun(held_up, 1)
        waiting.cancel()
        running.cancel()
        await asyncio.wait([running, waiting])
        # The one that runs still takes memory, so that it keeps its place; the other one is free.
        last = asyncio.create_task(hasher.hash("b"))
        await asyncio.sleep(0)
        with pytest.raises(UserFault, match="RATE_LIMITED"):
            await hasher.hash("c")
        held_up.goes_on.set()
        assert await last == "b"
        held_up.goes_on.clear()
        held_up.begun = 0


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("", "from 8 to 1,024 characters; this one has 0"),
        ("1234567", "this one has 7"),
        ("x" * 1_025, "this one has 1,025"),
        ("12345678", None),
        ("x" * 1_024, None),
        ("1234567\0", "without NUL"),
        ("1234567\ud800", "surrogate"),
        ("ann@example.org", "not the address"),
        (" ANN@Example.ORG", "not the address"),
    ],
    ids=[
        "empty",
        "short",
        "long",
        "shortest",
        "longest",
        "nul",
        "surrogate",
        "address",
        "address-too",
    ],
)
def test_a_password_is_refused_in_words(password: str, words: str | None) -> None:
    if words is None:
        check_password(password, EMAIL, ("password",))
        return
    with pytest.raises(UserFault, match=words) as refused:
        check_password(password, EMAIL, ("password",))
    assert (refused.value.code, refused.value.path) == ("INVALID_PASSWORD", ("password",))
    assert not password.strip() or password not in refused.value.message


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=1_030))
async def test_what_is_accepted_can_be_hashed_and_matched(password: str) -> None:
    hasher = Passwords(1)
    try:
        check_password(password, EMAIL, ("password",))
    except UserFault:
        return
    assert await hasher.matches(password, await hasher.hash(password))
