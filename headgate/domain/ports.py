"""What the domain needs from outside, as it needs it; adapters live in headgate.jobs."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from headgate.errors import FailureCategory, JobFault

Report = Callable[[dict[str, Any]], Awaitable[None]]
"""Takes the figures of a running task.

They are stage, fraction, rows_read, rows_written, bytes_read, bytes_total, rows_per_second and eta_seconds.
"""


class JobQueue(Protocol):
    """Wakes workers. The job's row is the truth: a wake-up may be lost or come twice."""

    async def wake(self, job_id: str) -> None:
        """Tell the workers that this job is due."""
        ...


class Listener(Protocol):
    """Hears one topic."""

    async def wait(self, timeout_s: float | None = None) -> bool:
        """Wait until the topic is notified; False where the time ran out.

        What was notified since the last wait, or since the listening began, counts at once.
        """
        ...


class Signals(Protocol):
    """Tells whoever listens that something about a topic has changed; carries no data."""

    def notify(self, topic: str) -> None:
        """Wake every listener of the topic."""
        ...

    def listen(self, topic: str) -> AbstractAsyncContextManager[Listener]:
        """Listen to a topic for as long as the block lasts."""
        ...


class Engine(Protocol):
    """Runs tasks of the engine, each in a process of its own."""

    async def run(self, task: Mapping[str, Any], report: Report | None = None) -> dict[str, Any]:
        """Run one task and answer its result; a cancelled run stops the task.

        Raises TaskFault where the task failed, and whatever `report` raises.
        """
        ...


class TaskFault(JobFault):
    """Why a task of the engine failed, with the rows it had counted until then."""

    def __init__(
        self,
        code: str,
        message: str,
        category: FailureCategory,
        retryable: bool = False,
        details: Mapping[str, Any] | None = None,
        counts: Mapping[str, int] | None = None,
    ) -> None:
        super().__init__(code, message, category, retryable, details)
        self.args = (*self.args, counts)
        self.counts = counts


class ProcessDied(TaskFault):
    """The process of a task ended before it answered: what the task had done by then is not known."""
