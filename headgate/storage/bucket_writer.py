"""Writes one object into a bucket while its bytes arrive."""

import asyncio
import hashlib
import zlib
from contextlib import suppress

import structlog

from headgate.storage.bucket_uploads import BucketUploads, StoredPart
from headgate.storage.object_store import StoreUnavailable
from headgate.storage.tending import carried_out, to_its_end

logger = structlog.get_logger(__name__)


class BucketWriter:
    """Takes the bytes of one object in chunks of any size, and holds two parts of them at most.

    One part is sent while the next one is gathered; an object of one part is sent at once, at the end.
    """

    def __init__(self, uploads: BucketUploads, key: str, part_bytes: int) -> None:
        self._uploads = uploads
        self._key = key
        self._part_bytes = part_bytes
        self._digest = hashlib.sha256()
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._upload_id: str | None = None
        self._sending: asyncio.Task[StoredPart] | None = None
        self._parts: list[StoredPart] = []
        self.byte_size = 0

    @property
    def sha256(self) -> str:
        """The hash of all bytes, in hexadecimal; complete once the writer's context has ended."""
        return self._digest.hexdigest()

    async def write(self, chunk: bytes) -> None:
        """Append a chunk; raises StoreUnavailable."""
        self.byte_size += len(chunk)
        while self._waiting_bytes + len(chunk) >= self._part_bytes:
            fitting = self._part_bytes - self._waiting_bytes
            self._gather(chunk[:fitting])
            await self._send()
            chunk = chunk[fitting:]
        if chunk:
            self._gather(chunk)

    async def finish(self) -> None:
        """Let the object appear, all at once. It is known then whether it has, even where this is cancelled."""
        if self._upload_id is None:
            checksum = await to_its_end(self._take_in)
            await carried_out(self._uploads.put(self._key, b"".join(self._waiting), checksum))
            return
        if self._waiting:
            await self._send()
        await self._await_sent()
        await carried_out(self._uploads.complete(self._key, self._upload_id, self._parts))

    async def discard(self) -> None:
        """Leave nothing behind; what the store doesn't let us remove now is swept away later."""
        self._waiting = []
        if self._sending is not None:
            self._sending.cancel()
            with suppress(asyncio.CancelledError, StoreUnavailable, FileNotFoundError):
                await self._sending
        if self._upload_id is not None:
            with suppress(StoreUnavailable):
                await self._uploads.abort(self._key, self._upload_id)

    def _gather(self, chunk: bytes) -> None:
        self._waiting.append(chunk)
        self._waiting_bytes += len(chunk)

    async def _send(self) -> None:
        """Begin to send what waits; the part before it has to be there first, so that no more is held."""
        checksum = await to_its_end(self._take_in)
        if self._upload_id is None:
            await carried_out(self._begin())
        await self._await_sent()
        content = b"".join(self._waiting)
        self._waiting, self._waiting_bytes = [], 0
        assert self._upload_id is not None
        sending = self._uploads.send(self._key, self._upload_id, len(self._parts) + 1, content, checksum)
        self._sending = asyncio.create_task(sending)

    async def _begin(self) -> None:
        self._upload_id = await self._uploads.begin(self._key)

    async def _await_sent(self) -> None:
        if self._sending is not None:
            self._parts.append(await asyncio.shield(self._sending))
            self._sending = None

    def _take_in(self) -> int:
        """Hash what waits; answers its checksum."""
        checksum = 0
        for chunk in self._waiting:
            self._digest.update(chunk)
            checksum = zlib.crc32(chunk, checksum)
        return checksum
