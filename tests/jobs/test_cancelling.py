"""A run of a task can be cancelled at any moment: no process, no watcher and no place in the pool is lost by it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from headgate.domain.ports import StopOrder, TaskFault
from headgate.jobs.children import MIB, ChildPool

TOLD = (sys.executable, str(Path(__file__).with_name("told_child.py")))
DEAF = (sys.executable, "-c", "import time; time.sleep(3600)")
A_REPORT = {"progress": {"stage": "reading"}}
A_QUESTION = {"asks": "commit"}

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="tells processes by /proc")


def processes() -> set[int]:
    """The processes that this one has started and that still run."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if int(parent) == os.getpid() and state != "Z":
            found.add(int(stat.parent.name))
    return found


def wait_for(pids: set[int]) -> None:
    while processes() != pids:
        pass


@pytest.fixture
async def pool() -> AsyncIterator[ChildPool]:
    before = processes()
    pool = ChildPool(1, memory_bytes=100 * MIB, command=TOLD)
    yield pool
    await pool.close()
    assert processes() == before


async def cancel(running: asyncio.Task[Any]) -> None:
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


async def assert_nothing_runs(pool: ChildPool, before: set[int]) -> None:
    """No process and no task but those there were; and the pool still works."""
    assert processes() == before
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert await pool.run({})


class Moment:
    """A report, or a permit, that tells that it was called and never ends."""

    def __init__(self) -> None:
        self.began = asyncio.Event()

    async def __call__(self, *_: Any) -> Any:
        self.began.set()
        await asyncio.Event().wait()


@pytest.mark.parametrize("said", [A_REPORT, A_QUESTION])
async def test_while_somebody_hears_what_the_task_says(pool: ChildPool, said: dict[str, Any]) -> None:
    before, moment = processes(), Moment()
    run = pool.run({"say": [said]}, moment, permit=moment, stop=StopOrder(), timeout_s=60)
    running = asyncio.create_task(run)
    await moment.began.wait()
    await cancel(running)
    await assert_nothing_runs(pool, before)


async def test_while_it_is_awaited_after_a_stop(pool: ChildPool) -> None:
    before, stop, heard = processes(), StopOrder(), asyncio.Event()

    async def report(figures: dict[str, Any]) -> None:
        if stop.is_given:
            heard.set()
        stop.give()

    task = {"say": [A_REPORT, A_QUESTION, A_REPORT], "then": "hang"}
    running = asyncio.create_task(pool.run(task, report, stop=stop, timeout_s=60))
    await heard.wait()
    await cancel(running)
    await assert_nothing_runs(pool, before)


async def test_while_it_waits_for_a_process(pool: ChildPool) -> None:
    stop = StopOrder()
    first = asyncio.create_task(pool.run({"then": "listen"}, stop=stop))
    second = asyncio.create_task(pool.run({}))
    third = asyncio.create_task(pool.run({}))
    await asyncio.sleep(0)
    await cancel(second)
    stop.give()
    assert (await first)["pid"] == (await third)["pid"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("turns", range(12))
async def test_while_its_process_is_started(pool: ChildPool, turns: int) -> None:
    before = processes()
    running = asyncio.create_task(pool.run({"then": "hang"}))
    for _ in range(turns):
        await asyncio.sleep(0)
    await cancel(running)
    await assert_nothing_runs(pool, before)


@pytest.mark.parametrize("turns", range(6))
async def test_twice(pool: ChildPool, turns: int) -> None:
    """The second time while the process is killed for the first."""
    before, moment = processes(), Moment()
    running = asyncio.create_task(pool.run({"say": [A_REPORT]}, moment))
    await moment.began.wait()
    running.cancel()
    for _ in range(turns):
        await asyncio.sleep(0)
    await cancel(running)
    await asyncio.to_thread(wait_for, before)
    await assert_nothing_runs(pool, before)


async def test_while_a_large_task_is_sent() -> None:
    before = processes()
    pool = ChildPool(1, memory_bytes=100 * MIB, command=DEAF)
    running = asyncio.create_task(pool.run({"much": "x" * MIB}, stop=StopOrder()))
    assert await asyncio.wait([running], timeout=0.2) == (set(), {running})
    await cancel(running)
    assert processes() == before
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("turns", range(12))
async def test_while_the_processes_are_started_beforehand(turns: int) -> None:
    before = processes()
    pool = ChildPool(3, memory_bytes=100 * MIB, command=TOLD)
    starting = asyncio.create_task(pool.start())
    for _ in range(turns):
        await asyncio.sleep(0)
    starting.cancel()
    await asyncio.wait([starting])
    await pool.close()
    assert processes() == before


async def test_a_process_that_cannot_be_started_takes_no_place() -> None:
    pool = ChildPool(1, memory_bytes=100 * MIB, command=("/no/such/command",))
    for _ in range(3):
        with pytest.raises(FileNotFoundError):
            await pool.run({})


async def test_closing_ends_what_runs_and_lets_nothing_begin(pool: ChildPool) -> None:
    before = processes()
    task = {"say": [A_REPORT], "then": "hang"}
    began = asyncio.Event()

    async def report(figures: dict[str, Any]) -> None:
        began.set()

    runs = [asyncio.create_task(pool.run(task, report, stop=StopOrder(), timeout_s=60)) for _ in range(3)]
    await began.wait()
    await pool.close()
    outcomes = await asyncio.gather(*runs, return_exceptions=True)
    assert [isinstance(outcome, TaskFault) and outcome.code for outcome in outcomes] == ["CHILD_DIED"] * 3
    with pytest.raises(TaskFault, match="CHILD_DIED"):
        await pool.run({})
    assert processes() == before
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("turns", range(12))
async def test_closing_while_a_process_is_started_leaves_none(pool: ChildPool, turns: int) -> None:
    before = processes()
    running = asyncio.create_task(pool.run({"then": "hang"}))
    for _ in range(turns):
        await asyncio.sleep(0)
    await pool.close()
    with pytest.raises(TaskFault, match="CHILD_DIED"):
        await running
    assert processes() == before
