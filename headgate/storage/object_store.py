"""Objects at rest: bytes under keys that the server makes, such as `files/file_01jd…`.

Two stores keep them: a folder of this machine (headgate.storage.objects) and a bucket (headgate.storage.bucket_store).
One suite of tests runs over both.
"""

import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from headgate.errors import Unavailable
from headgate.storage.locations import Location

KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
LISTED_AT_ONCE = 500

Needed = Callable[[list[str]], Awaitable[set[str]]]
"""Answers which of these keys somebody is still writing, however long ago that began."""


class StoreUnavailable(Unavailable):
    """The store cannot be used now."""

    def __init__(
        self,
        code: str = "STORE_UNAVAILABLE",
        message: str = "The store of files cannot be used now. Try again later.",
    ) -> None:
        super().__init__(code, message)


class StoreFull(StoreUnavailable):
    """The disk of the store, or what a quota leaves of it, is full."""

    def __init__(self) -> None:
        super().__init__(
            "STORE_FULL",
            "The store of files has no room left. Try again once an administrator has made some.",
        )
        # An error is made anew of its `args` on its way out of a process.
        self.args = ()


OUTAGES = frozenset({StoreUnavailable().code, StoreFull().code})
"""The codes with which the engine's process tells of them."""


def checked_key(key: str) -> str:
    """Answer a key; raises ValueError for what is none, so that no mistake elsewhere can lead out of the store."""
    if not KEY.fullmatch(key):
        raise ValueError(f"not a key of an object: {key!r}")
    return key


class ObjectWriter(Protocol):
    """Takes the bytes of one object in chunks of any size."""

    byte_size: int

    @property
    def sha256(self) -> str:
        """The hash of all bytes, in hexadecimal; complete once the writer's context has ended."""
        ...

    async def write(self, chunk: bytes) -> None:
        """Append a chunk."""
        ...


class ObjectStore(Protocol):
    """Keeps objects; each is there whole or not at all. It is used within its own `async with`.

    Keys are relative POSIX paths of plain names. Every method raises ValueError for any other key, and
    StoreUnavailable where the store cannot be reached.
    """

    async def __aenter__(self) -> Self:
        """Open what the store needs as long as it is used."""
        ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close that again."""
        ...

    @property
    def scratch(self) -> Path:
        """A folder of this machine with the name `scratch`, for what tasks need only while they run."""
        ...

    def location(self, key: str) -> Location:
        """Say where an object or a folder is, for the engine's process; it need not exist."""
        ...

    def writer(self, key: str) -> AbstractAsyncContextManager[ObjectWriter]:
        """Open a writer whose bytes appear under `key` when the block ends well, in place of what was there.

        Anything raised in the block, cancellation included, leaves the store as it was.
        """
        ...

    async def read(self, key: str, start: int, size: int) -> bytes:
        """Read up to `size` bytes from offset `start`; raises FileNotFoundError for an unknown key."""
        ...

    def pieces(self, key: str, start: int = 0) -> AsyncGenerator[bytes, None]:
        """Read an object from offset `start` to its end, about 1 MiB at a time; raises FileNotFoundError."""
        ...

    async def size(self, key: str) -> int | None:
        """Tell how many bytes an object has; None where there is none."""
        ...

    async def exists(self, key: str) -> bool:
        """Tell whether there is an object under this key."""
        ...

    async def delete(self, key: str) -> None:
        """Remove an object; removing one that is not there is no error."""
        ...

    async def remove(self, key: str) -> None:
        """Remove an object, or a folder with all in it; one that is not there is no error."""
        ...

    def unchanged(self, folder: str, since: datetime) -> AsyncGenerator[list[str], None]:
        """List the names right below a folder of what has not changed since then, some hundreds at a time."""
        ...

    async def discard_unfinished(self, before: datetime, needed: Needed) -> int:
        """Remove what writers left that were killed before this moment; answers how many.

        What is written over many requests is not left: it is `needed`.
        """
        ...
