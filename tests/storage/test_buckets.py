"""Objects of a bucket are listed, read and written whole, and only where that is allowed."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import JobFault
from headgate.pipelines.endpoints.bucket import open_bucket
from headgate.pipelines.endpoints.outside import Outside
from headgate.storage import buckets
from headgate.storage.buckets import Bucket
from headgate.storage.places import StoredObject
from tests.buckets import KEY, LOOPBACK, SECRET, Store, new_bucket, s3_server


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with s3_server() as url:
        yield url


@pytest.fixture
def store(server: str) -> Iterator[Store]:
    with new_bucket(server) as made:
        yield made


def opened(store: Store, **settings: Any) -> Bucket:
    return open_bucket(store.endpoint(**settings), store.outside())


def unheeded(count: int) -> None:
    """Nobody follows."""


def fetched(store: Store, found: StoredObject, target: Path, max_bytes: int = 1 << 20) -> bytes:
    with opened(store) as bucket:
        bucket.download(found, target, max_bytes=max_bytes, heed=unheeded)
    return target.read_bytes()


def only(store: Store) -> StoredObject:
    with opened(store) as bucket:
        (found,) = bucket.objects()
    return found


def test_objects_are_listed_in_the_order_of_keys_page_after_page(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets, "PAGE_OBJECTS", 3)
    for number in range(10):
        store.put(f"in/{number:05}", "x")
    store.put("other", "x")
    with opened(store) as bucket:
        found = list(bucket.objects("in/"))
    assert [each.key for each in found] == [f"in/{number:05}" for number in range(10)]


def test_keys_are_those_below_the_prefix_of_the_endpoint(store: Store, tmp_path: Path) -> None:
    store.put("team/a.csv", "x")
    store.put("else/b.csv", "x")
    (tmp_path / "c").write_bytes(b"y")
    with opened(store, prefix="team/") as bucket:
        assert [each.key for each in bucket.objects()] == ["a.csv"]
        bucket.upload(tmp_path / "c", "c.csv", heed=unheeded)
        bucket.delete("a.csv")
    assert store.keys() == ["else/b.csv", "team/c.csv"]


def test_an_object_is_read_whole(store: Store, tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    store.put("data.bin", content)
    heard: list[int] = []
    with opened(store) as bucket:
        bucket.download(only(store), tmp_path / "copy", max_bytes=len(content), heed=heard.append)
    assert (tmp_path / "copy").read_bytes() == content
    assert sum(heard) == len(content)


def test_an_object_that_is_too_large_is_not_read(store: Store, tmp_path: Path) -> None:
    store.put("data.bin", b"x" * 100)
    with pytest.raises(JobFault, match="OBJECT_TOO_LARGE"):
        fetched(store, only(store), tmp_path / "copy", max_bytes=99)
    assert not (tmp_path / "copy").exists()


def test_an_object_that_changed_since_it_was_listed_is_not_read(store: Store, tmp_path: Path) -> None:
    store.put("data.bin", b"old")
    found = only(store)
    store.put("data.bin", b"new")
    with pytest.raises(JobFault, match="OBJECT_CHANGED"):
        fetched(store, found, tmp_path / "copy")


@pytest.mark.parametrize("size", [0, 10, 5 << 20, 11 << 20], ids=str)
def test_an_object_is_written_whole(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(buckets, "PART_BYTES", 5 << 20)
    (tmp_path / "data").write_bytes(b"z" * size)
    heard: list[int] = []
    with opened(store) as bucket:
        stored = bucket.upload(tmp_path / "data", "out/data", heed=heard.append)
        assert bucket.head("out/data") == stored
    assert stored.byte_size == size == sum(heard)
    assert store.get("out/data") == b"z" * size
    assert not store.unfinished()


def test_an_upload_that_ends_early_leaves_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets, "PART_BYTES", 5 << 20)
    (tmp_path / "data").write_bytes(b"z" * (11 << 20))

    def stop(count: int) -> None:
        raise KeyboardInterrupt

    with opened(store) as bucket, pytest.raises(KeyboardInterrupt):
        bucket.upload(tmp_path / "data", "out/data", heed=stop)
    assert not store.keys()
    assert not store.unfinished()


def test_parts_of_an_attempt_that_was_killed_are_swept(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buckets, "PART_BYTES", 5 << 20)
    for key in ("out/data", "out/data-of-others"):
        store.client.create_multipart_upload(Bucket=store.bucket, Key=key)
    (tmp_path / "data").write_bytes(b"z" * (6 << 20))
    with opened(store) as bucket:
        bucket.upload(tmp_path / "data", "out/data", heed=unheeded)
    assert store.unfinished() == ["out/data-of-others"]


def test_what_is_not_there_has_no_head(store: Store) -> None:
    with opened(store) as bucket:
        assert bucket.head("nothing") is None
        bucket.delete("nothing")


def test_a_bucket_that_is_not_there_is_told(store: Store) -> None:
    with opened(store, bucket="no-such-bucket") as bucket, pytest.raises(JobFault) as caught:
        list(bucket.objects())
    assert caught.value.code == "BUCKET_NOT_FOUND"
    assert caught.value.category == "CONFIG"


def test_a_store_at_an_address_that_is_not_allowed_is_not_called(store: Store) -> None:
    with open_bucket(store.endpoint(), Outside()) as bucket, pytest.raises(JobFault) as caught:
        list(bucket.objects())
    assert caught.value.code == "URL_NOT_ALLOWED"
    assert not caught.value.retryable


def test_a_store_that_is_not_there_is_told_without_secrets(store: Store) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with opened(store, endpointUrl=url) as bucket, pytest.raises(JobFault) as caught:
            list(bucket.objects())
    assert caught.value.code == "BUCKET_UNREACHABLE"
    assert caught.value.retryable
    assert KEY not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_nothing_of_the_environment_counts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_PROFILE", "no such profile")
    store.put("a", "x")
    assert only(store).key == "a"
    with open_bucket(store.endpoint(), Outside(networks=LOOPBACK)) as bucket:
        assert len(list(bucket.objects())) == 1
