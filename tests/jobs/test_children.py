"""A task has a process for itself, and what happens to that harms no other."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from headgate.domain.ports import ProcessDied, Report, StopOrder, TaskFault, TaskStopped
from headgate.jobs.child import UNLIMITED_S
from headgate.jobs.children import MIB, ChildPool

TOLD = (sys.executable, str(Path(__file__).with_name("told_child.py")))
A_REPORT = {"progress": {"stage": "reading"}}
A_QUESTION = {"asks": "commit"}
STOPPED = {"stopped": True}

MakePool = Callable[..., ChildPool]


@pytest.fixture
async def make_pool() -> AsyncIterator[MakePool]:
    """Make pools of told children, which are closed in the end."""
    pools: list[ChildPool] = []

    def make(size: int = 1, memory_bytes: int = 100 * MIB) -> ChildPool:
        pools.append(ChildPool(size, memory_bytes=memory_bytes, command=TOLD))
        return pools[-1]

    yield make
    for pool in pools:
        await pool.close()


def is_running(pid: int) -> bool:
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


async def start_hanging(pool: ChildPool) -> tuple[asyncio.Task[Any], int]:
    """Start a task that never ends; answers it and its process, which has begun with it."""
    began = asyncio.Event()

    async def report(figures: dict[str, Any]) -> None:
        began.set()

    pid: int = (await pool.run({}))["pid"]
    running = asyncio.create_task(pool.run({"say": [A_REPORT], "then": "hang"}, report))
    await began.wait()
    return running, pid


async def test_one_process_serves_many_tasks(make_pool: MakePool) -> None:
    pool = make_pool()
    assert len({(await pool.run({}))["pid"] for _ in range(3)}) == 1


async def test_tasks_run_side_by_side_up_to_the_size(make_pool: MakePool) -> None:
    pool = make_pool(2)
    await pool.start()
    answers = await asyncio.gather(*(pool.run({}) for _ in range(6)))
    assert len({answer["pid"] for answer in answers}) == 2


async def test_reports_arrive_in_order(make_pool: MakePool) -> None:
    figures: list[dict[str, Any]] = []

    async def report(told: dict[str, Any]) -> None:
        figures.append(told)

    said = [{"progress": {"stage": "reading", "rows_read": number}} for number in range(3)]
    await make_pool().run({"say": said}, report)
    assert figures == [message["progress"] for message in said]


async def test_errors_arrive_beside_reports(make_pool: MakePool) -> None:
    told: list[Any] = []

    async def report(figures: dict[str, Any]) -> None:
        told.append(figures)

    async def found(errors: list[dict[str, Any]]) -> None:
        told.append(errors)

    said = [{"errors": [{"row": 1}]}, A_REPORT, {"errors": [{"row": 2}, {"row": 3}]}]
    await make_pool().run({"say": said}, report, found=found)
    assert told == [[{"row": 1}], A_REPORT["progress"], [{"row": 2}, {"row": 3}]]


async def test_errors_that_nobody_wants_are_passed_over(make_pool: MakePool) -> None:
    pool = make_pool()
    assert await pool.run({"say": [{"errors": [{"row": 1}]}]})


async def test_an_answer_may_be_long(make_pool: MakePool) -> None:
    result = {"text": "x" * MIB}
    assert await make_pool().run({"say": [A_REPORT], "answer": {"result": result}}) == result


async def test_a_failure_is_raised_with_its_counts_and_the_process_lives_on(make_pool: MakePool) -> None:
    pool = make_pool()
    pid = (await pool.run({}))["pid"]
    failure = {
        "code": "EMPTY_FILE",
        "category": "DATA",
        "message": "The file is empty.",
        "retryable": False,
        "details": {"a": 1},
        "counts": {"read": 1},
    }
    with pytest.raises(TaskFault, match="EMPTY_FILE") as fault:
        await pool.run({"answer": {"failure": failure}})
    assert (fault.value.category, fault.value.details, fault.value.counts) == ("DATA", {"a": 1}, {"read": 1})
    assert (await pool.run({}))["pid"] == pid


async def test_a_child_that_dies_fails_its_task_alone(make_pool: MakePool) -> None:
    pool = make_pool(2)
    hanging, other = await start_hanging(pool)
    with pytest.raises(TaskFault, match="CHILD_DIED") as fault:
        await pool.run({"then": "die"})
    assert (fault.value.category, fault.value.retryable) == ("SYSTEM", True)
    assert is_running(other)
    assert (await pool.run({}))["pid"] != other
    hanging.cancel()
    await asyncio.wait([hanging])


async def test_a_child_that_died_without_a_task_is_replaced(make_pool: MakePool) -> None:
    pool = make_pool()
    pid = (await pool.run({}))["pid"]
    os.kill(pid, signal.SIGKILL)
    while True:
        with suppress(TaskFault):
            assert (await pool.run({}))["pid"] != pid
            return


async def test_a_child_that_takes_too_much_memory_is_stopped(make_pool: MakePool) -> None:
    pool = make_pool(memory_bytes=50 * MIB)
    with pytest.raises(TaskFault, match=r"OUT_OF_MEMORY: .* 50 MiB") as fault:
        await pool.run({"bytes": 100 * MIB, "then": "hang"})
    assert not fault.value.retryable
    assert await pool.run({})


async def test_a_cancelled_task_takes_its_process_along(make_pool: MakePool) -> None:
    pool = make_pool()
    running, pid = await start_hanging(pool)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not is_running(pid)
    assert (await pool.run({}))["pid"] != pid


async def test_closing_ends_all_processes(make_pool: MakePool) -> None:
    pool = make_pool(2)
    running, pid = await start_hanging(pool)
    idle = (await pool.run({}))["pid"]
    await pool.close()
    with pytest.raises(TaskFault, match="CHILD_DIED"):
        await running
    assert not is_running(pid)
    assert not is_running(idle)


async def test_a_trouble_in_a_report_ends_the_task(make_pool: MakePool) -> None:
    async def report(figures: dict[str, Any]) -> None:
        raise LookupError

    pool = make_pool()
    with pytest.raises(LookupError):
        await pool.run({"say": [A_REPORT], "then": "hang"}, report)
    assert await pool.run({})


async def test_a_task_asks_for_its_commit_each_time_anew(make_pool: MakePool) -> None:
    answers: list[float | None] = [2.5, None]

    async def permit() -> float | None:
        return answers.pop(0)

    told = await make_pool().run({"say": [A_QUESTION, A_REPORT, A_QUESTION]}, permit=permit)
    assert told["heard"] == [{"commit": 2.5}, {"commit": None}]


async def test_where_nobody_is_to_be_asked_a_task_may_commit(make_pool: MakePool) -> None:
    told = await make_pool().run({"say": [A_QUESTION]})
    assert told["heard"][0]["commit"] > 10**6


async def test_a_task_that_must_not_commit_is_stopped_and_its_process_lives_on(make_pool: MakePool) -> None:
    async def permit() -> None:
        return None

    pool = make_pool()
    pid = (await pool.run({}))["pid"]
    with pytest.raises(TaskStopped):
        await pool.run({"say": [A_QUESTION], "answer": STOPPED}, permit=permit)
    assert (await pool.run({}))["pid"] == pid


async def test_a_trouble_with_the_permit_ends_the_task(make_pool: MakePool) -> None:
    async def permit() -> float | None:
        raise LookupError

    pool = make_pool()
    pid = (await pool.run({}))["pid"]
    with pytest.raises(LookupError):
        await pool.run({"say": [A_QUESTION]}, permit=permit)
    assert not is_running(pid)
    assert (await pool.run({}))["pid"] != pid


def giving(stop: StopOrder) -> Report:
    """A report that orders the task to stop."""

    async def report(figures: dict[str, Any]) -> None:
        stop.give()

    return report


async def test_a_task_is_told_to_stop_and_its_process_lives_on(make_pool: MakePool) -> None:
    pool, stop = make_pool(), StopOrder()
    pid = (await pool.run({}))["pid"]
    task = {"say": [A_REPORT], "then": "listen", "answer": STOPPED}
    with pytest.raises(TaskStopped):
        await pool.run(task, giving(stop), stop=stop)
    assert (await pool.run({}))["pid"] == pid


async def test_what_a_task_is_told_is_to_stop(make_pool: MakePool) -> None:
    stop = StopOrder()
    told = await make_pool().run({"say": [A_REPORT], "then": "listen"}, giving(stop), stop=stop)
    assert told["heard"] == [{"stop": True}]


async def test_a_task_that_is_over_before_it_stops_is_answered_as_ever(make_pool: MakePool) -> None:
    stop = StopOrder()
    assert "pid" in await make_pool().run({"say": [A_REPORT]}, giving(stop), stop=stop)


async def test_a_stop_that_comes_too_late_harms_no_other_task(make_pool: MakePool) -> None:
    pool, stop = make_pool(), StopOrder()
    await pool.run({}, stop=stop)
    stop.give()
    assert (await pool.run({"say": [A_QUESTION]}))["heard"] == [{"commit": UNLIMITED_S}]


async def test_a_task_told_to_stop_before_it_begins_does_not() -> None:
    stop = StopOrder()
    stop.give()
    with pytest.raises(TaskStopped):
        await ChildPool(1, memory_bytes=MIB, command=("/no/such/command",)).run({}, stop=stop)


async def test_a_child_that_dies_of_a_stop_fails_its_task(make_pool: MakePool) -> None:
    pool, stop = make_pool(), StopOrder()
    with pytest.raises(TaskFault, match="CHILD_DIED"):
        await pool.run({"say": [A_REPORT], "then": "listen and die"}, giving(stop), stop=stop)
    assert await pool.run({})


async def test_a_task_that_takes_too_long_is_ended_with_its_process(make_pool: MakePool) -> None:
    pool = make_pool()
    pid = (await pool.run({}))["pid"]
    with pytest.raises(ProcessDied, match=r"TIMED_OUT: .* 0\.2 seconds") as fault:
        await pool.run({"say": [A_REPORT], "then": "hang"}, timeout_s=0.2)
    assert (fault.value.category, fault.value.retryable) == ("SYSTEM", True)
    assert not is_running(pid)
    assert (await pool.run({}, timeout_s=60))["pid"] != pid


async def test_the_time_of_a_task_does_not_run_while_it_waits_for_a_process(make_pool: MakePool) -> None:
    pool, stop = make_pool(), StopOrder()
    first = asyncio.create_task(pool.run({"then": "listen"}, stop=stop))
    second = asyncio.create_task(pool.run({}, timeout_s=0.5))
    assert await asyncio.wait([second], timeout=0.6) == (set(), {second})
    stop.give()
    assert (await first)["pid"] == (await second)["pid"]


async def test_the_time_of_a_task_runs_while_its_figures_are_taken(make_pool: MakePool) -> None:
    async def report(figures: dict[str, Any]) -> None:
        await asyncio.Event().wait()

    with pytest.raises(ProcessDied, match="TIMED_OUT"):
        await make_pool().run({"say": [A_REPORT]}, report, timeout_s=0.1)


async def test_a_time_out_of_somebody_else_is_no_limit_of_the_task(make_pool: MakePool) -> None:
    async def report(figures: dict[str, Any]) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await make_pool().run({"say": [A_REPORT]}, report, timeout_s=60)
