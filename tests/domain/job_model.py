"""What a job should be like: a plain model of its way, and the rules that every job keeps to."""

from dataclasses import dataclass
from itertools import pairwise

from headgate.domain.endings import Halt, Outcome
from headgate.domain.happenings import FINAL
from headgate.domain.ports import ProcessDied
from headgate.domain.retry_policy import MAX_CRASHES
from headgate.domain.runs import Claim
from headgate.errors import JobFault
from headgate.storage.tables import Attempt, CancelMode, Job, JobEvent, JobEventType, JobStatus

QUEUED, RUNNING, RETRYING = JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.RETRYING
SUCCEEDED, PARTIAL = JobStatus.SUCCEEDED, JobStatus.PARTIAL
CANCELED, FAILED = JobStatus.CANCELED, JobStatus.FAILED
WELL = {SUCCEEDED, PARTIAL}
EDGES: dict[JobStatus | None, set[JobStatus]] = {
    None: {QUEUED},
    QUEUED: {RUNNING, CANCELED},
    RUNNING: {RETRYING, *FINAL},
    RETRYING: {RUNNING},
}


@dataclass
class Modeled:
    """What a job should be like."""

    id: str
    max_attempts: int
    status: JobStatus = QUEUED
    cancel: CancelMode | None = None
    attempts: int = 0
    failures: int = 0
    crashes: int = 0
    rejected: int = 0

    def end(self, outcome: Outcome) -> None:
        """Take the end of the present attempt."""
        if isinstance(outcome, Halt):
            self.status = CANCELED if outcome is Halt.CANCELED else RETRYING
        elif isinstance(outcome, JobFault):
            self._fail(outcome)
        else:
            self.rejected = outcome["counts"]["rejected"]
            self.status = PARTIAL if self.rejected else SUCCEEDED

    def _fail(self, fault: JobFault) -> None:
        self.failures += 1
        self.crashes += isinstance(fault, ProcessDied)
        is_over = self.failures >= self.max_attempts or self.crashes >= MAX_CRASHES
        if self.cancel is not None:
            self.status = CANCELED
        else:
            self.status = FAILED if is_over or not fault.retryable else RETRYING


@dataclass
class Lease:
    """A worker's hold on a job; one that is lost stays with the worker, who does not know that yet."""

    claim: Claim
    worker: str
    job: Modeled
    is_live: bool = True


def check_row(row: Job) -> None:
    assert (row.lease_expires_at is not None) == (row.status is RUNNING)
    assert (row.finished_at is not None) == (row.status in FINAL)
    assert (row.failure is not None) == (row.status is FAILED)


def check_attempts(row: Job, attempts: list[Attempt]) -> None:
    assert [each.number for each in attempts] == list(range(1, row.attempts + 1))
    is_open = [each.finished_at is None for each in attempts]
    assert is_open == [each.status is RUNNING for each in attempts]
    assert is_open == [False] * (len(attempts) - 1) + [row.status is RUNNING] * bool(attempts)


def check_events(row: Job, events: list[JobEvent]) -> None:
    assert [each.seq for each in events] == list(range(1, row.last_event + 1))
    told = [each.status for each in events if each.type is JobEventType.STATUS]
    assert all(
        after in EDGES.get(before, ()) for before, after in pairwise([None, *told]) if after is not None
    )
    assert told[-1] is row.status
    if row.status in FINAL:
        assert events[-1].type is JobEventType.STATUS
