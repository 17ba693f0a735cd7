"""Which of the waiting jobs goes first."""

from datetime import datetime, timedelta

from headgate.domain.ports import WakeUp
from headgate.storage.tables import Job, Priority, utc_now

HEAD_STARTS = {
    Priority.HIGH: timedelta(hours=1),
    Priority.MEDIUM: timedelta(minutes=30),
    Priority.LOW: timedelta(),
}
"""By how much a job goes before those of LOW priority; who has waited for longer than that goes before newer ones."""


def line_up(job: Job, due_at: datetime) -> None:
    """Let a new job be due at a moment, and give it its place in line, which it keeps over all its attempts."""
    job.due_at = due_at
    job.rank_at = due_at - HEAD_STARTS[job.priority]


def wake_up(job: Job) -> WakeUp:
    """Make the wake-up of a waiting job."""
    return WakeUp(job.id, job.lease_token, job.due_at if job.due_at > utc_now() else job.rank_at)
