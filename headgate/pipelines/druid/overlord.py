"""What Druid is asked for: to run a task, how it goes, and what it did with the rows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import quote

from headgate.errors import JobFault
from headgate.pipelines.druid.reports import Counted, counted, fault_in
from headgate.pipelines.endpoints.client import Client
from headgate.pipelines.endpoints.turns import Turns

TASKS = "/druid/indexer/v1/task"
STATEMENTS = "/druid/v2/sql/task"
NOT_FOUND = 404
FIRST_WAIT_S = 0.1
LONGEST_WAIT_S = 5.0
FACTOR = 1.5
MAX_TRIES = 20
"""So many tasks in a row that failed are passed by for the next attempt's own."""
LATE_POLLS = 20
"""So often a task may be unknown after it was accepted, or its report missing after its end."""
MAX_MESSAGE_CHARACTERS = 1_000
SUCCESS, FAILED = "SUCCESS", "FAILED"


@dataclass(frozen=True, slots=True)
class Status:
    """Where a task is: SUCCESS, FAILED, or anything else as long as it runs."""

    code: str
    message: str = ""


class Overlord:
    """The one who leads Druid's tasks. `turns` are how long all may take. Raises what a client raises."""

    def __init__(self, client: Client, turns: Turns) -> None:
        self._client, self._turns = client, turns

    def start(self, path: str, task: str, said: Callable[[str], Mapping[str, Any]]) -> str:
        """Hand in a task, which is said for its name; answers that. One that was handed in before is not run again.

        Behind a task that has failed comes another one, whose name is numbered. Raises JobFault (DRUID_TASK_FAILED)
        where too many have.
        """
        message = ""
        for number in range(1, MAX_TRIES + 1):
            name = task if number == 1 else f"{task}-{number}"
            accepted, before = self._submit(path, name, said(name))
            if before is None or before.code != FAILED:
                return accepted
            message = before.message
        raise _failed(task, message)

    def _submit(self, path: str, task: str, said: Mapping[str, Any]) -> tuple[str, Status | None]:
        """The name under which a task was taken, and where it was already if it was handed in before."""
        try:
            # Its name makes it the same task however often it is sent.
            answer = self._client.call("POST", path, json=said, harmless=True).json()
        except JobFault as fault:
            if fault.code == "HTTP_STATUS" and (before := self.status(task)) is not None:
                return task, before
            raise
        accepted = answer.get("task") or answer.get("taskId") if isinstance(answer, Mapping) else None
        return (accepted if isinstance(accepted, str) else task), None

    def status(self, task: str) -> Status | None:
        """Where a task is; None where there is none."""
        said = self._found(f"{TASKS}/{quote(task, safe='')}/status")
        status = said.get("status") if said is not None else None
        if not isinstance(status, Mapping):
            return None
        code = status.get("statusCode") or status.get("status")
        return Status(str(code), str(status.get("errorMsg") or ""))

    def follow(self, task: str) -> None:
        """Wait until a task has succeeded. Raises JobFault (DRUID_TASK_FAILED, DRUID_TASK_LOST)."""
        unknown = 0
        for wait_s in _waits():
            status = self.status(task)
            unknown = unknown + 1 if status is None else 0
            if status is not None and status.code == SUCCESS:
                return
            if status is not None and status.code == FAILED:
                raise _failed(task, fault_in(self._report(task)) or status.message)
            if unknown == LATE_POLLS:
                message = f"Druid no longer knows the task {task}."
                raise JobFault("DRUID_TASK_LOST", message, "DEPENDENCY", retryable=True)
            self._turns.wait(wait_s)

    def counts(self, task: str) -> Counted:
        """What a task that succeeded did with its rows. Raises JobFault (DRUID_NO_REPORT) where Druid doesn't tell."""
        for wait_s in islice(_waits(), LATE_POLLS):
            if (found := counted(self._report(task))) is not None:
                return found
            self._turns.wait(wait_s)
        message = f"The task {task} has succeeded, but Druid doesn't report what it did with its rows."
        raise JobFault("DRUID_NO_REPORT", message, "DEPENDENCY", retryable=True)

    def _report(self, task: str) -> Mapping[str, Any]:
        return self._found(f"{TASKS}/{quote(task, safe='')}/reports") or {}

    def _found(self, path: str) -> Mapping[str, Any] | None:
        """What lies at a path; None where nothing does."""
        try:
            said = self._client.call("GET", path).json()
        except JobFault as fault:
            if fault.code == "HTTP_STATUS" and (fault.details or {}).get("status") == NOT_FOUND:
                return None
            raise
        return said if isinstance(said, Mapping) else None


def _waits() -> Iterator[float]:
    """How long to wait, again and again: a little longer each time."""
    wait_s = FIRST_WAIT_S
    while True:
        yield wait_s
        wait_s = min(wait_s * FACTOR, LONGEST_WAIT_S)


def _failed(task: str, message: str) -> JobFault:
    told = message[:MAX_MESSAGE_CHARACTERS] or "it doesn't say why"
    is_of_data = any(word in message.lower() for word in ("parse", "parsing", "parseexception"))
    return JobFault(
        "DRUID_TASK_FAILED",
        f"Druid's task {task} has failed: {told}",
        "DATA" if is_of_data else "DEPENDENCY",
        retryable=not is_of_data,
        details={"task": task, "message": told},
    )
