"""Files for downloads are made once for all, end where nobody waits, and never take more room than they may."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from headgate.domain import shelf as shelves
from headgate.domain.shelf import AT_ONCE, MAX_UNFINISHED, Shelf
from headgate.domain.volumes import Volume
from headgate.errors import JobFault, UserFault

FAULT = JobFault("X", "x", "DATA")


class Scribe:
    """An engine that writes what a test gives it, as far as the test lets it."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self._texts: dict[str, asyncio.Queue[bytes | JobFault | None]] = {}

    async def run(self, task: Mapping[str, Any], report: Any = None, **_: Any) -> dict[str, Any]:
        name, target = task["name"], Path(task["target"])
        self.begun.append(name)
        try:
            await asyncio.to_thread(target.touch)
            async for text in self._given(name):
                await asyncio.to_thread(_append, target, text)
        finally:
            self.ended.append(name)
        return {}

    async def _given(self, name: str) -> AsyncIterator[bytes]:
        texts = self._texts.setdefault(name, asyncio.Queue())
        while (text := await texts.get()) is not None:
            if isinstance(text, JobFault):
                raise text
            yield text

    async def write(self, name: str, *texts: bytes | JobFault | None) -> None:
        """Let a task write these; None ends it, a fault ends it badly."""
        for text in texts:
            await self._texts.setdefault(name, asyncio.Queue()).put(text)


def _append(target: Path, text: bytes) -> None:
    with target.open("ab") as file:
        file.write(text)


Make = Callable[..., Shelf]


@pytest.fixture
def scribe() -> Scribe:
    return Scribe()


@pytest.fixture
def make(scribe: Scribe, tmp_path: Path) -> Make:
    return lambda max_bytes=1000: Shelf(tmp_path, scribe, max_bytes=max_bytes, timeout_s=60)


@pytest.fixture
async def shelf(make: Make) -> AsyncIterator[Shelf]:
    shelf = make()
    async with shelf.open():
        yield shelf


async def all_of(volume: Volume) -> bytes:
    found = b""
    async with volume.reading() as reading:
        while chunk := await reading.chunk(len(found), 7):
            found += chunk
    return found


async def made(shelf: Shelf, scribe: Scribe, name: str, text: bytes) -> bytes:
    """Have a file made from its beginning to its end."""
    await scribe.write(name, text, None)
    async with shelf.taken({"name": name}) as volume:
        return await all_of(volume)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def folders(tmp_path: Path) -> list[Path]:
    return [each for each in (tmp_path / "0").iterdir() if each.is_dir()]


async def test_a_file_is_read_while_it_grows(shelf: Shelf, scribe: Scribe) -> None:
    await scribe.write("a", b"first")
    async with shelf.taken({"name": "a"}) as volume, volume.reading() as reading:
        assert await reading.chunk(0, 100) == b"first"
        rest = asyncio.create_task(reading.chunk(5, 100))
        await scribe.write("a", b"second")
        assert await rest == b"second"
        end = asyncio.create_task(reading.chunk(11, 100))
        await scribe.write("a", None)
        assert await end == b""
        assert (volume.is_complete, volume.byte_size) == (True, 11)


async def test_an_empty_file_is_one_too(shelf: Shelf, scribe: Scribe) -> None:
    assert await made(shelf, scribe, "a", b"") == b""


async def test_it_is_made_once_for_all_who_ask(shelf: Shelf, scribe: Scribe) -> None:
    async def read() -> bytes:
        async with shelf.taken({"name": "a"}) as volume:
            return await all_of(volume)

    readers = [asyncio.create_task(read()) for _ in range(5)]
    await scribe.write("a", b"some", b" more", None)
    assert await asyncio.gather(*readers) == [b"some more"] * 5
    assert await read() == b"some more"
    assert scribe.begun == ["a"]


async def test_one_that_fails_never_looks_whole_and_is_made_anew(
    shelf: Shelf, scribe: Scribe, tmp_path: Path
) -> None:
    await scribe.write("a", b"some", FAULT)
    with pytest.raises(JobFault, match="X"):
        async with shelf.taken({"name": "a"}) as volume:
            await all_of(volume)
    assert folders(tmp_path) == []
    assert await made(shelf, scribe, "a", b"whole") == b"whole"


async def test_one_that_fails_before_its_first_byte_is_refused(shelf: Shelf, scribe: Scribe) -> None:
    await scribe.write("a", FAULT)
    with pytest.raises(JobFault, match="X"):
        async with shelf.taken({"name": "a"}):
            raise AssertionError


async def test_a_bug_is_told_as_one_and_hangs_nobody(
    shelf: Shelf, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(scribe, "run", run)
    with pytest.raises(JobFault, match="INTERNAL"):
        async with shelf.taken({"name": "a"}):
            raise AssertionError


async def test_one_whose_last_reader_has_left_ends_soon(
    shelf: Shelf, scribe: Scribe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelves, "LINGER_S", 0.05)
    await scribe.write("a", b"some")
    async with shelf.taken({"name": "a"}):
        async with shelf.taken({"name": "a"}):
            pass
        await asyncio.sleep(0.15)
        assert scribe.ended == []
    await until(lambda: scribe.ended == ["a"] and not folders(tmp_path))


async def test_one_that_is_come_back_to_in_time_goes_on(
    shelf: Shelf, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelves, "LINGER_S", 0.2)
    await scribe.write("a", b"some")
    async with shelf.taken({"name": "a"}) as first:
        pass
    async with shelf.taken({"name": "a"}) as second:
        await asyncio.sleep(0.3)
        await scribe.write("a", None)
        assert await all_of(second) == b"some"
    assert (second, scribe.begun) == (first, ["a"])


async def test_no_more_wait_than_may(shelf: Shelf, scribe: Scribe) -> None:
    async with AsyncExitStack() as stack:
        for number in range(MAX_UNFINISHED):
            await scribe.write(f"{number}", b"x")
            await stack.enter_async_context(shelf.taken({"name": f"{number}"}))
        with pytest.raises(UserFault, match="DOWNLOADS_BUSY") as refused:
            await stack.enter_async_context(shelf.taken({"name": "one more"}))
        assert refused.value.retryable
        # Those that are made already may be read by any number.
        await stack.enter_async_context(shelf.taken({"name": "0"}))
    assert AT_ONCE < MAX_UNFINISHED


async def test_the_oldest_that_nobody_reads_make_room(make: Make, scribe: Scribe) -> None:
    shelf = make(max_bytes=25)
    async with shelf.open():
        for name in "abc":
            await made(shelf, scribe, name, b"x" * 8)
        async with shelf.taken({"name": "a"}) as held:
            await made(shelf, scribe, "d", b"x" * 8)
            assert await all_of(held) == b"x" * 8
        found = {name for name in "abcd" if shelf.find({"name": name}) is not None}
        assert found == {"a", "c", "d"}


async def test_one_for_which_there_is_no_room_is_refused_and_leaves_nothing(
    make: Make, scribe: Scribe, tmp_path: Path
) -> None:
    shelf = make(max_bytes=10)
    async with shelf.open():
        await scribe.write("a", b"x" * 8)
        async with shelf.taken({"name": "a"}) as held:
            await scribe.write("b", b"x" * 8)
            with pytest.raises(JobFault, match="NO_ROOM") as refused:
                async with shelf.taken({"name": "b"}) as volume:
                    await all_of(volume)
            assert refused.value.retryable
            await scribe.write("a", None)
            assert await all_of(held) == b"x" * 8
        assert len(folders(tmp_path)) == 1


async def test_what_is_whole_is_there_for_the_next_process_and_nothing_else(
    make: Make, scribe: Scribe, tmp_path: Path
) -> None:
    first = make()
    async with first.open():
        await made(first, scribe, "a", b"whole")
        [kept] = folders(tmp_path)
        (tmp_path / "0" / "torn.1").mkdir()
        (tmp_path / "0" / "torn.1" / "rows").write_bytes(b"half")
    second = make()
    async with second.open():
        assert folders(tmp_path) == [kept]
        async with second.taken({"name": "a"}) as volume:
            assert (await all_of(volume), volume.folder) == (b"whole", kept)
    assert scribe.begun == ["a"]


async def test_two_processes_share_no_folder(make: Make, tmp_path: Path) -> None:
    async with make().open(), make().open():
        assert names(tmp_path) == {"0", "1"}


async def test_what_nobody_has_used_for_long_goes(
    shelf: Shelf, scribe: Scribe, monkeypatch: pytest.MonkeyPatch
) -> None:
    await made(shelf, scribe, "a", b"x")
    monkeypatch.setattr(shelves, "KEEP_S", 0.0)
    await made(shelf, scribe, "b", b"x")
    assert shelf.find({"name": "a"}) is None


async def test_a_shelf_that_closes_lets_nobody_wait(make: Make, scribe: Scribe, tmp_path: Path) -> None:
    shelf = make()

    async def read() -> bytes:
        async with shelf.taken({"name": "a"}) as volume:
            return await all_of(volume)

    async with shelf.open():
        await scribe.write("a", b"some")
        reading = asyncio.create_task(read())
        await until(lambda: scribe.begun == ["a"])
    with pytest.raises(JobFault, match="INTERRUPTED"):
        await reading
    assert folders(tmp_path) == []
