"""A ring of secret keys: what each is derived to, how they are found, and how they change."""

from collections.abc import Sequence

import pytest

from headgate.domain import keyring
from headgate.domain.keyring import KeyRing, SecretKey

FIRST, SECOND, THIRD = (f"the {name} key, as long as it has to be" for name in ("first", "second", "third"))


def test_each_purpose_has_a_key_of_its_own() -> None:
    first, second = SecretKey(FIRST), SecretKey(SECOND)
    derived = [key.derive(purpose) for key in (first, second) for purpose in (b"a", b"b")]
    assert len({*derived, FIRST.encode(), SECOND.encode()}) == 6
    assert {len(key) for key in derived} == {32}
    assert SecretKey(FIRST).derive(b"a") == first.derive(b"a")


def test_the_id_of_a_key_is_short_and_tells_nothing_of_it() -> None:
    key = SecretKey(FIRST)
    assert len(key.id) == 8
    assert int(key.id, 16) >= 0
    assert FIRST not in repr(key)
    assert key.id == SecretKey(FIRST).id != SecretKey(SECOND).id


@pytest.mark.parametrize("secrets", [["k" * 31], [FIRST, "short"], [""], []], ids=str)
def test_a_ring_without_a_key_or_with_a_short_one_is_refused(secrets: list[str]) -> None:
    with pytest.raises(ValueError, match=r"at least 32|no secret key"):
        KeyRing(secrets)


def test_thirty_two_bytes_are_enough_and_bytes_are_counted() -> None:
    assert KeyRing(["k" * 32]).current.id
    assert KeyRing(["é" * 16]).current.id


def test_keys_are_found_by_their_ids_and_the_first_is_the_current_one() -> None:
    ring = KeyRing([FIRST, SECOND, FIRST])
    first, second = SecretKey(FIRST).id, SecretKey(SECOND).id
    assert [key.id for key in ring.all] == [first, second]
    assert ring.current.id == first
    assert [found.id for key_id in (first, second) if (found := ring.find(key_id))] == [first, second]
    unknown: object
    for unknown in ("", "00000000", None, 1, ["x"]):
        assert ring.find(unknown) is None


class Changes:
    """What becomes of the keys meanwhile, and how often somebody looked."""

    def __init__(self) -> None:
        self.looks = 0
        self.next: Sequence[str] | None = None

    def __call__(self) -> Sequence[str] | None:
        self.looks += 1
        return self.next


def test_a_key_that_is_not_there_is_looked_for_at_once_and_known_ones_are_not() -> None:
    changes = Changes()
    ring = KeyRing([FIRST], changed=changes)
    assert ring.find(SecretKey(FIRST).id) is ring.current
    assert changes.looks == 0
    changes.next = [SECOND, FIRST]
    assert ring.find(SecretKey(SECOND).id) is ring.current
    assert changes.looks == 1
    assert ring.find(SecretKey(FIRST).id) is not None


def test_a_changed_ring_counts_for_everybody_before_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyring, "LOOK_EVERY_S", -1)
    changes = Changes()
    ring = KeyRing([FIRST, THIRD], changed=changes)
    changes.next = [SECOND, FIRST]
    assert ring.current.id == SecretKey(SECOND).id
    assert ring.find(SecretKey(THIRD).id) is None
