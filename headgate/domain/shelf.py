"""Files that the engine makes for downloads: read while they grow, then kept on this machine's disk for a while.

Each is in a folder of its own, named after what it holds; a second file in there says that it is complete. Those that
a killed process left unfinished are removed when the next one begins.
"""

import asyncio
import fcntl
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import orjson
import structlog

from headgate.domain.ports import Engine
from headgate.domain.volumes import COMPLETE, Volume
from headgate.errors import JobFault, UserFault

AT_ONCE = 2
"""So many files are made at the same time."""
MAX_UNFINISHED = 18
"""So many may be in the making or in line for it."""
LINGER_S = 5.0
"""How long a file is made on for whoever comes back, after its last reader has left."""
KEEP_S = 3_600.0
LOOK_S = 0.05
LOCK = "lock"
LOST = JobFault("INTERRUPTED", "Nobody waited for this file any more.", "SYSTEM", retryable=True)
BROKEN = JobFault("INTERNAL", "The file could not be made.", "SYSTEM", retryable=True)

logger = structlog.get_logger(__name__)


class Shelf:
    """Has files made, each once for all who ask for it, and keeps up to `max_bytes` of them; oldest unused go first.

    Its folder is one of those in `root` that no other process uses.
    """

    def __init__(self, root: Path, engine: Engine, *, max_bytes: int, timeout_s: float) -> None:
        self._root = root
        self._engine = engine
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._volumes: dict[str, Volume] = {}
        self._making: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keep files for as long as the block lasts; those of an earlier process are there again."""
        self._folder, lock = await asyncio.to_thread(_own_folder, self._root)
        try:
            for volume in await asyncio.to_thread(_left, self._folder):
                self._volumes[volume.key] = volume
            yield
        finally:
            for making in self._making:
                making.cancel()
            await asyncio.gather(*self._making, return_exceptions=True)
            os.close(lock)

    @asynccontextmanager
    async def taken(self, task: Mapping[str, Any]) -> AsyncIterator[Volume]:
        """Take what a task of the engine makes, which has everything but its "target", once it has begun to be there.

        Raises UserFault (DOWNLOADS_BUSY) where too many others wait, and JobFault where it can't be made.
        """
        volume = self._volume(task)
        volume.readers += 1
        try:
            await volume.begin()
            yield volume
        finally:
            volume.readers -= 1
            self._release(volume)

    def find(self, task: Mapping[str, Any]) -> Volume | None:
        """Find what was made for a task, or is in the making; nothing is begun."""
        return self._volumes.get(_key_of(task))

    def _volume(self, task: Mapping[str, Any]) -> Volume:
        key = _key_of(task)
        if (known := self._volumes.get(key)) is not None:
            return known
        if len(self._making) >= MAX_UNFINISHED:
            message = "Too many files are being made at the moment. Try again in a few seconds."
            raise UserFault("DOWNLOADS_BUSY", message, retryable=True)
        volume = self._volumes[key] = Volume(key, self._folder / f"{key}.{uuid4().hex}")
        making = asyncio.create_task(self._make(volume, task))
        self._making.add(making)
        making.add_done_callback(self._making.discard)
        volume.making = making
        return volume

    async def _make(self, volume: Volume, task: Mapping[str, Any]) -> None:
        try:
            await self._discard_old()
            await asyncio.to_thread(volume.folder.mkdir)
            await self._render(volume, task)
            await asyncio.to_thread(volume.complete)
        except asyncio.CancelledError:
            await self._fail(volume, LOST)
        except JobFault as fault:
            await self._fail(volume, fault)
        except Exception:
            logger.exception("download.failed")
            await self._fail(volume, BROKEN)
        volume.used_at = monotonic()
        volume.ended.set()

    async def _fail(self, volume: Volume, fault: JobFault) -> None:
        volume.fault = fault
        await self._drop(volume)

    async def _render(self, volume: Volume, task: Mapping[str, Any]) -> None:
        running = self._engine.run({**task, "target": str(volume.path)}, timeout_s=self._timeout_s)
        rendering = asyncio.create_task(running)
        try:
            while not rendering.done():
                await asyncio.wait([rendering], timeout=LOOK_S)
                sizes = await asyncio.to_thread(_sizes, volume.folder)
                volume.byte_size = sum(sizes.values())
                await self._make_room()
                volume.has_begun = sizes.get(volume.path.name, 0) > 0
            await rendering
        finally:
            rendering.cancel()
            await asyncio.wait([rendering])

    async def _make_room(self) -> None:
        """Let the oldest that nobody reads go, while there is more than may be. Raises JobFault (NO_ROOM)."""
        while sum(each.byte_size for each in self._volumes.values()) > self._max_bytes:
            unused = [each for each in self._volumes.values() if each.is_unused]
            if not unused:
                message = "There is no room for this file at the moment. Try again later, or ask for less."
                raise JobFault("NO_ROOM", message, "SYSTEM", retryable=True)
            await self._drop(min(unused, key=lambda each: each.used_at))

    async def _discard_old(self) -> None:
        earliest = monotonic() - KEEP_S
        for volume in list(self._volumes.values()):
            if volume.is_unused and volume.used_at < earliest:
                await self._drop(volume)

    async def _drop(self, volume: Volume) -> None:
        """Remove a file; whoever comes next has it made anew."""
        if self._volumes.get(volume.key) is volume:
            del self._volumes[volume.key]
        await asyncio.to_thread(shutil.rmtree, volume.folder, ignore_errors=True)

    def _release(self, volume: Volume) -> None:
        volume.used_at = monotonic()
        if not volume.readers and not volume.ended.is_set():
            asyncio.get_running_loop().call_later(LINGER_S, self._give_up, volume)

    def _give_up(self, volume: Volume) -> None:
        if not volume.readers and not volume.ended.is_set() and volume.making is not None:
            volume.making.cancel()


def _key_of(task: Mapping[str, Any]) -> str:
    return hashlib.sha256(orjson.dumps(task, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _own_folder(root: Path) -> tuple[Path, int]:
    """The first folder that no other process holds, and the lock that goes with this process."""
    for number in count():
        folder = root / str(number)
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
        else:
            return folder, lock
    raise AssertionError("there are always more numbers")


def _left(folder: Path) -> list[Volume]:
    """The complete files of an earlier process, oldest first; all others are removed."""
    found = []
    for each in folder.iterdir():
        if (each / COMPLETE).exists():
            found.append(each)
        elif each.is_dir():
            shutil.rmtree(each, ignore_errors=True)
    found.sort(key=lambda each: (each / COMPLETE).stat().st_mtime)
    return [Volume.completed(each) for each in found]


def _sizes(folder: Path) -> dict[str, int]:
    """The bytes of each file in a folder; they may come and go meanwhile."""
    sizes = {}
    for entry in os.scandir(folder):
        with suppress(FileNotFoundError):
            sizes[entry.name] = entry.stat().st_size
    return sizes
