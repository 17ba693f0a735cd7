"""Files that come in pieces into a bucket: in the parts of one multipart upload each, under their final keys."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from headgate.storage.bucket_store import BucketStore
from headgate.storage.bucket_uploads import MOST_PARTS, BucketUploads, StoredPart
from headgate.storage.pieces import PIECES, Assembly, PiecesLost, PresignedPart, SentPart
from headgate.storage.tending import carried_out

MIB = 1 << 20
MOST_PRESIGNED = 1_000
"""So many URLs are answered at most; a larger file has larger parts."""
LONGEST_VALID_S = 604_800
"""S3 takes no signature for longer: seven days."""
NAMED_AT_ONCE = 10
SIGNED_AT_ONCE = 20
"""Signing waits for nothing: others have their turn after so many."""


class BucketPieces:
    """Keeps the bytes of a file in parts of one size; what is less than a part is an object of its own until it is one.

    That of part number `n` is `uploads/<file id>/<n>`; it is not touched before all of the part counts.
    """

    takes_parts = True

    def __init__(self, store: BucketStore, *, part_bytes: int) -> None:
        self._store = store
        self._uploads = store.uploads
        self._part_bytes = part_bytes

    async def begin(self, file_id: str, *, most_bytes: int, direct: bool = False) -> Assembly:
        """Begin a multipart upload, with parts that are large enough for so many bytes."""
        least = -(-most_bytes // (MOST_PRESIGNED if direct else MOST_PARTS))
        part_bytes = self._part_bytes if least <= self._part_bytes else -(-least // MIB) * MIB
        key = Assembly(file_id).key
        return Assembly(file_id, await self._uploads.begin(key, checked=not direct), part_bytes)

    @asynccontextmanager
    async def writer(
        self, assembly: Assembly, at: int, *, byte_size: int | None
    ) -> AsyncIterator["BucketPieceWriter"]:
        """Open a writer, with what is there of the part in which it begins; raises PiecesLost."""
        upload_id, part_bytes = _parts_of(assembly)
        number, rest_bytes = at // part_bytes + 1, at % part_bytes
        rest = await self._rest(assembly, number, rest_bytes)
        target = PartTarget(self._store, self._uploads, assembly, upload_id, part_bytes)
        writer = BucketPieceWriter(target, at, rest, byte_size=byte_size)
        try:
            yield writer
        except BaseException:
            await carried_out(writer.give_up())
            raise
        # By now all counts: what began a part is in that part.
        if rest and writer.number > number:
            await self._store.delete(_rest_key(assembly, number))

    async def presign(self, assembly: Assembly, byte_size: int, valid_s: float) -> Sequence[PresignedPart]:
        """Make the URLs that take the parts of a file, valid for so many seconds, and seven days at most."""
        upload_id, part_bytes = _parts_of(assembly)
        expires_s = max(int(min(valid_s, LONGEST_VALID_S)), 1)
        parts = []
        for number in _sizes(byte_size, part_bytes):
            url = await self._uploads.presigned_part(assembly.key, upload_id, number, expires_s=expires_s)
            parts.append(PresignedPart(number, url))
            if number % SIGNED_AT_ONCE == 0:
                await asyncio.sleep(0)
        return parts

    async def missing(self, assembly: Assembly, byte_size: int, sent: Sequence[SentPart]) -> str | None:
        """Say which parts of a file are missing or not as told; None where none is. Raises PiecesLost."""
        _, part_bytes = _parts_of(assembly)
        stored, told = await self._stored(assembly), {part.number: part.etag for part in sent}
        sizes = _sizes(byte_size, part_bytes)
        if unknown := sorted(told.keys() - sizes.keys()):
            return f"There are no parts {_named(unknown)}: the file has {len(sizes)}."
        wanting = [
            number
            for number, size in sizes.items()
            if not _is_there(stored.get(number), size, told.get(number))
        ]
        if not wanting:
            return None
        return f"Missing, of another size, or with another etag than told: parts {_named(wanting)} of {len(sizes)}."

    async def finish(self, assembly: Assembly, byte_size: int) -> None:
        """Complete the multipart upload once all parts are there, unless that is done; raises PiecesLost."""
        if await self._uploads.size(assembly.key) != byte_size:
            await self._complete(assembly, byte_size)
        await self._store.remove(_folder(assembly))

    async def discard(self, assembly: Assembly) -> None:
        """Abort the multipart upload, and remove what was not in a part yet."""
        if assembly.multipart_id is not None:
            await self._uploads.abort(assembly.key, assembly.multipart_id)
        await self._store.remove(_folder(assembly))

    async def _complete(self, assembly: Assembly, byte_size: int) -> None:
        upload_id, part_bytes = _parts_of(assembly)
        if byte_size == 0:
            await self._uploads.put(assembly.key, b"")
            await self._uploads.abort(assembly.key, upload_id)
            return
        stored, sizes = await self._stored(assembly), _sizes(byte_size, part_bytes)
        parts = [stored[number] for number in sizes if number in stored]
        if [part.byte_size for part in parts] != list(sizes.values()):
            raise PiecesLost
        await self._uploads.complete(assembly.key, upload_id, parts)

    async def _stored(self, assembly: Assembly) -> Mapping[int, StoredPart]:
        """The parts that the bucket has, by their numbers; raises PiecesLost where there is no such upload."""
        upload_id, _ = _parts_of(assembly)
        try:
            return {part.number: part for part in await self._uploads.sent(assembly.key, upload_id)}
        except FileNotFoundError as error:
            raise PiecesLost from error

    async def _rest(self, assembly: Assembly, number: int, size: int) -> bytes:
        """Read the beginning of a part that is not whole yet; raises PiecesLost where it is not there."""
        if not size:
            return b""
        try:
            rest = await self._store.read(_rest_key(assembly, number), 0, size)
        except FileNotFoundError as error:
            raise PiecesLost from error
        if len(rest) < size:
            raise PiecesLost
        return rest


class PartTarget:
    """Where the parts of one file go."""

    def __init__(
        self, store: BucketStore, uploads: BucketUploads, assembly: Assembly, upload_id: str, part_bytes: int
    ) -> None:
        self._store = store
        self._uploads = uploads
        self._assembly = assembly
        self._upload_id = upload_id
        self.part_bytes = part_bytes

    async def send(self, number: int, chunks: list[bytes]) -> None:
        """Send a part, in the place of any of this number; it is durable then. Takes the chunks out of the list."""
        content, checksum = await asyncio.to_thread(_joined, chunks)
        chunks.clear()
        await self._uploads.send(self._assembly.key, self._upload_id, number, content, checksum)

    async def keep_rest(self, number: int, chunks: Sequence[bytes]) -> None:
        """Keep the beginning of a part as an object of its own."""
        content, checksum = await asyncio.to_thread(_joined, chunks)
        await self._uploads.put(_rest_key(self._assembly, number), content, checksum)


class BucketPieceWriter:
    """Gathers parts and sends them, one while the next one is gathered: so it holds two of them at most."""

    def __init__(self, target: PartTarget, at: int, rest: bytes, *, byte_size: int | None) -> None:
        self._target = target
        self._at = at
        self._byte_size = byte_size
        self._waiting = [rest] if rest else []
        self._waiting_bytes = len(rest)
        self._durable = at
        self._sending: asyncio.Task[None] | None = None
        self.number = at // target.part_bytes + 1

    async def write(self, chunks: Sequence[bytes]) -> None:
        """Append chunks; raises StoreUnavailable."""
        for chunk in chunks:
            self._at += len(chunk)
            while self._waiting_bytes + len(chunk) >= self._target.part_bytes:
                fitting = self._target.part_bytes - self._waiting_bytes
                self._gather(chunk[:fitting])
                await self._send()
                chunk = chunk[fitting:]
            if chunk:
                self._gather(chunk)

    async def durable(self) -> int:
        """Tell up to which place the parts that the store has received go."""
        return self._durable

    async def end(self) -> int:
        """Send what was gathered: as the last part where it ends the file, else as an object of its own."""
        if self._waiting and self._at == self._byte_size:
            await self._send()
        await self._sent()
        if self._waiting and self._durable < self._at:
            await self._target.keep_rest(self.number, self._waiting)
        self._durable = self._at
        return self._at

    async def give_up(self) -> None:
        """Send nothing more."""
        self._waiting = []
        if self._sending is not None:
            self._sending.cancel()
            await asyncio.wait([self._sending])

    def _gather(self, chunk: bytes) -> None:
        self._waiting.append(chunk)
        self._waiting_bytes += len(chunk)

    async def _send(self) -> None:
        """Begin to send what was gathered; the part before it has to be there first, so that no more is held."""
        await self._sent()
        chunks, self._waiting, self._waiting_bytes = self._waiting, [], 0
        self._sending = asyncio.create_task(self._send_part(chunks))

    async def _send_part(self, chunks: list[bytes]) -> None:
        end = min(self.number * self._target.part_bytes, self._at)
        number, self.number = self.number, self.number + 1
        await self._target.send(number, chunks)
        self._durable = end

    async def _sent(self) -> None:
        if self._sending is not None:
            await asyncio.shield(self._sending)


def _joined(chunks: Sequence[bytes]) -> tuple[bytes, int]:
    content = b"".join(chunks)
    return content, zlib.crc32(content)


def _parts_of(assembly: Assembly) -> tuple[str, int]:
    """The multipart upload of a file and the size of its parts; raises PiecesLost for one of another store."""
    if assembly.multipart_id is None or assembly.part_bytes is None:
        raise PiecesLost
    return assembly.multipart_id, assembly.part_bytes


def _sizes(byte_size: int, part_bytes: int) -> Mapping[int, int]:
    """The sizes of all parts of a file, by their numbers."""
    starts = range(0, byte_size, part_bytes)
    return {number: min(part_bytes, byte_size - start) for number, start in enumerate(starts, 1)}


def _is_there(part: StoredPart | None, size: int, etag: str | None) -> bool:
    if part is None or etag is None:
        return False
    return part.byte_size == size and part.etag.strip('"') == etag.strip().strip('"')


def _named(numbers: Sequence[int]) -> str:
    named = ", ".join(map(str, numbers[:NAMED_AT_ONCE]))
    return named if len(numbers) <= NAMED_AT_ONCE else f"{named}, …"


def _folder(assembly: Assembly) -> str:
    return f"{PIECES}/{assembly.file_id}"


def _rest_key(assembly: Assembly, number: int) -> str:
    return f"{_folder(assembly)}/{number}"
