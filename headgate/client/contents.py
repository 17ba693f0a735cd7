"""What is uploaded: bytes that can be read from any place on, as often as a bad connection needs it."""

import hashlib
import os
import shutil
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

Source = str | os.PathLike[str] | bytes | IO[bytes]

CHUNK_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes with the name and the SHA-256 that they are sent under."""

    name: str
    byte_size: int
    sha256: str
    stream: IO[bytes]
    is_own: bool

    @classmethod
    def of(cls, source: Source, name: str | None = None) -> "Content":
        """Open what is to be sent. A pipe is copied to a temporary file first: it could not be read twice."""
        stream, is_own = _opened(source)
        digest = _sha256(stream)
        return cls(name or _name_of(source), stream.tell(), digest, stream, is_own)

    def read(self, at: int) -> bytes:
        """Read a chunk."""
        self.stream.seek(at)
        return self.stream.read(CHUNK_BYTES)

    def close(self) -> None:
        """Close what was opened here; a file that somebody else has opened stays open."""
        if self.is_own:
            self.stream.close()


def _opened(source: Source) -> tuple[IO[bytes], bool]:
    if isinstance(source, bytes):
        return BytesIO(source), True
    if isinstance(source, str | os.PathLike):
        return Path(source).open("rb"), True
    if source.seekable():
        source.seek(0)
        return source, False
    spooled = TemporaryFile()  # noqa: SIM115
    shutil.copyfileobj(source, spooled)
    spooled.seek(0)
    return spooled, True


def _sha256(stream: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()


def _name_of(source: Source) -> str:
    named = source if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
    return Path(named).name if isinstance(named, str | os.PathLike) else "upload"
