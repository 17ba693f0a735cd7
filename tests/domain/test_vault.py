"""What is sealed can be read with the same key, for the same owner, and in no other way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.domain.keyring import KeyRing
from headgate.domain.vault import Vault
from headgate.errors import JobFault
from tests.services import KEYS

VAULT = Vault(KEYS)
OLD, NEW = "the first key, as long as it has to be", "the second key, as long as it has to be"
SEALED_WITHOUT_KEY = "1.Hc3Sk1e5VBUaNaTssspRxDZwkv3JgLAs78x6C8xK9vwNnk8lb2-cHN48pFp6LA=="
"""Sealed with the first key, as Headgate did before it knew several keys."""


@given(st.dictionaries(st.text(), st.text(st.characters(exclude_categories=["Cs"]))))
def test_what_is_sealed_comes_out_as_it_went_in(secrets: dict[str, str]) -> None:
    assert VAULT.open(VAULT.seal(secrets, "endpoint_1"), "endpoint_1") == secrets


def test_a_seal_tells_nothing_and_is_another_each_time() -> None:
    seals = {VAULT.seal({"token": "s3cret"}, "endpoint_1") for _ in range(10)}
    assert len(seals) == 10
    assert all("s3cret" not in seal and "token" not in seal and seal.isascii() for seal in seals)


def test_the_same_secret_key_opens_it_later() -> None:
    sealed = VAULT.seal({"token": "s3cret"}, "endpoint_1")
    assert Vault(KEYS).open(sealed, "endpoint_1") == {"token": "s3cret"}


def test_an_old_key_of_the_ring_opens_what_it_sealed() -> None:
    sealed = Vault(KeyRing([OLD])).seal({"token": "s3cret"}, "endpoint_1")
    rotated = Vault(KeyRing([NEW, OLD]))
    assert rotated.open(sealed, "endpoint_1") == {"token": "s3cret"}
    again = rotated.seal({"token": "s3cret"}, "endpoint_1")
    assert (rotated.is_current(sealed), rotated.is_current(again)) == (False, True)
    assert Vault(KeyRing([NEW])).open(again, "endpoint_1") == {"token": "s3cret"}


def test_what_is_sealed_right_after_a_rotation_needs_the_new_key_alone() -> None:
    secrets = [OLD]
    vault = Vault(KeyRing([OLD], changed=lambda: secrets))
    secrets = [NEW, OLD]
    sealed = vault.seal({"token": "s3cret"}, "endpoint_1")
    assert Vault(KeyRing([NEW])).open(sealed, "endpoint_1") == {"token": "s3cret"}


@pytest.mark.parametrize("secrets", [[OLD], [NEW, OLD]], ids=["alone", "as-an-old-one"])
def test_a_seal_that_names_no_key_is_opened_with_any(secrets: list[str]) -> None:
    vault = Vault(KeyRing(secrets))
    assert vault.open(SEALED_WITHOUT_KEY, "endpoint_1") == {"token": "s3cret"}
    assert not vault.is_current(SEALED_WITHOUT_KEY)


def _changed(sealed: str) -> str:
    last = sealed[20]
    return sealed[:20] + ("A" if last != "A" else "B") + sealed[21:]


def _of_another_key(sealed: str) -> str:
    return f"2.{'0' * 8}.{sealed.split('.')[2]}"


@pytest.mark.parametrize(
    ("vault", "owner", "change"),
    [
        (Vault(KeyRing(["another key, as long as it has to be"])), "endpoint_1", str),
        (VAULT, "endpoint_2", str),
        (VAULT, "endpoint_1", _changed),
        (VAULT, "endpoint_1", lambda sealed: sealed[:20]),
        (VAULT, "endpoint_1", lambda sealed: ""),
        (VAULT, "endpoint_1", lambda sealed: "1.ä"),
        (VAULT, "endpoint_1", _of_another_key),
        (VAULT, "endpoint_1", lambda sealed: "1." + sealed.split(".")[2][:-4]),
        (VAULT, "endpoint_1", lambda sealed: "3." + sealed),
        (Vault(KeyRing([NEW])), "endpoint_1", lambda sealed: SEALED_WITHOUT_KEY),
    ],
    ids=["key", "owner", "changed", "cut", "empty", "no-base64", "kid", "cut-old", "version", "no-key"],
)
def test_nothing_else_opens_it(vault: Vault, owner: str, change: object) -> None:
    sealed = change(VAULT.seal({"token": "s3cret"}, "endpoint_1"))  # type: ignore[operator]
    with pytest.raises(JobFault) as failed:
        vault.open(sealed, owner)
    assert (failed.value.code, failed.value.category) == ("SECRETS_UNREADABLE", "CONFIG")
    assert "HEADGATE_SECRET_KEY" in failed.value.message
