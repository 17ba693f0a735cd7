"""One process that runs the engine."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import orjson
import structlog

from headgate.domain.ports import Permit, Report, StopOrder, TaskFault
from headgate.jobs import deaths

SAID = {"progress": dict, "asks": str, "result": dict, "failure": dict, "stopped": bool}
"""What a process says while it runs a task, and at its end."""
UNLIMITED_S = 10**9
"""What a task hears that asks for its commit where nobody is to be asked."""
MAX_LINE_BYTES = 64 * 1024**2
"""The longest message of a process; the records of an inspection are one."""
# By default glibc gives a block of this size back as soon as it is free, only to have the next one filled with
# zeros again: a fifth of the time of a scan. Other C libraries don't read these.
KEPT_BYTES = str(256 * 1024**2)
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": KEPT_BYTES, "MALLOC_MMAP_THRESHOLD_": KEPT_BYTES}
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
STDIN, STDOUT = 0, 1

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Talk:
    """Who is spoken to while a task runs; `stop` speaks to the task."""

    report: Report | None
    permit: Permit | None
    stop: StopOrder


class Child(asyncio.SubprocessProtocol):
    """A process that takes a task as a JSON line, and answers in JSON lines: progress, then the outcome."""

    def __init__(self) -> None:
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._begun = bytearray()
        self._ended = asyncio.Event()
        self._is_killed = False
        self._cause: TaskFault | None = None

    @classmethod
    async def spawn(cls, command: Sequence[str]) -> "Child":
        """Start a process; its logs go where ours go, but a Ctrl+C at our terminal does not reach it."""
        loop = asyncio.get_running_loop()
        _, child = await loop.subprocess_exec(
            cls, *command, stderr=None, start_new_session=True, env=os.environ | KEEP_MEMORY
        )
        return child

    @property
    def is_alive(self) -> bool:
        """Whether the process has not ended, nor is about to."""
        return self._transport.get_returncode() is None and not self._is_killed

    async def run(self, task: Mapping[str, Any], talk: Talk, timeout_s: float | None) -> dict[str, Any]:
        """Run one task; answers the message with its "result" or "failure", or that it "stopped"."""
        async with _within(timeout_s):
            self._send(task)
            with talk.stop.heard_by(self._stop):
                return await self._outcome(talk)

    def check_memory(self, limit_bytes: int) -> None:
        """End the process where it uses more memory than this."""
        used_bytes = _own_memory_bytes(self._transport.get_pid())
        if used_bytes is not None and used_bytes > limit_bytes:
            self._end(deaths.out_of_memory(limit_bytes))

    async def kill(self) -> None:
        """End the process at once and wait for that."""
        self._end()
        await self._ended.wait()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called when the process is started."""
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self._tasks = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(STDIN))

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Called with what the process says, however it is cut up."""
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._lines.put_nowait(bytes(self._begun) + line)
            self._begun.clear()
        self._begun += rest
        if len(self._begun) > MAX_LINE_BYTES:
            self._end(deaths.too_long(MAX_LINE_BYTES))

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """Called when the process hears or says no more."""
        if fd == STDOUT:
            self._lines.put_nowait(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called when the process has ended, and all that it said has been received."""
        self._transport.close()
        self._ended.set()

    def _stop(self) -> None:
        self._send({"stop": True})

    def _end(self, cause: TaskFault | None = None) -> None:
        self._is_killed = True
        self._cause = self._cause or cause
        with suppress(ProcessLookupError):
            self._transport.kill()

    def _send(self, message: Mapping[str, Any]) -> None:
        # A dead one is found out when it does not answer.
        self._tasks.write(orjson.dumps(message) + b"\n")

    async def _outcome(self, talk: Talk) -> dict[str, Any]:
        while (line := await self._lines.get()) is not None:
            message = _parsed(line)
            if "asks" in message:
                self._send({"commit": UNLIMITED_S if talk.permit is None else await talk.permit()})
            elif "progress" not in message:
                return message
            elif talk.report is not None:
                await talk.report(message["progress"])
        raise await self._death()

    async def _death(self) -> TaskFault:
        await self._ended.wait()
        pid, code = self._transport.get_pid(), self._transport.get_returncode()
        logger.warning("child.died", pid=pid, exit_code=code, cause=self._cause and self._cause.code)
        return self._cause or deaths.ended(cast(int, code))


def _parsed(line: bytes) -> dict[str, Any]:
    """A message of the process. Raises ProcessDied where it is none."""
    try:
        message = orjson.loads(line)
    except orjson.JSONDecodeError:
        message = None
    if isinstance(message, dict):
        for key, kind in SAID.items():
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


def _own_memory_bytes(pid: int) -> int | None:
    """Read how much memory a process has that is backed by no file; None where the system does not tell."""
    try:
        _, resident, shared, *_ = Path(f"/proc/{pid}/statm").read_text().split()
    except (OSError, ValueError):
        return None
    return (int(resident) - int(shared)) * PAGE_BYTES
