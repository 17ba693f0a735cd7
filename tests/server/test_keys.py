"""The file of secret keys: made once, replaced whole, read again when it is another."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from stat import S_IMODE

import pytest
from structlog.testing import capture_logs

from headgate.domain.keyring import SecretKey
from headgate.server.keys import KeyFile, new_key, read_keys, write_keys
from headgate.server.preparation import key_ring
from headgate.settings import Settings

FIRST, SECOND, THIRD = (f"the-{name}-key-as-long-as-it-has-to-be" for name in ("first", "second", "third"))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secret.key"


def test_those_who_make_a_file_at_once_get_the_same_key(path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        made = list(pool.map(lambda _: tuple(KeyFile(path).secrets), range(64)))
    assert len(set(made)) == 1
    assert [each.name for each in path.parent.iterdir()] == ["secret.key"]
    assert S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_of_several_keys_is_read_in_their_order(path: Path) -> None:
    path.write_text(f"{FIRST}\n\n  {SECOND}  \r\n{THIRD}")
    assert read_keys(path) == KeyFile(path).secrets == [FIRST, SECOND, THIRD]


@pytest.mark.parametrize("content", ["", "\n\n", "short", f"{FIRST}\nshort"], ids=repr)
def test_a_file_without_a_key_or_with_a_short_one_is_refused(path: Path, content: str) -> None:
    path.write_text(content)
    with pytest.raises(ValueError, match=r"at least 32|no key"):
        KeyFile(path)


def test_keys_are_told_once_when_the_file_is_replaced(path: Path) -> None:
    write_keys(path, [FIRST])
    file = KeyFile(path)
    assert file.changed() is None
    write_keys(path, [SECOND, FIRST])
    assert file.changed() == [SECOND, FIRST]
    assert file.changed() is None
    assert S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("fate", ["gone", "short", "not-text"])
def test_a_file_that_cannot_be_used_any_more_changes_nothing(path: Path, fate: str) -> None:
    write_keys(path, [FIRST])
    file = KeyFile(path)
    if fate == "gone":
        path.unlink()
    else:
        path.write_bytes(b"short" if fate == "short" else os.urandom(64) + b"\xff")
    with capture_logs() as logs:
        assert file.changed() is None
    assert [entry["event"] for entry in logs] == ["keys.unreadable"]
    assert file.secrets == [FIRST]
    write_keys(path, [SECOND])
    assert file.changed() == [SECOND]


def test_new_keys_are_long_enough_and_never_the_same() -> None:
    assert len({SecretKey(new_key()).id for _ in range(50)}) == 50


def test_keys_that_are_set_come_before_a_file(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, secret_key=FIRST, old_secret_keys=f"{SECOND},{THIRD}")
    assert [key.id for key in key_ring(settings).all] == [SecretKey(key).id for key in (FIRST, SECOND, THIRD)]
    assert list(tmp_path.iterdir()) == []


def test_a_ring_of_a_file_knows_a_key_that_came_later_beside_old_ones_that_are_set(tmp_path: Path) -> None:
    write_keys(tmp_path / "secret.key", [FIRST])
    ring = key_ring(Settings(home=tmp_path, old_secret_keys=THIRD))
    write_keys(tmp_path / "secret.key", [SECOND, FIRST])
    assert ring.find(SecretKey(SECOND).id) is ring.current
    assert [key.id for key in ring.all] == [SecretKey(key).id for key in (SECOND, FIRST, THIRD)]
