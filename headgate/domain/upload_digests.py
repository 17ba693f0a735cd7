"""Checksums of what is uploaded, kept while its bytes pass."""

import hashlib
from collections.abc import Sequence
from typing import Protocol

from headgate.domain.remembering import Recent

MAX_KEPT = 1_000
"""So many are remembered between requests; each takes less than a kilobyte."""


class Digest(Protocol):
    """A hash that grows, as hashlib's."""

    def update(self, data: bytes, /) -> None:
        """Take more bytes in."""
        ...

    def digest(self) -> bytes:
        """The hash of what was taken in."""
        ...

    def hexdigest(self) -> str:
        """The same in hexadecimal."""
        ...


class RunningDigest:
    """The SHA-256 of the first `size` bytes of a file."""

    def __init__(self) -> None:
        self._digest = hashlib.sha256()
        self.size = 0

    def take(self, chunks: Sequence[bytes]) -> None:
        """Take in what follows."""
        for chunk in chunks:
            self._digest.update(chunk)
            self.size += len(chunk)

    @property
    def sha256(self) -> str:
        """The hash in hexadecimal."""
        return self._digest.hexdigest()


class Digests:
    """Remembers how far the files were hashed that are uploaded through this process."""

    def __init__(self) -> None:
        self._known: Recent[str, RunningDigest] = Recent(MAX_KEPT)

    def take(self, file_id: str, size: int) -> RunningDigest | None:
        """Take the digest of the first `size` bytes of a file; None where no such is known."""
        if size == 0:
            return RunningDigest()
        known = self._known.pop(file_id, None)
        return known if known is not None and known.size == size else None

    def keep(self, file_id: str, digest: RunningDigest | None) -> None:
        """Remember a digest until there is more of its file."""
        if digest is not None:
            self._known[file_id] = digest
