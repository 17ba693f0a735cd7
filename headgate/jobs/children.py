"""Processes that run the engine, kept warm: what a task does to its process harms nobody else."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from headgate.domain.ports import Done, Found, Permit, Report, StopOrder, TaskFault, TaskStopped
from headgate.jobs import deaths
from headgate.jobs.child import Child, Talk

ENGINE = (sys.executable, "-m", "headgate.pipelines")
MEMORY_CHECK_S = 0.1
MIB = 1024**2


class ChildPool:
    """Runs up to `size` tasks at once, each alone in its process, which serves many in turn.

    A process may use `memory_bytes` of memory of its own; this is checked on Linux only. What it
    maps from files does not count, as the system takes that back when it needs it.
    """

    def __init__(self, size: int, *, memory_bytes: int, command: Sequence[str] = ENGINE) -> None:
        self._size = size
        self._memory_bytes = memory_bytes
        self._command = command
        self._free = asyncio.Semaphore(size)
        self._idle: list[Child] = []
        self._children: set[Child] = set()
        self._busy: set[Child] = set()
        self._next_look: asyncio.TimerHandle | None = None
        self._closed = False

    async def start(self) -> None:
        """Start all processes, so that no task waits for one."""
        missing = self._size - len(self._children)
        async with asyncio.TaskGroup() as group:
            for _ in range(missing):
                group.create_task(self._warm())

    async def _warm(self) -> None:
        self._idle.append(await self._spawn())

    async def run(
        self,
        task: Mapping[str, Any],
        report: Report | None = None,
        *,
        found: Found | None = None,
        done: Done | None = None,
        permit: Permit | None = None,
        stop: StopOrder | None = None,
        timeout_s: float | None = None,
    ) -> dict[str, Any]:
        """Run one task and answer its result; cancelling it kills the process.

        `permit` is asked before the task commits; without one it may. Once `stop` is given the task ends at its next
        safe point. Raises TaskStopped for these two, TaskFault for the task's own failure, and ProcessDied where the
        process ended before it answered: CHILD_DIED; OUT_OF_MEMORY where it used more than `memory_bytes`;
        TIMED_OUT where the task took longer than `timeout_s`, the wait for a process apart; INTERNAL where what it
        said made no sense.
        """
        talk = Talk(report, found, done, permit, stop or StopOrder())
        async with self._free:
            if talk.stop.is_given:
                raise TaskStopped
            answer = await self._run(await self._take(), task, talk, timeout_s)
        if "stopped" in answer:
            raise TaskStopped
        if "failure" in answer:
            raise TaskFault(**answer["failure"])
        result: dict[str, Any] = answer["result"]
        return result

    async def _run(
        self, child: Child, task: Mapping[str, Any], talk: Talk, timeout_s: float | None
    ) -> dict[str, Any]:
        self._busy.add(child)
        if self._next_look is None:
            self._check_memory()
        try:
            answer = await child.run(task, talk, timeout_s)
        except BaseException:
            # Nobody knows what it is at: the next task gets another one.
            self._children.discard(child)
            await child.kill()
            raise
        finally:
            self._busy.discard(child)
        self._idle.append(child)
        return answer

    def _check_memory(self) -> None:
        """Look again and again, as long as there is a task."""
        self._next_look = None
        for child in self._busy:
            child.check_memory(self._memory_bytes)
        if self._busy:
            self._next_look = asyncio.get_running_loop().call_later(MEMORY_CHECK_S, self._check_memory)

    async def close(self) -> None:
        """Kill every process and wait for its end; a task that runs ends with ProcessDied, and no other begins."""
        self._closed = True
        children, self._children, self._idle = self._children, set(), []
        await asyncio.gather(*(child.kill() for child in children))

    async def _take(self) -> Child:
        """Take a living child, or start one in place of those that died while they had nothing to do."""
        while self._idle:
            child = self._idle.pop()
            if child.is_alive:
                return child
            self._children.discard(child)
        return await self._spawn()

    async def _spawn(self) -> Child:
        if self._closed:
            raise deaths.closed()
        child = await Child.spawn(self._command)
        if self._closed:
            await child.kill()
            raise deaths.closed()
        self._children.add(child)
        return child
