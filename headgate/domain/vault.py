"""Secrets at rest: encrypted with a key that the database doesn't hold."""

import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from headgate.errors import JobFault

PURPOSE = b"headgate: secrets of endpoints"
"""Sets this key apart from whatever else is derived of the server's secret key."""
VERSION = "1."
KEY_BYTES, NONCE_BYTES = 32, 12


class Vault:
    """Seals secrets with AES-256-GCM, under a key that is derived of the server's secret key.

    What is sealed for one owner can't be opened as another's, so that nobody who writes to the database can have an
    endpoint of theirs send the secrets of another one.
    """

    def __init__(self, secret_key: str) -> None:
        derivation = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=PURPOSE)
        self._cipher = AESGCM(derivation.derive(secret_key.encode()))

    def seal(self, secrets: Mapping[str, str], owner: str) -> str:
        """Make a text of secrets that says nothing without the key."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, orjson.dumps(dict(secrets)), owner.encode())
        return VERSION + urlsafe_b64encode(nonce + sealed).decode()

    def open(self, sealed: str, owner: str) -> dict[str, str]:
        """Read what was sealed. Raises JobFault (SECRETS_UNREADABLE) where that was with another key."""
        try:
            text = urlsafe_b64decode(sealed.removeprefix(VERSION))
            opened = self._cipher.decrypt(text[:NONCE_BYTES], text[NONCE_BYTES:], owner.encode())
        except (InvalidTag, ValueError) as error:
            raise JobFault(
                "SECRETS_UNREADABLE",
                "The secrets of the endpoint were stored under another secret key. Start Headgate with the key that it "
                "had (HEADGATE_SECRET_KEY, or the file secret.key), or give the secrets again.",
                "CONFIG",
            ) from error
        secrets: dict[str, str] = orjson.loads(opened)
        return secrets
