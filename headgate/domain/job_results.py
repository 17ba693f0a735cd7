"""What jobs store of what came of them, in the transaction that ends them: one result each at least.

A job that was canceled came to nothing, and stores none.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from headgate.storage.ids import new_id
from headgate.storage.rows_of_jobs import add_results
from headgate.storage.tables import Job, JobKind, Result, ResultKind, utc_now

VALIDATED, MAPPED = "validation", "mapping"
"""What the results of jobs are called that make no dataset."""
REPORTS = {
    JobKind.VALIDATE: (ResultKind.VALIDATION, VALIDATED),
    JobKind.MAPPING: (ResultKind.MAPPING, MAPPED),
}
COUNTS = ("read", "accepted", "rejected", "filtered", "merged")
FAILURE = ("code", "category", "message", "retryable")
"""As much of a failure as a result says; the job says all of it."""


def result_of(job: Job, kind: ResultKind, name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Make a result of a job, as `add_results` takes it; what became of its rows goes into its data."""
    counts = {count: getattr(job, f"rows_{count}") for count in COUNTS}
    return {
        "id": new_id("result"),
        "kind": kind,
        "name": name,
        "job_id": job.id,
        "dataset_id": job.dataset_id,
        "dataset_version": job.dataset_version,
        "data": {"counts": {**counts, "warnings": job.warnings}, **data},
        "tags": [],
        "created_at": utc_now(),
        "created_by_id": job.created_by_id,
    }


def export_of(job: Job, said: Mapping[str, Any]) -> dict[str, Any]:
    """Make the result of what a sink has done, about the version that was exported where that is known."""
    made = result_of(job, ResultKind.EXPORT, said["kind"], said)
    source = job.spec["source"].get("dataset") if job.kind is JobKind.EXPORT else None
    if source is not None:
        made |= {"dataset_id": source["id"], "dataset_version": source["version"]}
    return made


def summary_of(job: Job, also: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Make the result of an ended job that has made nothing else: its status, and its failure where it has one."""
    said: dict[str, Any] = {"status": job.status, **(also or {})}
    if job.failure is not None:
        said["failure"] = {name: job.failure[name] for name in FAILURE}
    return result_of(job, ResultKind.SUMMARY, job.kind.lower(), said)


async def replace_summaries(session: AsyncSession, summaries: Iterable[Mapping[str, Any]]) -> None:
    """Store summaries in the place of those that their jobs have."""
    rows = [dict(each) for each in summaries]
    of_jobs = col(Result.job_id).in_([row["job_id"] for row in rows])
    if rows:
        await session.execute(delete(Result).where(of_jobs, col(Result.kind) == ResultKind.SUMMARY))
        await add_results(session, rows)
