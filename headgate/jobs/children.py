"""Processes that run the engine, kept warm: what a task does to its process harms nobody else."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import structlog

from headgate.domain.ports import Permit, ProcessDied, Report, TaskFault, TaskStopped
from headgate.jobs import deaths

ENGINE = (sys.executable, "-m", "headgate.pipelines.child")
MEMORY_CHECK_S = 0.1
MEANWHILE = {"progress": dict, "asks": str}
OUTCOMES = {"result": dict, "failure": dict, "stopped": bool}
"""What a child says while it runs a task, and at its end."""
UNLIMITED_S = 10**9
"""What a task hears that asks for its commit where nobody is to be asked."""
MAX_LINE_BYTES = 64 * 1024**2
"""The longest message of a child; the records of an inspection are one."""
# By default glibc gives a block of this size back as soon as it is free, only to have the next one filled with
# zeros again: a fifth of the time of a scan. Other C libraries don't read these.
KEPT_BYTES = str(256 * 1024**2)
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": KEPT_BYTES, "MALLOC_MMAP_THRESHOLD_": KEPT_BYTES}
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MIB = 1024**2

logger = structlog.get_logger(__name__)


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
        permit: Permit | None = None,
        stop: asyncio.Event | None = None,
        timeout_s: float | None = None,
    ) -> dict[str, Any]:
        """Run one task and answer its result; cancelling it kills the process.

        `permit` is asked before the task commits; without one it may. Once `stop` is set the task ends at its next
        safe point. Raises TaskStopped for these two, TaskFault for the task's own failure, and ProcessDied where the
        process ended before it answered: CHILD_DIED; OUT_OF_MEMORY where it used more than `memory_bytes`;
        TIMED_OUT where the task took longer than `timeout_s`, the wait for a process apart; INTERNAL where what it
        said made no sense.
        """
        async with self._free:
            if stop is not None and stop.is_set():
                raise TaskStopped
            child = await self._take()
            try:
                answer = await child.run(task, Talk(report, permit, stop), self._memory_bytes, timeout_s)
            except BaseException:
                # Nobody knows what it is at: the next task gets another one.
                self._children.discard(child)
                await child.kill()
                raise
            self._idle.append(child)
        if "stopped" in answer:
            raise TaskStopped
        if "failure" in answer:
            raise TaskFault(**answer["failure"])
        result: dict[str, Any] = answer["result"]
        return result

    async def close(self) -> None:
        """Kill every process and wait for its end; a task that runs ends with ProcessDied, and no other begins."""
        self._closed = True
        children, self._children, self._idle = self._children, set(), []
        await asyncio.gather(*(child.kill() for child in children))

    async def _take(self) -> "Child":
        """Take a living child, or start one in place of those that died while they had nothing to do."""
        while self._idle:
            child = self._idle.pop()
            if child.is_alive:
                return child
            self._children.discard(child)
        return await self._spawn()

    async def _spawn(self) -> "Child":
        if self._closed:
            raise deaths.closed()
        child = await Child.spawn(self._command)
        if self._closed:
            await child.kill()
            raise deaths.closed()
        self._children.add(child)
        return child


@dataclass(frozen=True, slots=True)
class Talk:
    """Who is spoken to while a task runs."""

    report: Report | None
    permit: Permit | None
    stop: asyncio.Event | None

    async def hear(self, message: Mapping[str, Any]) -> dict[str, Any] | None:
        """Take what a running task says; answers what it is to be told."""
        if "asks" in message:
            return {"commit": UNLIMITED_S if self.permit is None else await self.permit()}
        if self.report is not None:
            await self.report(message["progress"])
        return None


class Child:
    """One process that takes a task as a JSON line, and answers in JSON lines: progress, then the outcome."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._tasks = process.stdin
        self._answers = process.stdout
        self._killed = False
        self._over_limit: int | None = None

    @classmethod
    async def spawn(cls, command: Sequence[str]) -> "Child":
        """Start a process; its logs go where ours go, but a Ctrl+C at our terminal does not reach it."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=PIPE,
            stdout=PIPE,
            limit=MAX_LINE_BYTES,
            start_new_session=True,
            env=os.environ | KEEP_MEMORY,
        )
        return cls(process)

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended, nor is about to."""
        return self._process.returncode is None and not self._killed

    async def run(
        self, task: Mapping[str, Any], talk: Talk, memory_bytes: int, timeout_s: float | None
    ) -> dict[str, Any]:
        """Run one task; answers the message with its "result" or "failure", or that it "stopped"."""
        async with (
            _within(timeout_s),
            _beside(self._watch_memory(memory_bytes)),
            _beside(self._pass_on(talk.stop)),
        ):
            await self._send(task)
            return await self._outcome(talk)

    async def kill(self) -> None:
        """End the process at once and wait for that."""
        self._end()
        await self._process.wait()

    def _end(self) -> None:
        self._killed = True
        with suppress(ProcessLookupError):
            self._process.kill()

    async def _send(self, message: Mapping[str, Any]) -> None:
        # A dead one is found out when it does not answer.
        with suppress(ConnectionError):
            self._tasks.write(orjson.dumps(message) + b"\n")
            await self._tasks.drain()

    async def _outcome(self, talk: Talk) -> dict[str, Any]:
        while line := await self._line():
            message = _parsed(line)
            if not message.keys() & MEANWHILE.keys():
                return message
            if (told := await talk.hear(message)) is not None:
                await self._send(told)
        raise await self._death()

    async def _line(self) -> bytes:
        """The next line; empty where the process ended, in the middle of one too."""
        try:
            line = await self._answers.readline()
            return line if line.endswith(b"\n") else b""
        except ValueError as error:
            limit = MAX_LINE_BYTES // MIB
            raise TaskFault("ANSWER_TOO_LARGE", f"The answer has more than {limit} MiB.", "SYSTEM") from error

    async def _death(self) -> ProcessDied:
        code = await self._process.wait()
        logger.warning("child.died", pid=self._process.pid, exit_code=code, over_limit=self._over_limit)
        if self._over_limit is not None:
            return deaths.out_of_memory(self._over_limit)
        return deaths.ended(code)

    async def _pass_on(self, stop: asyncio.Event | None) -> None:
        if stop is not None:
            await stop.wait()
            await self._send({"stop": True})

    async def _watch_memory(self, limit_bytes: int) -> None:
        while (used_bytes := _own_memory_bytes(self._process.pid)) is not None:
            if used_bytes > limit_bytes:
                self._over_limit = limit_bytes
                return self._end()
            await asyncio.sleep(MEMORY_CHECK_S)


def _parsed(line: bytes) -> dict[str, Any]:
    """A message of the child. Raises ProcessDied where it is none."""
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError:
        message = None
    if isinstance(message, dict):
        for key, kind in (MEANWHILE | OUTCOMES).items():
            if isinstance(message.get(key), kind):
                return message
    logger.error("child.garbled", line=line[:200])
    raise deaths.garbled()


@asynccontextmanager
async def _within(limit_s: float | None) -> AsyncIterator[None]:
    """Cancel a block that takes longer. Raises ProcessDied then."""
    clock = asyncio.timeout(limit_s)
    try:
        async with clock:
            yield
    except TimeoutError:
        if limit_s is None or not clock.expired():
            raise
        raise deaths.timed_out(limit_s) from None


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let something run for as long as a block lasts."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def _own_memory_bytes(pid: int) -> int | None:
    """Read how much memory a process has that is backed by no file; None where the system does not tell."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    except (OSError, ValueError):
        return None
    return (int(resident) - int(shared)) * PAGE_BYTES
