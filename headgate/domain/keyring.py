"""The secret keys of a Headgate: the current one signs and seals, the old ones still verify and open."""

from collections.abc import Callable, Sequence
from time import monotonic

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MIN_KEY_BYTES = 32
DERIVED_BYTES = 32
ID_BYTES = 4
ID_PURPOSE = b"headgate: id of the key"
LOOK_EVERY_S = 1.0

Changed = Callable[[], Sequence[str] | None]
"""Tells the keys, the current one first, where they have changed since it was last asked; else None. It is quick."""


class SecretKey:
    """One secret key. It never signs or seals itself: each purpose has a key of its own, derived by HKDF-SHA256.

    `id` is eight hexadecimal digits that tell nothing of the key. Raises ValueError for a secret under 32 bytes.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()
        if len(self._secret) < MIN_KEY_BYTES:
            raise ValueError(
                f"The secret key has {len(self._secret)} bytes; it needs at least {MIN_KEY_BYTES}."
            )
        self._derived: dict[bytes, bytes] = {}
        self.id = self.derive(ID_PURPOSE)[:ID_BYTES].hex()

    def __repr__(self) -> str:
        return f"SecretKey({self.id})"

    def derive(self, purpose: bytes) -> bytes:
        """Make the key (32 bytes) of a purpose, which is one of the few that the code names."""
        if purpose not in self._derived:
            derivation = HKDF(algorithm=SHA256(), length=DERIVED_BYTES, salt=None, info=purpose)
            self._derived[purpose] = derivation.derive(self._secret)
        return self._derived[purpose]


class KeyRing:
    """The current secret key and the old ones.

    Where `changed` is given, keys that are changed meanwhile count within a second, and at once for whoever asks for
    one that was not there. Raises ValueError for no secret, and for one under 32 bytes.
    """

    def __init__(self, secrets: Sequence[str], *, changed: Changed | None = None) -> None:
        self._keys = _keys_of(secrets)
        self._changed = changed
        self._looked_at_s = monotonic()

    @property
    def current(self) -> SecretKey:
        """The key that signs and seals from now on."""
        return self.all[0]

    @property
    def all(self) -> Sequence[SecretKey]:
        """Every key, the current one first."""
        if monotonic() - self._looked_at_s > LOOK_EVERY_S:
            self.look()
        return tuple(self._keys.values())

    def find(self, key_id: object) -> SecretKey | None:
        """Find a key by its id, which may be anything."""
        if not isinstance(key_id, str):
            return None
        if key_id not in self._keys or monotonic() - self._looked_at_s > LOOK_EVERY_S:
            self.look()
        return self._keys.get(key_id)

    def look(self) -> None:
        """Take the keys as they are by now."""
        self._looked_at_s = monotonic()
        if self._changed is not None and (secrets := self._changed()) is not None:
            self._keys = _keys_of(secrets)


def _keys_of(secrets: Sequence[str]) -> dict[str, SecretKey]:
    if not secrets:
        raise ValueError("There is no secret key.")
    keys: dict[str, SecretKey] = {}
    for secret in secrets:
        key = SecretKey(secret)
        keys.setdefault(key.id, key)
    return keys
