"""The file of secret keys, which only its owner can read: one key a line, the current one first."""

import os
from collections.abc import Sequence
from pathlib import Path
from secrets import token_urlsafe
from uuid import uuid4

import structlog

from headgate.domain.keyring import SecretKey

KEY_BYTES = 48

logger = structlog.get_logger(__name__)

Stamp = tuple[int, int, int]
"""Tells one state of a file from another: its inode, its size and when it was written (nanoseconds)."""


class KeyFile:
    """The secret keys in a file, which is made with a new key where there is none; other processes may replace it.

    Processes that make it at once get the same key. Raises OSError, and ValueError for a file without a key, or with
    one under 32 bytes.
    """

    def __init__(self, path: Path) -> None:
        if not path.exists():
            _make(path)
        self._path = path
        self._stamp = _stamp_of(path)
        self.secrets = read_keys(path)

    def changed(self) -> Sequence[str] | None:
        """Answer the keys where the file was replaced since; None where not, or where it can't be used as it is now."""
        try:
            if (stamp := _stamp_of(self._path)) == self._stamp:
                return None
            self._stamp = stamp
            self.secrets = read_keys(self._path)
        except (OSError, ValueError) as error:
            logger.warning("keys.unreadable", error=str(error))
            return None
        logger.info("keys.reread", current=SecretKey(self.secrets[0]).id, keys=len(self.secrets))
        return self.secrets


def read_keys(path: Path) -> Sequence[str]:
    """Read the keys of a file; raises OSError, and ValueError where one of them is no key or there is none."""
    secrets = [line.strip() for line in path.read_text().splitlines() if line.strip()]
    if not secrets:
        raise ValueError(f"There is no key in {path.name}.")
    for secret in secrets:
        SecretKey(secret)
    return secrets


def write_keys(path: Path, secrets: Sequence[str]) -> None:
    """Put keys in the place of those in a file: whoever reads it meets all of the old or all of the new."""
    staged = _staged(path, secrets)
    try:
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)
    _sync_folder(path.parent)


def new_key() -> str:
    """Make a key of 384 random bits."""
    return token_urlsafe(KEY_BYTES)


def _make(path: Path) -> None:
    """Let a new key appear at `path` whole, unless another process was faster."""
    staged = _staged(path, [new_key()])
    try:
        os.link(staged, path)
    except FileExistsError:
        return
    finally:
        staged.unlink(missing_ok=True)
    _sync_folder(path.parent)


def _staged(path: Path, secrets: Sequence[str]) -> Path:
    """Write keys to a file beside `path`, which nobody else can read, until they are on the disk."""
    staged = path.with_name(f"{path.name}.{uuid4().hex}")
    with os.fdopen(os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{secret}\n" for secret in secrets)
        file.flush()
        os.fsync(file.fileno())
    return staged


def _sync_folder(folder: Path) -> None:
    """Let the names of a folder survive a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _stamp_of(path: Path) -> Stamp:
    found = path.stat()
    return found.st_ino, found.st_size, found.st_mtime_ns
