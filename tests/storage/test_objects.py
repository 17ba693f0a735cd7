"""An object is there whole, under a harmless key, or not at all."""

import asyncio
import hashlib
import os
import resource
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headgate.storage.objects import FLUSH_BYTES, LISTED_AT_ONCE, LocalStore


@contextmanager
def disk_that_takes(size: int) -> Iterator[None]:
    """Refuse, as a full disk does, to let any file of this process grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "store")


async def put_and_fail(store: LocalStore, key: str, chunk: bytes) -> None:
    async with store.writer(key) as writer:
        await writer.write(chunk)
        raise ZeroDivisionError


async def put(store: LocalStore, key: str, *chunks: bytes) -> tuple[str, int]:
    async with store.writer(key) as writer:
        for chunk in chunks:
            await writer.write(chunk)
    return writer.sha256, writer.byte_size


def all_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_an_object_comes_back_as_it_went_in(store: LocalStore) -> None:
    await put(store, "files/file_1", b"a,b\n", b"", b"1,2\n")
    assert await store.read("files/file_1", 0, 100) == b"a,b\n1,2\n"
    assert await store.read("files/file_1", 4, 3) == b"1,2"
    assert await store.read("files/file_1", 100, 3) == b""
    assert store.path("files/file_1").read_bytes() == b"a,b\n1,2\n"


@pytest.mark.parametrize(
    "sizes", [[], [1], [FLUSH_BYTES - 1, 1, 1], [FLUSH_BYTES] * 2, [3 * FLUSH_BYTES + 1, 7]]
)
async def test_hash_and_size_are_those_of_all_bytes(store: LocalStore, sizes: list[int]) -> None:
    chunks = [os.urandom(size) for size in sizes]
    content = b"".join(chunks)
    assert await put(store, "files/file_1", *chunks) == (hashlib.sha256(content).hexdigest(), len(content))
    assert store.path("files/file_1").read_bytes() == content


async def test_nothing_is_there_before_the_end(store: LocalStore) -> None:
    async with store.writer("files/file_1") as writer:
        await writer.write(bytes(2 * FLUSH_BYTES))
        assert not await store.exists("files/file_1")
    assert await store.exists("files/file_1")


async def test_an_error_leaves_nothing_behind(store: LocalStore, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        await put_and_fail(store, "files/file_1", bytes(2 * FLUSH_BYTES))
    assert all_files(tmp_path) == []


async def test_an_error_keeps_the_object_that_was_there(store: LocalStore, tmp_path: Path) -> None:
    await put(store, "files/file_1", b"old")
    with pytest.raises(ZeroDivisionError):
        await put_and_fail(store, "files/file_1", b"new")
    assert await store.read("files/file_1", 0, 10) == b"old"
    assert len(all_files(tmp_path)) == 1


async def test_a_full_disk_leaves_nothing_behind(store: LocalStore, tmp_path: Path) -> None:
    with disk_that_takes(FLUSH_BYTES), pytest.raises(OSError, match="large"):
        await put(store, "files/file_1", bytes(FLUSH_BYTES - 1), bytes(100), bytes(1000))
    assert all_files(tmp_path) == []


async def test_an_object_is_replaced_as_a_whole(store: LocalStore) -> None:
    await put(store, "files/file_1", b"a longer old text")
    await put(store, "files/file_1", b"new")
    assert await store.read("files/file_1", 0, 100) == b"new"


@pytest.mark.parametrize("steps", range(0, 24, 2))
async def test_cancellation_at_any_step_leaves_nothing_half_written(
    store: LocalStore, tmp_path: Path, steps: int
) -> None:
    content = os.urandom(2 * FLUSH_BYTES)
    task = asyncio.create_task(put(store, "files/file_1", content, content))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    if await store.exists("files/file_1"):
        assert store.path("files/file_1").read_bytes() == content * 2
        assert len(all_files(tmp_path)) == 1
    else:
        assert all_files(tmp_path) == []


async def test_cancellation_while_waiting_for_more_leaves_nothing(store: LocalStore, tmp_path: Path) -> None:
    begun = asyncio.Event()

    async def receive_for_ever() -> None:
        async with store.writer("files/file_1") as writer:
            await writer.write(bytes(2 * FLUSH_BYTES))
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(receive_for_ever())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert all_files(tmp_path) == []


async def test_memory_stays_bounded_however_much_is_written(store: LocalStore) -> None:
    chunk = os.urandom(64 * 1024)
    tracemalloc.start()
    try:
        async with store.writer("files/file_1") as writer:
            for _ in range(512):
                await writer.write(bytes(chunk))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert writer.byte_size == 32 * FLUSH_BYTES
    assert peak < 4 * FLUSH_BYTES


async def test_a_missing_object_is_told(store: LocalStore) -> None:
    assert not await store.exists("files/file_1")
    with pytest.raises(FileNotFoundError):
        await store.read("files/file_1", 0, 1)


async def test_a_deleted_object_is_gone_and_may_be_deleted_again(store: LocalStore) -> None:
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
)
async def test_a_hostile_key_is_refused(store: LocalStore, tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="not a key"):
        store.path(key)
    with pytest.raises(ValueError, match="not a key"):
        await put(store, key, b"x")
    with pytest.raises(ValueError, match="not a key"):
        await store.read(key, 0, 1)
    with pytest.raises(ValueError, match="not a key"):
        await store.exists(key)
    with pytest.raises(ValueError, match="not a key"):
        await store.delete(key)
    assert all_files(tmp_path) == []


AN_HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)


def grow_old(path: Path) -> None:
    two_hours_ago = (AN_HOUR_AGO - timedelta(hours=1)).timestamp()
    os.utime(path, (two_hours_ago, two_hours_ago))


async def test_only_what_has_not_changed_is_listed(store: LocalStore) -> None:
    for name in ("old", "new", "folder/inner"):
        await put(store, f"files/{name}", b"x")
    grow_old(store.path("files/old"))
    grow_old(store.path("files/folder"))
    listed = [name async for names in store.unchanged("files", AN_HOUR_AGO) for name in names]
    assert sorted(listed) == ["folder", "old"]


async def test_a_long_list_comes_in_parts_while_it_is_removed(store: LocalStore) -> None:
    names = {f"file_{number}" for number in range(2 * LISTED_AT_ONCE + 1)}
    store.path("files").mkdir(parents=True)
    for name in names:
        store.path(f"files/{name}").touch()
    listed: list[str] = []
    async for batch in store.unchanged("files", datetime.now(UTC) + timedelta(hours=1)):
        assert len(batch) <= LISTED_AT_ONCE
        listed += batch
        for name in batch:
            await store.remove(f"files/{name}")
    assert sorted(listed) == sorted(names)
    assert not list(store.path("files").iterdir())


async def test_a_folder_that_is_not_there_holds_nothing(store: LocalStore) -> None:
    assert [names async for names in store.unchanged("files", AN_HOUR_AGO)] == []
    assert await store.discard_unfinished(AN_HOUR_AGO) == 0


async def test_an_object_or_a_folder_is_removed_once(store: LocalStore) -> None:
    await put(store, "scratch/one/two/three", b"x")
    await put(store, "files/other", b"x")
    for key in ("scratch/one", "files/other", "files/never"):
        await store.remove(key)
        await store.remove(key)
    assert all_files(store.path("scratch")) + all_files(store.path("files")) == []


async def test_what_killed_writers_left_goes_and_what_is_being_written_stays(
    store: LocalStore, tmp_path: Path
) -> None:
    async with store.writer("files/file_1") as writer:
        await writer.write(b"x" * FLUSH_BYTES)
        left = tmp_path / "store" / ".unfinished" / "left"
        left.touch()
        grow_old(left)
        assert await store.discard_unfinished(AN_HOUR_AGO) == 1
        assert not left.exists()
    assert await store.exists("files/file_1")
