"""Who waits for a task hears how its process came to its end, and the next task gets another process."""

import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from headgate.domain.ports import ProcessDied, TaskFault
from headgate.jobs import child, deaths
from headgate.jobs.children import MIB, ChildPool

TOLD = (sys.executable, str(Path(__file__).with_name("told_child.py")))


@pytest.fixture
async def pool() -> AsyncIterator[ChildPool]:
    pool = ChildPool(1, memory_bytes=100 * MIB, command=TOLD)
    yield pool
    await pool.close()


async def death_of(pool: ChildPool, task: dict[str, Any]) -> ProcessDied:
    """Run a task that ends its process; the next one has another."""
    pid = (await pool.run({}))["pid"]
    with pytest.raises(ProcessDied) as death:
        await pool.run(task)
    assert (await pool.run({}))["pid"] != pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    return death.value


@pytest.mark.parametrize(
    ("task", "said", "details"),
    [
        ({"then": "die"}, "was killed by signal 9 (SIGKILL)", {"signal": "SIGKILL"}),
        ({"then": "die", "signal": signal.SIGABRT}, "aborted (SIGABRT)", {"signal": "SIGABRT"}),
        ({"then": "die", "signal": signal.SIGSEGV}, "by signal 11 (SIGSEGV)", {"signal": "SIGSEGV"}),
        ({"exit": 3}, "ended with exit status 3", {"exitStatus": 3}),
        ({"exit": 0}, "ended with exit status 0", {"exitStatus": 0}),
        ({"raw": '{"result": {}', "exit": 0}, "ended with exit status 0", {"exitStatus": 0}),
    ],
)
async def test_a_death_is_told_with_what_caused_it(
    pool: ChildPool, task: dict[str, Any], said: str, details: dict[str, Any]
) -> None:
    death = await death_of(pool, task)
    assert (death.code, death.category, death.retryable) == ("CHILD_DIED", "SYSTEM", True)
    assert said in death.message
    assert death.details == details


def test_a_signal_without_a_name_is_told_by_its_number() -> None:
    assert deaths.ended(-63).details == {"signal": "SIG63"}


@pytest.mark.parametrize(
    "raw",
    ["no JSON\n", "\n", "[]\n", "1\n", "{}\n", '{"other": 1}\n', '{"result": 1}\n', '{"progress": []}\n'],
)
async def test_an_answer_that_makes_no_sense_ends_the_process(pool: ChildPool, raw: str) -> None:
    death = await death_of(pool, {"raw": raw, "then": "hang"})
    assert (death.code, death.category, death.retryable) == ("INTERNAL", "SYSTEM", True)


async def test_an_answer_that_is_too_long_ends_the_process(
    pool: ChildPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "MAX_LINE_BYTES", MIB)
    with pytest.raises(TaskFault, match=r"ANSWER_TOO_LARGE: .* 1 MiB"):
        await pool.run({"raw": "x" * 2 * MIB, "then": "hang"})
    assert await pool.run({})


async def test_a_process_that_is_killed_as_it_answers_gets_no_other_task(pool: ChildPool) -> None:
    """The check of its memory may find out at that moment."""
    pid = (await pool.run({}))["pid"]
    pool._idle[0]._end()
    assert (await pool.run({}))["pid"] != pid
