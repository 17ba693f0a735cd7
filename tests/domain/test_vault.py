"""What is sealed can be read with the same key, for the same owner, and in no other way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.domain.vault import Vault
from headgate.errors import JobFault
from tests.services import SECRET_KEY

VAULT = Vault(SECRET_KEY)


@given(st.dictionaries(st.text(), st.text(st.characters(exclude_categories=["Cs"]))))
def test_what_is_sealed_comes_out_as_it_went_in(secrets: dict[str, str]) -> None:
    assert VAULT.open(VAULT.seal(secrets, "endpoint_1"), "endpoint_1") == secrets


def test_a_seal_tells_nothing_and_is_another_each_time() -> None:
    seals = {VAULT.seal({"token": "s3cret"}, "endpoint_1") for _ in range(10)}
    assert len(seals) == 10
    assert all("s3cret" not in seal and "token" not in seal and seal.isascii() for seal in seals)


def test_the_same_secret_key_opens_it_later() -> None:
    sealed = VAULT.seal({"token": "s3cret"}, "endpoint_1")
    assert Vault(SECRET_KEY).open(sealed, "endpoint_1") == {"token": "s3cret"}


def _changed(sealed: str) -> str:
    last = sealed[10]
    return sealed[:10] + ("A" if last != "A" else "B") + sealed[11:]


@pytest.mark.parametrize(
    ("vault", "owner", "change"),
    [
        (Vault("another key, as long as it has to be"), "endpoint_1", str),
        (VAULT, "endpoint_2", str),
        (VAULT, "endpoint_1", _changed),
        (VAULT, "endpoint_1", lambda sealed: sealed[:20]),
        (VAULT, "endpoint_1", lambda sealed: ""),
        (VAULT, "endpoint_1", lambda sealed: "1.ä"),
    ],
    ids=["key", "owner", "changed", "cut", "empty", "no-base64"],
)
def test_nothing_else_opens_it(vault: Vault, owner: str, change: object) -> None:
    sealed = change(VAULT.seal({"token": "s3cret"}, "endpoint_1"))  # type: ignore[operator]
    with pytest.raises(JobFault) as failed:
        vault.open(sealed, owner)
    assert (failed.value.code, failed.value.category) == ("SECRETS_UNREADABLE", "CONFIG")
    assert "HEADGATE_SECRET_KEY" in failed.value.message
