"""Objects at rest: bytes under keys that the server makes, such as `files/file_01jd…`."""

import asyncio
import hashlib
import os
import re
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import BinaryIO, ParamSpec, TypeVar
from uuid import uuid4

from headgate.storage.locations import LocalLocation, Location

FLUSH_BYTES = 1024 * 1024
LISTED_AT_ONCE = 500
UNFINISHED = ".unfinished"
KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")

P = ParamSpec("P")
T = TypeVar("T")


class ObjectWriter:
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
        """Append a chunk; raises OSError where the disk takes no more."""
        self._waiting.append(chunk)
        self._waiting_bytes += len(chunk)
        self.byte_size += len(chunk)
        if self._waiting_bytes >= FLUSH_BYTES:
            await _to_its_end(self._flush)

    def finish(self, path: Path) -> None:
        """Write what waits, make it durable and let it appear at `path`, all at once."""
        self._flush()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        path.parent.mkdir(parents=True, exist_ok=True)
        Path(self._file.name).replace(path)
        _sync_folder(path.parent)

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
    """Objects as files under one folder; an object is there whole or not at all.

    Keys are relative POSIX paths of plain names. Every method raises ValueError for any other
    key, so that no mistake elsewhere can lead out of the folder.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, key: str) -> Path:
        """Name the file of an object, for readers on this machine; it need not exist."""
        if not KEY.fullmatch(key):
            raise ValueError(f"not a key of an object: {key!r}")
        return self._root / key

    def location(self, key: str) -> Location:
        """Say where an object or a folder is, for the engine's process; it need not exist."""
        return LocalLocation(self.path(key))

    @asynccontextmanager
    async def writer(self, key: str) -> AsyncIterator[ObjectWriter]:
        """Open a writer whose bytes appear under `key` when the block ends well, in place of what was there.

        Anything raised in the block, cancellation included, leaves the store as it was.
        """
        path = self.path(key)
        # Opened on the event loop, so that no cancellation comes between the opening and the try.
        writer = ObjectWriter(self._open_unfinished())
        try:
            yield writer
            await _to_its_end(writer.finish, path)
        except BaseException:
            await _to_its_end(writer.discard)
            raise

    async def read(self, key: str, start: int, size: int) -> bytes:
        """Read up to `size` bytes from offset `start`; raises FileNotFoundError for an unknown key."""
        return await asyncio.to_thread(_read, self.path(key), start, size)

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

    async def discard_unfinished(self, before: datetime) -> int:
        """Remove what writers left that were killed before this moment; answers how many."""
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


async def _to_its_end(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run blocking work in a thread and wait for its end even when cancelled: a thread cannot be stopped."""
    task = asyncio.create_task(asyncio.to_thread(work, *args, **kwargs))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


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
        while batch := await _to_its_end(list, islice(entries, LISTED_AT_ONCE)):
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


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
