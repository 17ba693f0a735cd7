"""A new secret key for the file of keys, under which all secrets are sealed anew."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headgate.domain.keyring import KeyRing
from headgate.domain.rotation import Resealed, record_rotation, seal_anew
from headgate.domain.vault import Vault
from headgate.errors import UserFault
from headgate.server.keys import new_key, read_keys, write_keys
from headgate.storage.database import Database

MAX_KEYS = 4
"""Of a file; the oldest one beyond is dropped, and ends what it signed."""
ACTOR = "headgate rotate-key"


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did; `is_new` where it made the current key."""

    keys: KeyRing
    resealed: Resealed
    is_new: bool

    def in_words(self) -> list[str]:
        """Say it to people, a sentence a line."""
        current, *old = [key.id for key in self.keys.all]
        lines = [
            f"The current secret key is {current}{', which is new' if self.is_new else ''}.",
            f"Secrets of endpoints that were sealed anew with it: {self.resealed.count}.",
        ]
        if old:
            needed = "are only needed until the tokens and links that they signed have expired"
            lines.append(f"Old keys {needed}: {', '.join(old)}.")
        return lines


async def rotate(database: Database, keys: KeyRing, path: Path | None) -> Rotation:
    """Make a new current key in the file at `path`, and seal every secret with it.

    Without a file the keys are set elsewhere: no key is made, and secrets are sealed with the current one. Raises
    OSError, ValueError for a file with a key that is too short, and UserFault (CONFLICT) where another process is
    about the same.
    """
    vault = Vault(keys)
    if path is None:
        return Rotation(keys, await seal_anew(database, vault), is_new=False)
    with _alone(path.parent):
        keys.look()
        # What a rotation that was broken off has left must not depend on a key that is dropped now.
        await seal_anew(database, vault)
        kept = read_keys(path)[: MAX_KEYS - 1]
        write_keys(path, [new_key(), *kept])
        keys.look()
        await record_rotation(database, ACTOR, keys)
        return Rotation(keys, await seal_anew(database, vault), is_new=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep out other processes that want the same of this folder; raises UserFault (CONFLICT) where one is there."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        message = "Another headgate rotate-key is at work here; wait until it is done."
        raise UserFault("CONFLICT", message) from error
