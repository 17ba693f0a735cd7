"""A thin client of Headgate's API, for scripts and programs.

    with Headgate() as headgate:
        job = headgate.wait(headgate.ingest("loans.csv", dataset="loans"))
        for error in headgate.errors(job):
            print(error.row, error.column, error.message)

`AsyncHeadgate` has the same methods for asyncio, to be awaited or gone through with `async for`.
"""

from headgate.client.asynchronous import AsyncHeadgate
from headgate.client.blocking import Headgate
from headgate.client.errors import (
    Forbidden,
    HeadgateError,
    JobFailed,
    NotFound,
    RateLimited,
    Refused,
    TimedOut,
    Unauthenticated,
    Unreachable,
)
from headgate.client.models import (
    Appended,
    Column,
    Counts,
    Dataset,
    Event,
    Failure,
    File,
    Job,
    Pipeline,
    Progress,
    RowError,
    Schedule,
)

__all__ = [
    "Appended",
    "AsyncHeadgate",
    "Column",
    "Counts",
    "Dataset",
    "Event",
    "Failure",
    "File",
    "Forbidden",
    "Headgate",
    "HeadgateError",
    "Job",
    "JobFailed",
    "NotFound",
    "Pipeline",
    "Progress",
    "RateLimited",
    "Refused",
    "RowError",
    "Schedule",
    "TimedOut",
    "Unauthenticated",
    "Unreachable",
]
