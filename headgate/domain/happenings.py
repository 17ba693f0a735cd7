"""What is recorded about a job as its events."""

from collections.abc import Iterable
from typing import Any

from headgate.domain.ports import Signals
from headgate.storage.events import NewEvent
from headgate.storage.tables import Job, JobEventType, JobStatus, utc_now

FINAL = frozenset({JobStatus.SUCCEEDED, JobStatus.PARTIAL, JobStatus.FAILED, JobStatus.CANCELED})
STOPPED = "Stopped on request."
"""What the last event of a canceled job says."""
WAITING = frozenset({JobStatus.QUEUED, JobStatus.RETRYING})


def happened(job: Job, type: JobEventType, **values: Any) -> NewEvent:
    """Make a job's next event; `values` are status, progress, message and errors."""
    job.last_event += 1
    return NewEvent(job.id, job.last_event, type, **values)


def status_changed(job: Job, status: JobStatus, message: str | None = None) -> NewEvent:
    """Give a job a status, and make the event that tells it; that of a final one is the job's last event."""
    job.status = status
    if status in FINAL:
        job.finished_at = utc_now()
    if status is not JobStatus.RUNNING:
        job.lease_expires_at = None
        if job.progress.get("eta_seconds"):
            job.progress = {**job.progress, "eta_seconds": None}
    progress = job.progress if status in FINAL else None
    return happened(job, JobEventType.STATUS, status=status, progress=progress, message=message)


def topic(job_id: str) -> str:
    """Name the topic that is notified of each event of a job."""
    return f"job:{job_id}"


def elapsed_s(job: Job) -> float:
    """Tell how many seconds ago a job's first attempt began; 0 where none has."""
    return (utc_now() - job.started_at).total_seconds() if job.started_at is not None else 0.0


def ended(job: Job) -> str:
    """Say that a job has ended, to who would stop it."""
    return f"The job has ended: it is {job.status}."


EVERY_JOB = "jobs"
"""The topic that is notified of the events of all jobs."""
ORDERS = "orders"
"""The topic that is notified when a running job is to be stopped."""


def announce(signals: Signals, events: Iterable[NewEvent]) -> None:
    """Notify whoever follows these events, once they are committed."""
    job_ids = {event.job_id for event in events}
    for job_id in job_ids:
        signals.notify(topic(job_id))
    if job_ids:
        signals.notify(EVERY_JOB)
