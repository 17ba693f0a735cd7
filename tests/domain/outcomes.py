"""What comes of attempts in these tests, and how they look at what was recorded."""

from typing import Any

from sqlmodel import col, select

from headgate.domain import jobs
from headgate.domain.ports import ProcessDied
from headgate.domain.services import Services
from headgate.errors import JobFault
from headgate.storage.tables import Job, JobEvent

COUNTS = {"read": 3, "accepted": 2, "rejected": 1, "filtered": 0, "merged": 0, "warnings": 4}
EXPIRED_S = -1.0
"""The length of a lease that has run out as soon as it begins."""
FAULT = JobFault("X", "x", "DATA")
OUTAGE = JobFault("OUTAGE", "Not there.", "DEPENDENCY", retryable=True)
DEATH = ProcessDied("CHILD_DIED", "Killed.", "SYSTEM", retryable=True)


def a_result(version: int = 0, **counts: int) -> dict[str, Any]:
    """The engine's result of a commit that made this version of its dataset."""
    committed = {"version": version, "row_count": 2, "byte_size": 10, "columns": [{"name": "a"}]}
    return {"counts": COUNTS | counts, "dataset": committed}


def no_bad_rows(version: int = 0) -> dict[str, Any]:
    """The result of a commit that took all rows."""
    return a_result(version, accepted=3, rejected=0)


async def reread(services: Services, job: Job) -> Job:
    """Read a job as it is by now."""
    return await jobs.require_job(services, job.id)


async def events_of(services: Services, job: Job) -> list[JobEvent]:
    """Read all events of a job, in its own order."""
    statement = select(JobEvent).where(JobEvent.job_id == job.id).order_by(col(JobEvent.seq))
    async with services.database.read() as session:
        return list((await session.scalars(statement)).all())
