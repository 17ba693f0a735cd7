"""What the domain needs from outside, as it needs it; adapters live in headgate.jobs."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from headgate.errors import FailureCategory, HeadgateError, JobFault
from headgate.storage.tables import Role

Report = Callable[[dict[str, Any]], Awaitable[None]]
"""Takes the figures of a running task.

They are stage, fraction, rows_read, rows_written, bytes_read, bytes_total, rows_per_second and eta_seconds.
"""

Found = Callable[[list[dict[str, Any]]], Awaitable[None]]
"""Takes errors that a running task has found: the first few of each kind, as lines of its ledger."""

Done = Callable[[list[dict[str, Any]]], Awaitable[None]]
"""Takes what became of items of a running task: position, status, attempts, response and failure of each."""

Permit = Callable[[], Awaitable[float | None]]
"""Answers for how many seconds a task may commit from now on; None where it must not."""


@dataclass(frozen=True, slots=True)
class WakeUp:
    """Rings for one job.

    A moment `at` that is to come is waited for; of those that have passed, the earliest rings first.
    `dispatch` tells this wake-up from those before the job was last claimed.
    """

    job_id: str
    dispatch: int
    at: datetime


class JobQueue(Protocol):
    """Wakes workers. The job's row is the truth: a wake-up may be lost or come twice."""

    async def wake(self, wakeups: Sequence[WakeUp]) -> int:
        """Put jobs in line that are not there under this dispatch; answers how many.

        Where the line cannot be reached this logs it and answers 0: whoever finds the rows due sends again.
        """
        ...

    async def missing(self, wakeups: Sequence[WakeUp]) -> Sequence[WakeUp]:
        """Tell which of these are not in line; none where the line cannot be reached."""
        ...

    async def ping(self) -> None:
        """Raise an exception where the line cannot be reached."""
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

    def rouse(self, topic: str) -> None:
        """Wake the topic's listeners in this process only."""
        ...

    def listen(self, topic: str) -> AbstractAsyncContextManager[Listener]:
        """Listen to a topic for as long as the block lasts."""
        ...


class StopOrder:
    """Tells whoever runs a task that it is to stop; an order that is given stays so."""

    def __init__(self) -> None:
        self.is_given = False
        self._hearers: list[Callable[[], None]] = []

    def give(self) -> None:
        """Tell all who hear it, the first time."""
        if not self.is_given:
            self.is_given = True
            for hear in self._hearers:
                hear()

    @contextmanager
    def heard_by(self, hear: Callable[[], None]) -> Iterator[None]:
        """Have this called when the order is given, as long as the block lasts; at once where it was given before."""
        if self.is_given:
            hear()
        self._hearers.append(hear)
        try:
            yield
        finally:
            self._hearers.remove(hear)


class Engine(Protocol):
    """Runs tasks of the engine, each in a process of its own."""

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
        """Run one task and answer its result; a cancelled run ends the task at once.

        `permit` is asked before the task commits; without one it may. Once `stop` is given the task ends at its
        next safe point. Raises TaskStopped for these two, TaskFault where the task failed (TIMED_OUT where it took
        longer than `timeout_s`), ProcessDied, and whatever `report`, `found`, `done` and `permit` raise.
        """
        ...


class Links(Protocol):
    """Makes links to what can be downloaded, or uploaded."""

    def make(self, user_id: str, path: str, said: Mapping[str, Any]) -> str:
        """Make a link to a path of this server, relative to its root, that is valid for a while.

        It lets whoever has it see what the user may see there; `said` is JSON that says what that is.
        Raises UserFault (INVALID_ARGUMENT) where that is too much for a link.
        """
        ...

    def upload(self, user_id: str, path: str, until: datetime) -> str:
        """Make a link, relative as well, by which whoever has it may send one file for the user until a moment."""
        ...


@dataclass(frozen=True, slots=True)
class Rate:
    """How much may be taken: `limit` at once where nothing was taken before, and as much again each `period_s`."""

    limit: int
    period_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a rate: all of it again at `resets_at` (UTC). Refused where it is `retry_after_s` > 0."""

    limit: int
    remaining: int
    resets_at: datetime
    retry_after_s: float = 0.0

    @property
    def is_granted(self) -> bool:
        """Whether what was asked for was taken."""
        return self.retry_after_s == 0


class Rates(Protocol):
    """Counts what each key takes of its rate; all processes of one Headgate count together."""

    async def take(self, key: str, rate: Rate, cost: int = 1) -> Allowance:
        """Take `cost` for a key unless that is more than is left: then nothing is taken.

        A cost beyond the limit counts as the limit. With cost 0 this only tells what is left.
        """
        ...

    async def give_back(self, key: str, rate: Rate, cost: int = 1) -> None:
        """Undo what was taken."""
        ...


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    """What a valid refresh token says: whose it is, and of which session and generation of it."""

    user_id: str
    session_id: str
    generation: int


class Tokens(Protocol):
    """Signs the tokens of those who sign in, and reads those that come back."""

    def access(self, user_id: str, role: Role, session_id: str) -> tuple[str, datetime]:
        """Sign an access token of a session; answers it and when it expires (UTC)."""
        ...

    def refresh(self, claims: RefreshClaims) -> str:
        """Sign a refresh token, which is valid for `refresh_for`."""
        ...

    def read_refresh(self, token: str) -> RefreshClaims:
        """Read a refresh token; raises Unauthenticated for any other, and one that has expired."""
        ...

    @property
    def refresh_for(self) -> timedelta:
        """How long a refresh token is valid."""
        ...


class TaskStopped(HeadgateError):
    """A task ended before its commit, because it was asked to or was not permitted to commit; it left nothing."""

    def __init__(self) -> None:
        super().__init__("STOPPED", "This was stopped before its commit.")


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
        step: str | None = None,
    ) -> None:
        super().__init__(code, message, category, retryable, details, step)
        self.args = (code, message, category, retryable, details, counts, step)
        self.counts = counts


class ProcessDied(TaskFault):
    """The process of a task ended before it answered: what the task had done by then is not known."""


class TimedOut(ProcessDied):
    """The process of a task was ended because the task took too long: that is no crash of its own."""
