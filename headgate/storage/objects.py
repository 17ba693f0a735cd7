"""Objects as files under a folder of this machine."""

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self
from uuid import uuid4

from headgate.storage.locations import LocalLocation, Location
from headgate.storage.object_store import LISTED_AT_ONCE, Needed, checked_key
from headgate.storage.room import telling_full
from headgate.storage.tending import to_its_end

FLUSH_BYTES = 1024 * 1024
UNFINISHED = ".unfinished"


class FileWriter:
    """Takes the bytes of one object in chunks of any size; holds at most 1 MiB beside the last chunk."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self.byte_size = 0

    @property
    def sha256(self) -> str:
        """The hash of all bytes, in hexadecimal; complete once the writer's context has ended."""
        return self._digest.hexdigest()

    async def write(self, chunk: bytes) -> None:
        """Append a chunk; the writer's context raises StoreFull where the disk takes no more."""
        self._waiting.append(chunk)
        self._waiting_bytes += len(chunk)
        self.byte_size += len(chunk)
        if self._waiting_bytes >= FLUSH_BYTES:
            await to_its_end(self._flush)

    def finish(self, path: Path) -> None:
        """Write what waits, make it durable and let it appear at `path`, all at once."""
        self._flush()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        path.parent.mkdir(parents=True, exist_ok=True)
        Path(self._file.name).replace(path)
        sync_folder(path.parent)

    def discard(self) -> None:
        """Leave nothing behind, even on a full disk, where closing tries to write once more and fails."""
        Path(self._file.name).unlink(missing_ok=True)
        with suppress(OSError):
            self._file.close()

    def _flush(self) -> None:
        chunks, self._waiting, self._waiting_bytes = self._waiting, [], 0
        for chunk in chunks:
            self._digest.update(chunk)
            self._file.write(chunk)


class LocalStore:
    """An ObjectStore whose objects are files under one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    async def __aenter__(self) -> Self:
        """Nothing is to be opened."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is to be closed."""

    @property
    def scratch(self) -> Path:
        """A folder for what tasks need only while they run; it need not exist."""
        return self._root / "scratch"

    def path(self, key: str) -> Path:
        """Name the file of an object, for readers on this machine; it need not exist."""
        return self._root / checked_key(key)

    def location(self, key: str) -> Location:
        """Say where an object or a folder is, for the engine's process; it need not exist."""
        return LocalLocation(self.path(key))

    @asynccontextmanager
    async def writer(self, key: str) -> AsyncIterator[FileWriter]:
        """Open a writer whose bytes appear under `key` when the block ends well, in place of what was there.

        Anything raised in the block, cancellation included, leaves the store as it was.
        """
        path = self.path(key)
        with telling_full():
            # Opened on the event loop, so that no cancellation comes between the opening and the try.
            writer = FileWriter(self._open_unfinished())
            try:
                yield writer
                await to_its_end(writer.finish, path)
            except BaseException:
                await to_its_end(writer.discard)
                raise

    async def read(self, key: str, start: int, size: int) -> bytes:
        """Read up to `size` bytes from offset `start`; raises FileNotFoundError for an unknown key."""
        return await asyncio.to_thread(_read, self.path(key), start, size)

    async def pieces(self, key: str, start: int = 0) -> AsyncGenerator[bytes, None]:
        """Read an object from offset `start` to its end, 1 MiB at a time; raises FileNotFoundError."""
        # Opened and closed on the event loop, so that no cancellation leaves it open.
        with self.path(key).open("rb") as file:
            file.seek(start)
            while piece := await to_its_end(file.read, FLUSH_BYTES):
                yield piece

    async def size(self, key: str) -> int | None:
        """Tell how many bytes an object has; None where there is none."""
        try:
            return (await asyncio.to_thread(self.path(key).stat)).st_size
        except FileNotFoundError:
            return None

    async def exists(self, key: str) -> bool:
        """Tell whether there is an object under this key."""
        return await asyncio.to_thread(self.path(key).is_file)

    async def delete(self, key: str) -> None:
        """Remove an object; removing one that is not there is no error."""
        await asyncio.to_thread(self.path(key).unlink, missing_ok=True)

    async def remove(self, key: str) -> None:
        """Remove an object, or a folder with all in it; one that is not there is no error."""
        await asyncio.to_thread(_remove, self.path(key))

    def unchanged(self, folder: str, since: datetime) -> AsyncGenerator[list[str], None]:
        """List the names right below a folder of what has not changed since then, some hundreds at a time."""
        return _unchanged(self.path(folder), since)

    async def discard_unfinished(self, before: datetime, needed: Needed) -> int:
        """Remove what writers left that were killed before this moment; answers how many.

        Nothing is `needed`: no writer outlives its process.
        """
        removed = 0
        async with aclosing(_unchanged(self._root / UNFINISHED, before)) as batches:
            async for names in batches:
                for name in names:
                    await asyncio.to_thread(_remove, self._root / UNFINISHED / name)
                removed += len(names)
        return removed

    def _open_unfinished(self) -> BinaryIO:
        folder = self._root / UNFINISHED
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / uuid4().hex).open("xb")


def _read(path: Path, start: int, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(start)
        return file.read(size)


async def _unchanged(folder: Path, since: datetime) -> AsyncGenerator[list[str], None]:
    try:
        entries = os.scandir(folder)
    except FileNotFoundError:
        return
    with entries:
        while batch := await to_its_end(list, islice(entries, LISTED_AT_ONCE)):
            yield await asyncio.to_thread(_older, batch, since.timestamp())


def _older(entries: list[os.DirEntry[str]], moment: float) -> list[str]:
    """The names of those that are still there and were last changed before a moment, in Unix time."""
    names = []
    for entry in entries:
        with suppress(FileNotFoundError):
            if entry.stat(follow_symlinks=False).st_mtime < moment:
                names.append(entry.name)
    return names


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Let the names of a folder survive a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
