"""One process that runs the engine."""

import asyncio
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import structlog

from headgate.domain.ports import Done, Found, Permit, ProcessDied, Report, StopOrder
from headgate.jobs import deaths
from headgate.telemetry import noted

SAID = {
    "progress": dict,
    "errors": list,
    "items": list,
    "asks": str,
    "result": dict,
    "failure": dict,
    "stopped": bool,
}
"""What a process says while it runs a task, and at its end."""
MEANWHILE = {"progress", "errors", "items"}
"""What it says while it runs, and needs no answer to."""
UNLIMITED_S = 10**9
"""What a task hears that asks for its commit where nobody is to be asked."""
MAX_LINE_BYTES = 64 * 1024**2
"""The longest message of a process; the records of an inspection are one."""
# By default glibc gives a block of this size back as soon as it is free, only to have the next one filled with
# zeros again: a fifth of the time of a scan. Other C libraries don't read these.
KEPT_BYTES = str(256 * 1024**2)
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": KEPT_BYTES, "MALLOC_MMAP_THRESHOLD_": KEPT_BYTES}
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Talk:
    """Who is spoken to while a task runs; `stop` speaks to the task."""

    report: Report | None
    found: Found | None
    done: Done | None
    permit: Permit | None
    stop: StopOrder


class Child:
    """A process that takes a task as a JSON line, and answers in JSON lines, the outcome last."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._tasks = process.stdin
        self._answers = process.stdout
        self._is_killed = False
        self._over_limit: ProcessDied | None = None

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
        return self._process.returncode is None and not self._is_killed

    async def run(self, task: Mapping[str, Any], talk: Talk, timeout_s: float | None) -> dict[str, Any]:
        """Run one task; answers the message with its "result" or "failure", or that it "stopped"."""
        async with _within(timeout_s):
            self._send({**task, "noted": noted()})
            with talk.stop.heard_by(self._stop):
                return await self._outcome(talk)

    def check_memory(self, limit_bytes: int) -> None:
        """End the process where it uses more memory than this."""
        used_bytes = _own_memory_bytes(self._process.pid)
        if used_bytes is not None and used_bytes > limit_bytes:
            self._over_limit = deaths.out_of_memory(limit_bytes)
            self._end()

    async def kill(self) -> None:
        """End the process at once and wait for that."""
        self._end()
        await self._process.wait()

    def _stop(self) -> None:
        self._send({"stop": True})

    def _end(self) -> None:
        self._is_killed = True
        with suppress(ProcessLookupError):
            self._process.kill()

    def _send(self, message: Mapping[str, Any]) -> None:
        # Nobody waits until it is received: a dead one is found out when it does not answer.
        self._tasks.write(orjson.dumps(message) + b"\n")

    async def _outcome(self, talk: Talk) -> dict[str, Any]:
        while line := await self._line():
            message = _parsed(line)
            if "asks" in message:
                self._send({"commit": UNLIMITED_S if talk.permit is None else await talk.permit()})
            elif not message.keys() & MEANWHILE:
                return message
            elif "errors" in message and talk.found is not None:
                await talk.found(message["errors"])
            elif "items" in message and talk.done is not None:
                await talk.done(message["items"])
            elif "progress" in message and talk.report is not None:
                await talk.report(message["progress"])
        raise await self._death()

    async def _line(self) -> bytes:
        """The next line; empty where the process ended, in the middle of one too."""
        try:
            line = await self._answers.readline()
        except ValueError as error:
            raise deaths.too_long(MAX_LINE_BYTES) from error
        return line if line.endswith(b"\n") else b""

    async def _death(self) -> ProcessDied:
        code = await self._process.wait()
        logger.warning("child.died", pid=self._process.pid, exit_code=code, over_limit=bool(self._over_limit))
        return self._over_limit or deaths.ended(code)


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
