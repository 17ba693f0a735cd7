"""A new key comes first in the file, three before it stay, and only one process changes them at a time."""

import asyncio
import fcntl
import os
from pathlib import Path

import pytest

from headgate.domain.keyring import KeyRing
from headgate.errors import Unauthenticated, UserFault
from headgate.server.auth import issue_token, verify_token
from headgate.server.keys import read_keys
from headgate.server.preparation import key_path, key_ring, prepare, rotate_key
from headgate.server.rotation import MAX_KEYS, rotate
from headgate.settings import Settings
from headgate.storage.database import Database
from headgate.storage.tables import Role

FIRST, SECOND = (f"the-{name}-key-as-long-as-it-has-to-be" for name in ("first", "second"))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


async def test_the_new_key_is_the_first_and_three_before_it_stay(settings: Settings) -> None:
    ring = key_ring(settings)
    path = settings.home / "secret.key"
    token, _ = issue_token(ring, "user_1", Role.ADMIN, 1)
    seen = read_keys(path)
    for _ in range(MAX_KEYS - 1):
        await rotate_key(settings)
        seen = [read_keys(path)[0], *seen]
        assert read_keys(path) == seen
        ring.look()
        assert verify_token(ring, token).user_id == "user_1"
    rotation = await rotate_key(settings)
    assert read_keys(path)[1:] == seen[: MAX_KEYS - 1]
    assert rotation.keys.current.id in rotation.in_words()[0]
    ring.look()
    with pytest.raises(Unauthenticated):
        verify_token(ring, token)
    assert [each.name for each in settings.home.glob("secret.key*")] == ["secret.key"]
    assert path.stat().st_mode & 0o777 == 0o600


async def test_those_who_rotate_at_once_lose_no_key(settings: Settings) -> None:
    ring, _ = await prepare(settings)
    first, path = ring.current.id, key_path(settings)
    database = Database.connect(settings.resolved_database_url)
    rotations = (rotate(database, key_ring(settings), path) for _ in range(3))
    outcomes = await asyncio.gather(*rotations, return_exceptions=True)
    await database.close()
    done = [each for each in outcomes if not isinstance(each, BaseException)]
    faults = [each for each in outcomes if isinstance(each, BaseException)]
    assert done
    assert {getattr(fault, "code", fault) for fault in faults} <= {"CONFLICT"}
    made = {rotation.keys.current.id for rotation in done}
    assert {key.id for key in key_ring(settings).all} == {first, *made}


async def test_a_rotation_waits_for_nobody(settings: Settings) -> None:
    before = [key.id for key in key_ring(settings).all]
    descriptor = os.open(settings.home, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with pytest.raises(UserFault, match="CONFLICT"):
        await rotate_key(settings)
    os.close(descriptor)
    assert [key.id for key in key_ring(settings).all] == before


async def test_keys_that_are_set_are_not_changed_but_used(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, secret_key=SECOND, old_secret_keys=FIRST)
    rotation = await rotate_key(settings)
    current, old = (KeyRing([secret]).current.id for secret in (SECOND, FIRST))
    assert not rotation.is_new
    assert rotation.in_words() == [
        f"The current secret key is {current}.",
        "Secrets of endpoints that were sealed anew with it: 0.",
        f"Old keys are only needed until the tokens and links that they signed have expired: {old}.",
    ]
    assert not (tmp_path / "secret.key").exists()
