"""An object is there whole, under a harmless key, or not at all: in a folder and in a bucket alike."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from moto.s3 import models

from headgate.storage import bucket_client, objects
from headgate.storage.object_store import ObjectStore
from headgate.storage.objects import FLUSH_BYTES, LocalStore
from tests.buckets import Store
from tests.stores import bucket_store, everything, put, put_and_fail

PART_BYTES = 1 << 20
Left = Callable[[], list[str]]
LONG_AGO, LATER = datetime(2000, 1, 1, tzinfo=UTC), datetime.now(UTC) + timedelta(hours=1)


@pytest.fixture(params=["folder", "bucket"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ObjectStore]:
    if request.param == "folder":
        yield LocalStore(tmp_path / "store")
        return
    request.getfixturevalue("monkeypatch").setattr(models, "S3_UPLOAD_PART_MIN_SIZE", 1)
    async with bucket_store(request.getfixturevalue("own_bucket"), tmp_path, part_bytes=PART_BYTES) as opened:
        yield opened


@pytest.fixture
def left(request: pytest.FixtureRequest, store: ObjectStore, tmp_path: Path) -> Left:
    """Tells all that is in a store, looked at past it: objects, and what is unfinished."""
    if isinstance(store, LocalStore):
        return lambda: [path.name for path in tmp_path.rglob("*") if path.is_file()]
    bucket: Store = request.getfixturevalue("own_bucket")
    return lambda: [*bucket.keys(), *bucket.unfinished()]


async def nothing_needed(keys: list[str]) -> set[str]:
    return set()


async def test_an_object_comes_back_as_it_went_in(store: ObjectStore) -> None:
    await put(store, "files/file_1", b"a,b\n", b"", b"1,2\n")
    assert await store.read("files/file_1", 0, 100) == b"a,b\n1,2\n"
    assert await store.read("files/file_1", 4, 3) == b"1,2"
    assert await store.read("files/file_1", 100, 3) == b""
    assert await everything(store, "files/file_1") == b"a,b\n1,2\n"
    assert [piece async for piece in store.pieces("files/file_1", 6)] == [b"2\n"]
    assert await store.size("files/file_1") == 8


@pytest.mark.parametrize(
    "sizes",
    [
        [],
        [1],
        [PART_BYTES - 1, 1],
        [FLUSH_BYTES - 1, 1, 1],
        [3 * FLUSH_BYTES + 1, 7, PART_BYTES],
        [2 * PART_BYTES + 3],
    ],
    ids=str,
)
async def test_hash_and_size_are_those_of_all_bytes(store: ObjectStore, left: Left, sizes: list[int]) -> None:
    chunks = [os.urandom(size) for size in sizes]
    content = b"".join(chunks)
    assert await put(store, "files/file_1", *chunks) == (hashlib.sha256(content).hexdigest(), len(content))
    assert await everything(store, "files/file_1") == content
    assert len(left()) == 1


async def test_nothing_is_there_before_the_end(store: ObjectStore) -> None:
    async with store.writer("files/file_1") as writer:
        await writer.write(bytes(2 * PART_BYTES))
        assert not await store.exists("files/file_1")
    assert await store.exists("files/file_1")


@pytest.mark.parametrize("size", [1, 2 * PART_BYTES])
async def test_an_error_leaves_nothing_behind(store: ObjectStore, left: Left, size: int) -> None:
    with pytest.raises(ZeroDivisionError):
        await put_and_fail(store, "files/file_1", bytes(size))
    assert left() == []


async def test_an_error_keeps_the_object_that_was_there(store: ObjectStore, left: Left) -> None:
    await put(store, "files/file_1", b"old")
    with pytest.raises(ZeroDivisionError):
        await put_and_fail(store, "files/file_1", bytes(PART_BYTES + 1))
    assert await store.read("files/file_1", 0, 10) == b"old"
    assert len(left()) == 1


async def test_an_object_is_replaced_as_a_whole(store: ObjectStore) -> None:
    await put(store, "files/file_1", b"a longer old text")
    await put(store, "files/file_1", b"new")
    assert await store.read("files/file_1", 0, 100) == b"new"


@pytest.mark.parametrize("steps", [0, 1, 2, 4, 6, 8, 12, 16, 24, 48, 96, 192])
async def test_cancellation_at_any_step_leaves_nothing_half_written(
    store: ObjectStore, left: Left, steps: int
) -> None:
    content = os.urandom(PART_BYTES + 1)
    task = asyncio.create_task(put(store, "files/file_1", content, content))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    if await store.exists("files/file_1"):
        assert await everything(store, "files/file_1") == content * 2
        assert len(left()) == 1
    else:
        assert left() == []


async def test_cancellation_while_waiting_for_more_leaves_nothing(store: ObjectStore, left: Left) -> None:
    begun = asyncio.Event()

    async def receive_for_ever() -> None:
        async with store.writer("files/file_1") as writer:
            await writer.write(bytes(2 * PART_BYTES))
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(receive_for_ever())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left() == []


async def test_a_missing_object_is_told(store: ObjectStore) -> None:
    assert not await store.exists("files/file_1")
    assert await store.size("files/file_1") is None
    with pytest.raises(FileNotFoundError):
        await store.read("files/file_1", 0, 1)
    with pytest.raises(FileNotFoundError):
        await everything(store, "files/file_1")


async def test_a_deleted_object_is_gone_and_may_be_deleted_again(store: ObjectStore) -> None:
    await put(store, "files/file_1", b"x")
    await store.delete("files/file_1")
    await store.delete("files/file_1")
    assert not await store.exists("files/file_1")


@pytest.mark.parametrize(
    "key",
    [
        "",
        ".",
        "..",
        "/etc/passwd",
        "../outside",
        "files/../../outside",
        "files/..",
        "files//x",
        "files/",
        "files/.hidden",
        ".unfinished/x",
        "files\\..\\x",
        "files/x\0.csv",
        "files/x\n",
        "files/ü",
        "C:/x",
        "~/x",
        "file:///x",
    ],
    ids=ascii,
)
async def test_a_hostile_key_is_refused(store: ObjectStore, left: Left, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        store.location(key)
    with pytest.raises(ValueError, match="not a key"):
        await put(store, key, b"x")
    with pytest.raises(ValueError, match="not a key"):
        await store.read(key, 0, 1)
    with pytest.raises(ValueError, match="not a key"):
        await store.exists(key)
    with pytest.raises(ValueError, match="not a key"):
        await store.delete(key)
    with pytest.raises(ValueError, match="not a key"):
        await store.remove(key)
    with pytest.raises(ValueError, match="not a key"):
        await anext(store.unchanged(key, LATER))
    assert left() == []


async def test_only_what_has_not_changed_is_listed(store: ObjectStore) -> None:
    for name in ("one", "two", "folder/inner", "folder/other"):
        await put(store, f"files/{name}", b"x")
    await put(store, "files2/three", b"x")
    listed = [name async for names in store.unchanged("files", LATER) for name in names]
    assert sorted(listed) == ["folder", "one", "two"]
    assert [name async for names in store.unchanged("files", LONG_AGO) for name in names] == []


async def test_a_long_list_comes_in_parts_while_it_is_removed(
    store: ObjectStore, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (objects, bucket_client):
        monkeypatch.setattr(module, "LISTED_AT_ONCE", 5)
    names = {f"file_{number:02}" for number in range(11)}
    for name in names:
        if isinstance(store, LocalStore):
            store.path(f"files/{name}").parent.mkdir(parents=True, exist_ok=True)
            store.path(f"files/{name}").touch()
        else:
            request.getfixturevalue("own_bucket").put(f"main/files/{name}", b"")
    listed: list[str] = []
    async for batch in store.unchanged("files", LATER):
        assert len(batch) <= 5
        listed += batch
        for name in batch[:3]:
            await store.remove(f"files/{name}")
    assert sorted(listed) == sorted(names)
    await store.remove("files")
    assert [names async for names in store.unchanged("files", LATER) if names] == []


async def test_a_folder_that_is_not_there_holds_nothing(store: ObjectStore) -> None:
    assert [names async for names in store.unchanged("files", LATER) if names] == []
    assert await store.discard_unfinished(LATER, nothing_needed) == 0


async def test_an_object_or_a_folder_is_removed_once(store: ObjectStore, left: Left) -> None:
    await put(store, "scratch/one/two/three", b"x")
    await put(store, "files/other", b"x")
    await put(store, "files/others", b"x")
    for key in ("scratch/one", "files/other", "files/never"):
        await store.remove(key)
        await store.remove(key)
    assert [name.rpartition("/")[2] for name in left()] == ["others"]


async def test_what_killed_writers_left_goes_but_for_what_is_needed(
    store: ObjectStore, request: pytest.FixtureRequest, left: Left
) -> None:
    if isinstance(store, LocalStore):
        for name in ("left", "needed"):
            await put(store, f"unfinished/{name}", b"x")
        store.path("unfinished").rename(store.path("files").parent / ".unfinished")
    else:
        uploads = store.uploads  # type: ignore[attr-defined]
        for name in ("left", "needed"):
            await uploads.begin(f"files/{name}")
        request.getfixturevalue("own_bucket").client.create_multipart_upload(
            Bucket=request.getfixturevalue("own_bucket").bucket, Key="another/files/left"
        )

    async def needed(keys: list[str]) -> set[str]:
        assert sorted(keys) == ["files/left", "files/needed"]
        return {"files/needed"}

    assert await store.discard_unfinished(LONG_AGO, needed) == 0
    gone = await store.discard_unfinished(LATER, needed)
    if isinstance(store, LocalStore):
        assert (gone, left()) == (2, [])
    else:
        assert (gone, sorted(left())) == (1, ["another/files/left", "main/files/needed"])
