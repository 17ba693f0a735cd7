"""Files that come in pieces, from their first byte on, until all of one is there: then it is an object as any other."""

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from headgate.storage.intake_tables import Upload
from headgate.storage.objects import LocalStore, sync_folder
from headgate.storage.room import telling_full
from headgate.storage.tending import to_its_end

PIECES = "uploads"
FILES = "files"
WRITTEN_AT_ONCE = 512
"""A system call takes up to 1,024 pieces of memory."""


class PiecesLost(Exception):
    """What was there of a file is gone, or is less than it was: somebody else has touched the store."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """A file that is put together: its id, and in a bucket its multipart upload with the size of the parts."""

    file_id: str
    multipart_id: str | None = None
    part_bytes: int | None = None

    @classmethod
    def of(cls, upload: Upload) -> Self:
        """Tell that of an upload."""
        return cls(upload.file_id, upload.multipart_id, upload.part_bytes)

    @property
    def key(self) -> str:
        """The key of the object that it will be."""
        return f"{FILES}/{self.file_id}"


@dataclass(frozen=True, slots=True)
class SentPart:
    """A part that a client has sent past this server; numbers begin at 1."""

    number: int
    etag: str


@dataclass(frozen=True, slots=True)
class PresignedPart:
    """A URL that takes one part, as the body of a PUT, from whoever has it; numbers begin at 1."""

    number: int
    url: str


class PieceWriter(Protocol):
    """Takes the bytes of a file from one place on, one write after the other."""

    async def write(self, chunks: Sequence[bytes]) -> None:
        """Append chunks."""
        ...

    async def durable(self) -> int:
        """Tell up to which place all bytes are durable, having made them so where that is cheap."""
        ...

    async def end(self) -> int:
        """Make all bytes durable; answers the place behind the last one."""
        ...


class Pieces(Protocol):
    """Where bytes are kept until all of a file are there."""

    @property
    def takes_parts(self) -> bool:
        """Whether clients can send parts past this server."""
        ...

    async def begin(self, file_id: str, *, most_bytes: int, direct: bool = False) -> Assembly:
        """Begin a file of at most so many bytes; a `direct` one is going to be sent past this server."""
        ...

    def writer(
        self, assembly: Assembly, at: int, *, byte_size: int | None
    ) -> AbstractAsyncContextManager[PieceWriter]:
        """Open a writer at a place that all bytes before are durable up to; what is behind it is overwritten.

        Leaving the block keeps what is durable. Raises PiecesLost.
        """
        ...

    async def presign(self, assembly: Assembly, byte_size: int, valid_s: float) -> Sequence[PresignedPart]:
        """Make the URLs that take the parts of a file, each valid for so many seconds."""
        ...

    async def missing(self, assembly: Assembly, byte_size: int, sent: Sequence[SentPart]) -> str | None:
        """Say what of the parts, sent past this server, is missing or not as it was told; None where nothing is."""
        ...

    async def finish(self, assembly: Assembly, byte_size: int) -> None:
        """Let the file of so many bytes appear under its key, all at once; done before, that changes nothing.

        Raises PiecesLost.
        """
        ...

    async def discard(self, assembly: Assembly) -> None:
        """Leave nothing of an unfinished file; what is not there is no error."""
        ...


class LocalPieceWriter:
    """Writes into a file, at the places where the bytes belong."""

    def __init__(self, descriptor: int, at: int) -> None:
        self._descriptor = descriptor
        self._at = at

    async def write(self, chunks: Sequence[bytes]) -> None:
        """Append chunks; raises OSError where the disk takes no more."""
        await to_its_end(_write, self._descriptor, chunks, self._at)
        self._at += sum(map(len, chunks))

    async def durable(self) -> int:
        """Make durable what is written; more may be written meanwhile."""
        written = self._at
        await to_its_end(os.fdatasync, self._descriptor)
        return written

    async def end(self) -> int:
        """Make all bytes durable."""
        return await self.durable()


class LocalPieces:
    """Keeps each file in one that grows, and moves it when it is complete."""

    takes_parts = False

    def __init__(self, store: LocalStore) -> None:
        self._store = store

    async def begin(self, file_id: str, *, most_bytes: int, direct: bool = False) -> Assembly:
        """Make an empty file; raises ValueError for a direct one."""
        if direct:
            raise ValueError("Nobody can send anything past this server into a folder.")
        with telling_full():
            await asyncio.to_thread(_make, self._path(file_id))
        return Assembly(file_id)

    @asynccontextmanager
    async def writer(
        self, assembly: Assembly, at: int, *, byte_size: int | None
    ) -> AsyncIterator[LocalPieceWriter]:
        """Open the file, of which the first `at` bytes are durable; raises PiecesLost where they are not there."""
        descriptor = await to_its_end(_open, self._path(assembly.file_id), at)
        try:
            with telling_full():
                yield LocalPieceWriter(descriptor, at)
        finally:
            os.close(descriptor)

    async def presign(self, assembly: Assembly, byte_size: int, valid_s: float) -> Sequence[PresignedPart]:
        """Make none: there is nobody else who would take parts."""
        return ()

    async def missing(self, assembly: Assembly, byte_size: int, sent: Sequence[SentPart]) -> str | None:
        """Find none missing: none were to come."""
        return None

    async def finish(self, assembly: Assembly, byte_size: int) -> None:
        """Move the file, unless that is done; raises PiecesLost."""
        target = self._store.path(assembly.key)
        await to_its_end(_move, self._path(assembly.file_id), target, byte_size)

    async def discard(self, assembly: Assembly) -> None:
        """Remove the file."""
        await self._store.delete(f"{PIECES}/{assembly.file_id}")

    def _path(self, file_id: str) -> Path:
        return self._store.path(f"{PIECES}/{file_id}")


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    sync_folder(path.parent)


def _open(path: Path, at: int) -> int:
    try:
        descriptor = os.open(path, os.O_WRONLY)
    except FileNotFoundError as error:
        raise PiecesLost from error
    if os.fstat(descriptor).st_size < at:
        os.close(descriptor)
        raise PiecesLost
    return descriptor


def _write(descriptor: int, chunks: Sequence[bytes], at: int) -> None:
    for begin in range(0, len(chunks), WRITTEN_AT_ONCE):
        some = chunks[begin : begin + WRITTEN_AT_ONCE]
        size = sum(map(len, some))
        written = os.pwritev(descriptor, some, at)
        if written < size:
            _write_rest(descriptor, memoryview(b"".join(some))[written:], at + written)
        at += size


def _write_rest(descriptor: int, rest: memoryview, at: int) -> None:
    """Write what a disk that is nearly full, or a signal, has left; raises OSError where it takes no more."""
    while rest:
        written = os.pwrite(descriptor, rest, at)
        rest, at = rest[written:], at + written


def _move(path: Path, target: Path, byte_size: int) -> None:
    moved = not path.exists()
    try:
        if (target if moved else path).stat().st_size != byte_size:
            raise PiecesLost
    except FileNotFoundError as error:
        raise PiecesLost from error
    if not moved:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)
        sync_folder(target.parent)
        sync_folder(path.parent)
