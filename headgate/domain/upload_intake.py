"""Writing what a request brings of an upload: hashed on the way, and durable before it counts."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from headgate.domain.services import Services
from headgate.domain.upload_digests import Digest, RunningDigest
from headgate.domain.upload_locks import Hold
from headgate.errors import UserFault
from headgate.storage.pieces import Assembly, PieceWriter
from headgate.storage.tending import carried_out

BATCH_BYTES = 1 << 20
"""So many bytes are handed to threads at once: a hop costs as much as hashing some 50 KiB."""
CHECKPOINT_BYTES = 16 << 20
"""So many bytes a request brings until they count: what a killed server lets be sent again."""


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the bytes of one request are said to have: `running` takes them in, and has to become `expected`."""

    running: Digest
    expected: bytes

    def check(self) -> None:
        """Raise UserFault (CHECKSUM_MISMATCH) where it is not what was said."""
        if not hmac.compare_digest(self.running.digest(), self.expected):
            message = "The bytes of this request do not have the checksum that it names: send them again."
            raise UserFault("CHECKSUM_MISMATCH", message, ("checksum",), retryable=True)


async def take_in(
    services: Services, hold: Hold, body: AsyncIterator[bytes], *, checksum: Checksum | None = None
) -> RunningDigest | None:
    """Write a body behind what is there; answers the digest of the whole, where that is known.

    What ends it early (a client that is lost, somebody else who goes on, a file that would be too large) is raised
    once all that has come counts. With a checksum nothing counts unless that is right: raises UserFault
    (CHECKSUM_MISMATCH). Raises PiecesLost also.
    """
    upload = hold.upload
    digest = services.digests.take(upload.file_id, upload.received)
    async with services.pieces.writer(
        Assembly.of(upload), upload.received, byte_size=upload.byte_size
    ) as writer:
        intake = _Intake(services, hold, writer, digest, checksum)
        try:
            async with hold.until_asked():
                await intake.read(body)
            await carried_out(intake.end())
        except BaseException:
            # Nothing may be left that still writes when the writer is closed.
            await carried_out(intake.abandon())
            raise
        return intake.digest


class _Intake:
    """One request on its way into the store: a batch is written and hashed while the next one arrives."""

    def __init__(
        self,
        services: Services,
        hold: Hold,
        writer: PieceWriter,
        digest: RunningDigest | None,
        checksum: Checksum | None,
    ) -> None:
        self._services = services
        self._hold = hold
        self._writer = writer
        self._checksum = checksum
        self._batch: list[bytes] = []
        self._batch_bytes = 0
        self._unnoted_bytes = 0
        self._at = hold.upload.received
        self._storing: asyncio.Task[None] | None = None
        self._noting: asyncio.Task[None] | None = None
        self.digest = digest

    async def read(self, body: AsyncIterator[bytes]) -> None:
        """Take all of a body in; raises UserFault (UPLOAD_TOO_LONG) where it is longer than the file."""
        async for chunk in body:
            self._check_length(len(chunk))
            self._batch.append(chunk)
            self._batch_bytes += len(chunk)
            self._at += len(chunk)
            if self._batch_bytes >= BATCH_BYTES:
                await self._hand_over()

    async def end(self) -> None:
        """Let all that has come count."""
        await self._hand_over()
        await self._all_done()
        if self._checksum is not None:
            self._checksum.check()
        await self._hold.note(await self._writer.end(), self._hold.upload.byte_size)
        self._services.digests.keep(self._hold.upload.file_id, self.digest)

    async def abandon(self) -> None:
        """Let what has come count where a request ends early, unless only all of it could."""
        if self._checksum is None:
            # What made it end early is what is told, and what is not noted is sent again.
            with suppress(Exception):
                await self.end()
        await self._all_done(quietly=True)

    def _check_length(self, more: int) -> None:
        most = self._hold.upload.byte_size
        most = self._services.max_upload_bytes if most is None else most
        if self._at + more > most:
            message = f"The file has at most {most} bytes, and this request brings more."
            raise UserFault("UPLOAD_TOO_LONG", message)

    async def _hand_over(self) -> None:
        """Have what was gathered stored, once what was handed over before is."""
        await _ended(self._storing)
        batch, self._batch, self._batch_bytes = self._batch, [], 0
        if batch:
            self._storing = asyncio.create_task(self._store(batch))

    async def _store(self, batch: Sequence[bytes]) -> None:
        await asyncio.gather(asyncio.to_thread(self._hash, batch), self._writer.write(batch))
        self._unnoted_bytes += sum(map(len, batch))
        if self._checksum is None and self._unnoted_bytes >= CHECKPOINT_BYTES:
            await _ended(self._noting)
            self._unnoted_bytes = 0
            self._noting = asyncio.create_task(self._note())

    def _hash(self, batch: Sequence[bytes]) -> None:
        if self.digest is not None:
            self.digest.take(batch)
        if self._checksum is not None:
            for chunk in batch:
                self._checksum.running.update(chunk)

    async def _note(self) -> None:
        await self._hold.note(await self._writer.durable(), self._hold.upload.byte_size)

    async def _all_done(self, *, quietly: bool = False) -> None:
        for work in (self._storing, self._noting):
            with suppress(*([Exception] if quietly else [])):
                await _ended(work)


async def _ended(work: asyncio.Task[None] | None) -> None:
    """Wait for work that a cancellation of the waiting must not stop; raises what it raised."""
    if work is not None:
        await asyncio.shield(work)
