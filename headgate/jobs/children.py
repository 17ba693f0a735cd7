"""Processes that run the engine, kept warm: what a task does to its process harms nobody else."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from headgate.domain.ports import Report

ENGINE = (sys.executable, "-m", "headgate.pipelines.child")


class ChildPool:
    """Runs up to `size` tasks at once, each alone in its process, which serves many in turn."""

    def __init__(self, size: int, *, memory_bytes: int, command: Sequence[str] = ENGINE) -> None:
        raise NotImplementedError

    async def start(self) -> None:
        """Start all processes, so that no task waits for one."""
        raise NotImplementedError

    async def run(self, task: Mapping[str, Any], report: Report | None = None) -> dict[str, Any]:
        """Run one task and answer its result; cancelling it kills the process.

        Raises TaskFault: the task's own failure, CHILD_DIED where the process ended before it answered,
        OUT_OF_MEMORY where it used more than `memory_bytes`.
        """
        raise NotImplementedError

    async def close(self) -> None:
        """Kill every process and wait for its end."""
        raise NotImplementedError
