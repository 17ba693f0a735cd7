"""Headgate's own store, in a folder and in a bucket."""

from pathlib import Path
from typing import Literal

from headgate.storage.bucket_store import PART_BYTES, BucketStore
from headgate.storage.locations import BucketLocation
from headgate.storage.object_store import ObjectStore
from tests.buckets import Store

Where = Literal["folder", "bucket"]


def bucket_store(
    bucket: Store, folder: Path, *, url: str | None = None, part_bytes: int = PART_BYTES
) -> BucketStore:
    """A store in a bucket, which is reached by another URL where one is given; scratch goes into a folder."""
    location = BucketLocation(bucket.bucket, "main", "us-east-1", url or bucket.url)
    return BucketStore(location, folder / "scratch", part_bytes=part_bytes)


async def put(store: ObjectStore, key: str, *chunks: bytes) -> tuple[str, int]:
    """Write an object; answers its hash and size."""
    async with store.writer(key) as writer:
        for chunk in chunks:
            await writer.write(chunk)
    return writer.sha256, writer.byte_size


async def put_and_fail(store: ObjectStore, key: str, chunk: bytes) -> None:
    """Write an object, and raise ZeroDivisionError before it is done."""
    async with store.writer(key) as writer:
        await writer.write(chunk)
        raise ZeroDivisionError


async def everything(store: ObjectStore, key: str) -> bytes:
    """Read an object piece by piece."""
    return b"".join([piece async for piece in store.pieces(key)])
