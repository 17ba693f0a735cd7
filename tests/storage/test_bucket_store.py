"""Objects in a bucket: what only a network does to them. What any store does is in test_object_stores.py."""

import asyncio
import base64
import os
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from botocore.retries.standard import ExponentialBackoff
from moto.s3 import models
from structlog.testing import capture_logs

from headgate.storage import bucket_client, bucket_uploads
from headgate.storage.bucket_store import BucketStore
from headgate.storage.bucket_uploads import StoredPart
from headgate.storage.bucket_writer import BucketWriter
from headgate.storage.object_store import StoreUnavailable
from tests.buckets import KEY, SECRET, Store
from tests.faulty_store import FaultyWay, Kind, Trouble, faulty_way
from tests.stores import bucket_store, everything, put

PART_BYTES = 256 << 10
PARTS = os.urandom(PART_BYTES + 1) * 2
AN_HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let calls be made again at once, and the server take small parts."""
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0.0)
    monkeypatch.setattr(models, "S3_UPLOAD_PART_MIN_SIZE", 1)


@pytest.fixture
def way(own_bucket: Store) -> Iterator[FaultyWay]:
    with faulty_way(own_bucket.url) as opened:
        yield opened


@pytest.fixture
async def store(own_bucket: Store, way: FaultyWay, tmp_path: Path) -> AsyncIterator[BucketStore]:
    async with bucket_store(own_bucket, tmp_path, url=way.url, part_bytes=PART_BYTES) as opened:
        yield opened


def grow_old(bucket: Store, key: str) -> None:
    (backend,) = (
        each for each in models.s3_backends["123456789012"].values() if bucket.bucket in each.buckets
    )
    backend.buckets[bucket.bucket].keys[key].last_modified = AN_HOUR_AGO - timedelta(hours=1)


@pytest.mark.parametrize(
    ("method", "part"),
    [("PUT", "partNumber=2"), ("POST", "uploads"), ("POST", "uploadId"), ("PUT", "file_1")],
)
@pytest.mark.parametrize("kind", ["refuse", "break off", "lose answer"])
async def test_a_call_that_fails_once_is_made_again(
    store: BucketStore, own_bucket: Store, way: FaultyWay, method: str, part: str, kind: Kind
) -> None:
    way.troubles.append(Trouble(method, part, kind))
    await put(store, "files/file_1", PARTS)
    assert way.troubles[0].times == 0
    assert own_bucket.contents() == {"main/files/file_1": PARTS}


@pytest.mark.parametrize(
    ("method", "part"), [("PUT", "partNumber=2"), ("POST", "uploads"), ("POST", "uploadId")]
)
async def test_a_store_that_keeps_failing_is_told_and_nothing_is_left(
    store: BucketStore, own_bucket: Store, way: FaultyWay, method: str, part: str
) -> None:
    way.troubles.append(Trouble(method, part, "refuse", times=100))
    with pytest.raises(StoreUnavailable), capture_logs() as logs:
        await put(store, "files/file_1", PARTS)
    assert own_bucket.keys() == own_bucket.unfinished() == []
    assert 100 - way.troubles[0].times == bucket_client.TRIES
    assert SECRET not in str(logs)


async def test_a_cancellation_in_the_middle_of_a_part_leaves_no_parts(
    store: BucketStore, own_bucket: Store, way: FaultyWay
) -> None:
    way.troubles.append(Trouble("PUT", "partNumber=1", "hang", times=100))
    task = asyncio.create_task(put(store, "files/file_1", PARTS))
    await asyncio.to_thread(way.has_hung.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert own_bucket.keys() == own_bucket.unfinished() == []


async def test_a_store_that_hangs_is_given_up(
    store: BucketStore, way: FaultyWay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_client, "CALL_TIMEOUT_S", 0.2)
    way.troubles.append(Trouble("HEAD", "file_1", "hang", times=100))
    with pytest.raises(StoreUnavailable):
        await store.exists("files/file_1")


async def test_a_store_that_is_gone_is_told_without_its_keys(own_bucket: Store, tmp_path: Path) -> None:
    async with bucket_store(own_bucket, tmp_path, url="http://127.0.0.1:9") as store:
        for call in (store.exists("files/file_1"), store.remove("files"), put(store, "files/file_1", PARTS)):
            with capture_logs() as logs, pytest.raises(StoreUnavailable) as raised:
                await call
            assert raised.value.retryable
            assert SECRET not in str(logs)
            assert "127.0.0.1" not in str(raised.value)


async def test_a_bucket_that_is_not_there_is_no_missing_object(own_bucket: Store, tmp_path: Path) -> None:
    own_bucket.client.delete_bucket(Bucket=own_bucket.bucket)
    async with bucket_store(own_bucket, tmp_path) as store:
        with pytest.raises(StoreUnavailable):
            await put(store, "files/file_1", b"x")
        with pytest.raises(StoreUnavailable):
            await store.remove("files")


@pytest.mark.parametrize("kind", ["refuse", "break off", "cut short"])
async def test_reading_goes_on_where_a_connection_broke(
    store: BucketStore, own_bucket: Store, way: FaultyWay, kind: Kind
) -> None:
    own_bucket.put("main/files/file_1", PARTS)
    way.troubles.append(Trouble("GET", "file_1", kind))
    assert await everything(store, "files/file_1") == PARTS
    assert way.troubles[0].times == 0


async def test_reading_what_keeps_breaking_is_given_up(
    store: BucketStore, own_bucket: Store, way: FaultyWay
) -> None:
    own_bucket.put("main/files/file_1", PARTS)
    way.troubles.append(Trouble("GET", "file_1", "cut short", times=100))
    with pytest.raises(StoreUnavailable):
        await everything(store, "files/file_1")


async def test_every_content_is_sent_with_its_checksum(
    store: BucketStore, own_bucket: Store, way: FaultyWay
) -> None:
    await put(store, "files/small", b"x,y\n")
    await put(store, "files/large", PARTS)
    said = [headers.get("x-amz-checksum-crc32") for method, _, headers in way.calls if method == "PUT"]
    pieces = [b"x,y\n", *(PARTS[at : at + PART_BYTES] for at in range(0, len(PARTS), PART_BYTES))]
    assert said == [base64.b64encode(zlib.crc32(piece).to_bytes(4, "big")).decode() for piece in pieces]
    assert all("unsigned-payload" in headers["x-amz-content-sha256"].lower() for *_, headers in way.calls[:1])


async def test_a_store_that_has_received_something_else_is_not_believed(
    store: BucketStore, own_bucket: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bucket_uploads, "said_crc32", lambda checksum: "AAAAAA==")
    uploads = store.uploads
    upload_id = await uploads.begin("files/file_1")
    part = await uploads.send("files/file_1", upload_id, 1, b"x")
    with pytest.raises(StoreUnavailable):
        await uploads.complete("files/file_1", upload_id, [StoredPart(1, 2, part.etag)])


async def test_no_more_than_two_parts_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Uploads:
        sent = 0

        async def begin(self, key: str) -> str:
            return "1"

        async def send(self, key: str, upload_id: str, number: int, content: bytes, crc32: int) -> StoredPart:
            await asyncio.sleep(0.002)
            self.sent += len(content)
            return StoredPart(number, len(content), str(number))

        async def complete(self, key: str, upload_id: str, parts: list[StoredPart]) -> None:
            assert sum(part.byte_size for part in parts) == self.sent

    writer = BucketWriter(Uploads(), "files/file_1", PART_BYTES)  # type: ignore[arg-type]
    tracemalloc.start()
    try:
        for _ in range(64):
            await writer.write(bytes(64 << 10))
        await writer.finish()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert writer.byte_size == 4 << 20
    assert PART_BYTES < peak < 2.2 * PART_BYTES + (64 << 10)


async def test_a_folder_of_a_bucket_changes_with_anything_in_it(
    store: BucketStore, own_bucket: Store
) -> None:
    for name in ("a/1", "a/2", "b/1", "b/2", "c", "d"):
        own_bucket.put(f"main/files/{name}", b"x")
    for name in ("a/1", "b/1", "b/2", "d"):
        grow_old(own_bucket, f"main/files/{name}")
    assert [name async for names in store.unchanged("files", AN_HOUR_AGO) for name in names] == ["b", "d"]


async def test_parts_that_come_over_many_requests_make_an_object(
    store: BucketStore, own_bucket: Store
) -> None:
    uploads = store.uploads
    upload_id = await uploads.begin("files/file_1", checked=False)
    first = await uploads.send("files/file_1", upload_id, 1, PARTS[:PART_BYTES])
    url = await uploads.presigned_part("files/file_1", upload_id, 2, expires_s=60)
    assert SECRET not in url
    async with httpx.AsyncClient(trust_env=False) as outside:
        assert (await outside.put(url, content=PARTS[PART_BYTES:])).is_success
    found = await uploads.sent("files/file_1", upload_id)
    assert [(part.number, part.byte_size) for part in found] == [(1, PART_BYTES), (2, PART_BYTES + 2)]
    assert found[0].etag == first.etag
    assert [each.upload_id async for page in uploads.unfinished() for each in page] == [upload_id]
    await uploads.complete("files/file_1", upload_id, found)
    assert own_bucket.contents() == {"main/files/file_1": PARTS}
    await uploads.abort("files/file_1", upload_id)
    with pytest.raises(FileNotFoundError):
        await uploads.sent("files/file_1", "unknown")


async def test_an_answer_to_the_wrong_keys_names_no_key(store: BucketStore, way: FaultyWay) -> None:
    way.troubles.append(Trouble("PUT", "file_1", "refuse", times=100))
    with capture_logs() as logs, pytest.raises(StoreUnavailable):
        await put(store, "files/file_1", b"x")
    assert logs[0]["event"] == "store.failed"
    assert SECRET not in str(logs)
    assert KEY not in str(logs)
