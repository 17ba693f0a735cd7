"""Objects in a folder: what only a disk does to them. What any store does is in test_object_stores.py."""

import os
import resource
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headgate.storage.object_store import StoreFull
from headgate.storage.objects import FLUSH_BYTES, LocalStore
from tests.stores import put

AN_HOUR_AGO = datetime.now(UTC) - timedelta(hours=1)


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


def all_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def grow_old(path: Path) -> None:
    two_hours_ago = (AN_HOUR_AGO - timedelta(hours=1)).timestamp()
    os.utime(path, (two_hours_ago, two_hours_ago))


async def nothing_needed(keys: list[str]) -> set[str]:
    return set()


async def test_a_full_disk_leaves_nothing_behind(store: LocalStore, tmp_path: Path) -> None:
    with disk_that_takes(FLUSH_BYTES), pytest.raises(StoreFull):
        await put(store, "files/file_1", bytes(FLUSH_BYTES - 1), bytes(100), bytes(1000))
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


async def test_a_folder_changes_when_something_is_put_into_it(store: LocalStore) -> None:
    for name in ("old", "new", "folder/inner"):
        await put(store, f"files/{name}", b"x")
    grow_old(store.path("files/old"))
    grow_old(store.path("files/folder"))
    listed = [name async for names in store.unchanged("files", AN_HOUR_AGO) for name in names]
    assert sorted(listed) == ["folder", "old"]


async def test_what_killed_writers_left_goes_and_what_is_being_written_stays(
    store: LocalStore, tmp_path: Path
) -> None:
    async with store.writer("files/file_1") as writer:
        await writer.write(b"x" * FLUSH_BYTES)
        left = tmp_path / "store" / ".unfinished" / "left"
        left.touch()
        grow_old(left)
        assert await store.discard_unfinished(AN_HOUR_AGO, nothing_needed) == 1
        assert not left.exists()
    assert await store.exists("files/file_1")
