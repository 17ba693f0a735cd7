"""Secrets at rest: encrypted with keys that the database doesn't hold."""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from headgate.domain.keyring import KeyRing, SecretKey
from headgate.errors import JobFault

PURPOSE = b"headgate: secrets of endpoints"
"""Sets these keys apart from whatever else is derived of the server's secret keys."""
VERSION, VERSION_WITHOUT_KEY = "2.", "1."
"""`2.<id of the key>.<text>`; seals of the version before say no key: it may be any of the ring."""
NONCE_BYTES = 12


class Vault:
    """Seals secrets with AES-256-GCM, under keys that are derived of the server's secret keys.

    What is sealed for one owner can't be opened as another's, so that nobody who writes to the database can have an
    endpoint of theirs send the secrets of another one.
    """

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys

    def seal(self, secrets: Mapping[str, str], owner: str) -> str:
        """Make a text of secrets that says nothing without the current key."""
        # What is sealed a moment after a rotation has to need no older key: that may be dropped next.
        self._keys.look()
        key, nonce = self._keys.current, os.urandom(NONCE_BYTES)
        sealed = _cipher(key).encrypt(nonce, orjson.dumps(dict(secrets)), owner.encode())
        return _start(key) + urlsafe_b64encode(nonce + sealed).decode()

    def open(self, sealed: str, owner: str) -> dict[str, str]:
        """Read what was sealed. Raises JobFault (SECRETS_UNREADABLE) where that was with a key that is not there."""
        keys, text = self._read(sealed)
        for key in keys:
            try:
                secrets: dict[str, str] = orjson.loads(_opened(key, text, owner))
            except (InvalidTag, ValueError):
                continue
            return secrets
        raise JobFault(
            "SECRETS_UNREADABLE",
            "The secrets of the endpoint were stored under another secret key. Start Headgate with the key that it "
            "had (HEADGATE_SECRET_KEY or HEADGATE_OLD_SECRET_KEYS, or the file secret.key), or give the secrets again.",
            "CONFIG",
        )

    def is_current(self, sealed: str) -> bool:
        """Tell whether this was sealed with the key that seals now."""
        return sealed.startswith(_start(self._keys.current))

    def _read(self, sealed: str) -> tuple[Sequence[SecretKey], str]:
        """The keys that may open a seal, and what of it is to be opened."""
        if sealed.startswith(VERSION_WITHOUT_KEY):
            return self._keys.all, sealed.removeprefix(VERSION_WITHOUT_KEY)
        key_id, _, text = sealed.removeprefix(VERSION).partition(".")
        key = self._keys.find(key_id)
        return ([key] if key is not None else []), text


def _start(key: SecretKey) -> str:
    return f"{VERSION}{key.id}."


def _cipher(key: SecretKey) -> AESGCM:
    return AESGCM(key.derive(PURPOSE))


def _opened(key: SecretKey, text: str, owner: str) -> bytes:
    """Raises InvalidTag and ValueError where this key did not seal the text for this owner."""
    sealed = urlsafe_b64decode(text)
    return _cipher(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], owner.encode())
