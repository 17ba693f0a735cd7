"""Objects that are sent to a bucket: whole or in parts, each held against a checksum."""

import base64
import zlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Any

import structlog

from headgate.storage.bucket_client import BucketClient
from headgate.storage.object_store import StoreUnavailable

CHECKSUM = "ChecksumCRC32"
MOST_PARTS = 10_000

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StoredPart:
    """A part that the bucket has: its number from 1 on, its size, and what is to be said of it at the end."""

    number: int
    byte_size: int
    etag: str
    crc32: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Say it as an upload's end takes it."""
        checksum = {} if self.crc32 is None else {CHECKSUM: self.crc32}
        return {"PartNumber": self.number, "ETag": self.etag, **checksum}


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An upload in parts that was begun and neither completed nor aborted."""

    key: str
    upload_id: str
    begun_at: datetime


class BucketUploads:
    """Sends objects to a bucket. Every method raises what `BucketClient` raises.

    Parts that come past this process, by a presigned URL, have no checksum of ours: such an upload is not `checked`.
    """

    def __init__(self, client: BucketClient) -> None:
        self._client = client

    async def put(self, key: str, content: bytes, crc32: int | None = None) -> None:
        """Write an object at once, in place of what was there; `crc32` is that of the content, where it is known."""
        checksum = said_crc32(zlib.crc32(content) if crc32 is None else crc32)
        answer = await self._client.call(
            "put_object", key, len(content), Body=BytesIO(content), **{CHECKSUM: checksum}
        )
        _check(answer, checksum, key)

    async def begin(self, key: str, *, checked: bool = True) -> str:
        """Begin an upload in parts; answers its id."""
        given: dict[str, Any] = {"ChecksumAlgorithm": "CRC32"} if checked else {}
        answer = await self._client.call("create_multipart_upload", key, **given)
        return str(answer["UploadId"])

    async def send(
        self, key: str, upload_id: str, number: int, content: bytes, crc32: int | None = None
    ) -> StoredPart:
        """Send a part, which is durable then; one that is sent again replaces the former."""
        checksum = said_crc32(zlib.crc32(content) if crc32 is None else crc32)
        answer = await self._client.call(
            "upload_part",
            key,
            len(content),
            UploadId=upload_id,
            PartNumber=number,
            Body=BytesIO(content),
            **{CHECKSUM: checksum},
        )
        _check(answer, checksum, key)
        return StoredPart(number, len(content), answer["ETag"], checksum)

    async def sent(self, key: str, upload_id: str) -> list[StoredPart]:
        """List the parts that the bucket has, in the order of their numbers."""
        named = {"Key": self._client.full_key(key), "UploadId": upload_id}
        pages = self._client.pages("list_parts", **named)
        return [_part(each) async for page in pages for each in page.get("Parts", ())]

    async def complete(self, key: str, upload_id: str, parts: Sequence[StoredPart]) -> None:
        """Let the object appear, made of these parts; raises StoreUnavailable where it is not as it should be."""
        said = {"Parts": [part.to_json() for part in parts]}
        byte_size = sum(part.byte_size for part in parts)
        try:
            # The store may take its time to put a large object together.
            await self._client.call(
                "complete_multipart_upload", key, byte_size, UploadId=upload_id, MultipartUpload=said
            )
        except FileNotFoundError:
            # An earlier try has completed it, and its answer was lost on the way, unless its size tells otherwise.
            logger.info("store.completed_before", key=key)
        if (found := await self.size(key)) != byte_size:
            logger.warning("store.object_differs", key=key, found=found, expected=byte_size)
            raise StoreUnavailable

    async def abort(self, key: str, upload_id: str) -> None:
        """Give up an upload and all its parts; one that has ended is no error."""
        try:
            await self._client.call("abort_multipart_upload", key, UploadId=upload_id)
        except FileNotFoundError:
            return

    async def presigned_part(self, key: str, upload_id: str, number: int, *, expires_s: int) -> str:
        """Make a URL to which anybody may PUT the content of a part until it expires."""
        given = {"UploadId": upload_id, "PartNumber": number}
        return await self._client.presigned("upload_part", key, expires_s, **given)

    async def size(self, key: str) -> int | None:
        """Tell how many bytes an object has; None where there is none."""
        try:
            return int((await self._client.call("head_object", key))["ContentLength"])
        except FileNotFoundError:
            return None

    async def unfinished(self) -> AsyncGenerator[list[Unfinished], None]:
        """List the uploads in parts that have not ended, some hundreds at a time."""
        async for page in self._client.pages("list_multipart_uploads", Prefix=self._client.full_key("")):
            yield [
                Unfinished(self._client.own_key(each["Key"]), each["UploadId"], each["Initiated"])
                for each in page.get("Uploads", ())
            ]


def said_crc32(checksum: int) -> str:
    """Say a checksum as S3 does."""
    return base64.b64encode(checksum.to_bytes(4, "big")).decode()


def _part(said: dict[str, Any]) -> StoredPart:
    return StoredPart(said["PartNumber"], said["Size"], said["ETag"], said.get(CHECKSUM))


def _check(answer: dict[str, Any], checksum: str, key: str) -> None:
    """Hold what the store has received against what was sent, where it tells."""
    if answer.get(CHECKSUM, checksum) != checksum:
        logger.warning("store.checksum_differs", key=key)
        raise StoreUnavailable
