"""Objects in a bucket of S3, or of a store that speaks its language."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from headgate.storage.bucket_client import TRIES, BucketClient, told
from headgate.storage.bucket_uploads import BucketUploads
from headgate.storage.bucket_writer import BucketWriter
from headgate.storage.locations import BucketLocation
from headgate.storage.object_store import Needed, StoreUnavailable, checked_key
from headgate.storage.tending import carried_out

PIECE_BYTES = 1 << 20
PART_BYTES = 8 << 20


class BucketStore:
    """An ObjectStore whose objects are in a bucket, below the key of `location`; `scratch` is a local folder.

    `uploads` sends objects in parts that come over many requests, which the store's own writers don't.
    """

    def __init__(self, location: BucketLocation, scratch: Path, *, part_bytes: int = PART_BYTES) -> None:
        self._location = location
        self._part_bytes = part_bytes
        self._client = BucketClient(location)
        self.scratch = scratch
        self.uploads = BucketUploads(self._client)

    async def __aenter__(self) -> Self:
        """Make the client, whose connections are open as long as they are used."""
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self._client.__aexit__(kind, error, trace)

    def location(self, key: str) -> BucketLocation:
        """Say where an object or a folder is, for the engine's process; it need not exist."""
        where = self._location
        return BucketLocation(
            where.bucket, self._client.full_key(checked_key(key)), where.region, where.endpoint_url
        )

    @asynccontextmanager
    async def writer(self, key: str) -> AsyncIterator[BucketWriter]:
        """Open a writer whose bytes appear under `key` when the block ends well, in place of what was there."""
        writer = BucketWriter(self.uploads, checked_key(key), self._part_bytes)
        try:
            yield writer
            await writer.finish()
        except BaseException:
            await carried_out(writer.discard())
            raise

    async def read(self, key: str, start: int, size: int) -> bytes:
        """Read up to `size` bytes from offset `start`; raises FileNotFoundError for an unknown key."""
        found = await self._found(key)
        size = min(size, found.byte_size - start)
        if size <= 0:
            return b""
        content = bytearray()
        async with aclosing(self._read(found, start, start + size)) as pieces:
            async for piece in pieces:
                content += piece
        return bytes(content)

    async def pieces(self, key: str, start: int = 0) -> AsyncGenerator[bytes, None]:
        """Read an object from offset `start` to its end, 1 MiB at a time at most; raises FileNotFoundError."""
        found = await self._found(key)
        async with aclosing(self._read(found, start, found.byte_size)) as pieces:
            async for piece in pieces:
                yield piece

    async def size(self, key: str) -> int | None:
        """Tell how many bytes an object has; None where there is none."""
        return await self.uploads.size(checked_key(key))

    async def exists(self, key: str) -> bool:
        """Tell whether there is an object under this key."""
        return await self.size(key) is not None

    async def delete(self, key: str) -> None:
        """Remove an object; removing one that is not there is no error."""
        await self._client.call("delete_object", checked_key(key))

    async def remove(self, key: str) -> None:
        """Remove an object, or a folder with all in it; one that is not there is no error."""
        await self.delete(key)
        async for found in self._listed(key):
            if found:
                named = [{"Key": each["Key"]} for each in found]
                answer = await self._client.call_bucket(
                    "delete_objects", Delete={"Objects": named, "Quiet": True}
                )
                if answer.get("Errors"):
                    raise StoreUnavailable

    async def unchanged(self, folder: str, since: datetime) -> AsyncGenerator[list[str], None]:
        """List the names right below a folder of what has not changed since then, some hundreds at a time.

        A folder changes when anything in it does.
        """
        above = self._client.full_key(checked_key(folder)) + "/"
        name, changed_at = None, since
        async with aclosing(self._listed(folder)) as pages:
            async for page in pages:
                names = []
                for each in page:
                    here = each["Key"].removeprefix(above).partition("/")[0]
                    if here != name and name is not None and changed_at < since:
                        names.append(name)
                    changed_at = (
                        max(changed_at, each["LastModified"]) if here == name else each["LastModified"]
                    )
                    name = here
                yield names
        if name is not None and changed_at < since:
            yield [name]

    async def discard_unfinished(self, before: datetime, needed: Needed) -> int:
        """Abort the uploads in parts that began before this moment and are not needed; answers how many."""
        aborted = 0
        async with aclosing(self.uploads.unfinished()) as pages:
            async for page in pages:
                old = [each for each in page if each.begun_at < before]
                kept = await needed([each.key for each in old]) if old else set()
                for each in old:
                    if each.key not in kept:
                        await self.uploads.abort(each.key, each.upload_id)
                        aborted += 1
        return aborted

    async def _listed(self, folder: str) -> AsyncGenerator[list[dict[str, Any]], None]:
        """List all that is in a folder, in the order of keys, some hundreds at a time."""
        prefix = self._client.full_key(checked_key(folder)) + "/"
        async with aclosing(self._client.pages("list_objects_v2", Prefix=prefix)) as pages:
            async for page in pages:
                yield page.get("Contents", [])

    async def _found(self, key: str) -> "_Found":
        said = await self._client.call("head_object", checked_key(key))
        return _Found(key, int(said["ContentLength"]), said["ETag"])

    async def _read(self, found: "_Found", start: int, end: int) -> AsyncGenerator[bytes, None]:
        """Read so much of an object as it was when it was found; where a connection breaks, on from there."""
        left = TRIES
        while start < end:
            try:
                async with aclosing(self._read_once(found, start, end)) as pieces:
                    async for piece in pieces:
                        start += len(piece)
                        yield piece
            except StoreUnavailable:
                left -= 1
                if not left:
                    raise

    async def _read_once(self, found: "_Found", start: int, end: int) -> AsyncGenerator[bytes, None]:
        answer = await self._client.call(
            "get_object", found.key, Range=f"bytes={start}-{end - 1}", IfMatch=found.etag
        )
        with told("get_object"):
            body = answer["Body"]
            async with body:
                if answer["ContentLength"] != end - start:
                    raise StoreUnavailable
                while piece := await body.read(PIECE_BYTES):
                    yield piece


class _Found(NamedTuple):
    """An object as it was found; `etag` is another one when its content changes."""

    key: str
    byte_size: int
    etag: str
