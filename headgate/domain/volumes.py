"""One file that the engine makes for downloads, and how it is read while it grows."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Self

from headgate.errors import JobFault

COMPLETE = "complete"
"""The file beside another one that says that this is complete."""
ROWS = "rows"
LOOK_S = 0.02
"""How long to wait for more where a file is read as far as it goes."""


@dataclass(slots=True, eq=False)
class Volume:
    """A file in a folder of its own, named after the task that makes it and this making of it.

    It has begun once some of it is there and has room. It has `ended` once it is complete or has a `fault`; until then
    `byte_size` is what it takes, about. Two makings of the same rows may differ in their bytes and have other tags.
    """

    key: str
    folder: Path
    byte_size: int = 0
    readers: int = 0
    has_begun: bool = False
    fault: JobFault | None = None
    used_at: float = field(default_factory=monotonic)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    making: asyncio.Task[None] | None = None

    @classmethod
    def completed(cls, folder: Path) -> Self:
        """Find one again that was completed."""
        volume = cls(folder.name.partition(".")[0], folder, (folder / ROWS).stat().st_size)
        volume.ended.set()
        return volume

    @property
    def path(self) -> Path:
        """The file itself."""
        return self.folder / ROWS

    @property
    def tag(self) -> str:
        """Tells these bytes from all others."""
        return self.folder.name.partition(".")[2]

    @property
    def is_complete(self) -> bool:
        """Whether all of it is there, and `byte_size` exact."""
        return self.ended.is_set() and self.fault is None

    @property
    def is_unused(self) -> bool:
        """Whether it is complete and nobody reads it."""
        return self.is_complete and not self.readers

    def complete(self) -> None:
        """Make all of it durable, and then say that it is complete."""
        for path in (self.path, self.folder / COMPLETE):
            with path.open("ab") as file:
                os.fsync(file.fileno())
        self.byte_size = self.path.stat().st_size

    async def begin(self) -> None:
        """Wait until it has begun, or is complete. Raises JobFault where it could not be made."""
        while not self.ended.is_set() and not self.has_begun:
            await self.pause()
        if self.fault is not None:
            raise self.fault

    async def end(self) -> None:
        """Wait until all of it is there. Raises JobFault where it could not be made."""
        await self.ended.wait()
        if self.fault is not None:
            raise self.fault

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["Reading"]:
        """Open it, once it has begun; what is open can be read to its end, whatever becomes of it."""
        descriptor = os.open(self.path, os.O_RDONLY)
        try:
            yield Reading(self, descriptor)
        finally:
            os.close(descriptor)

    async def pause(self) -> None:
        """Wait a moment for more of it, or for its end."""
        try:
            await asyncio.wait_for(self.ended.wait(), LOOK_S)
        except TimeoutError:
            return


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that is open for reading."""

    volume: Volume
    descriptor: int

    async def chunk(self, start: int, size: int) -> bytes:
        """Read up to `size` bytes from an offset, once some are there; nothing at the end.

        Raises JobFault where the rest could not be made.
        """
        while True:
            # Asked before: what was written by then is not missed.
            has_ended = self.volume.ended.is_set()
            if chunk := await asyncio.to_thread(os.pread, self.descriptor, size, start):
                return chunk
            if has_ended:
                await self.volume.end()
                return b""
            await self.volume.pause()
