"""Batches: jobs whose work is done by their children, and whose figures are their children's sums."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain.happenings import FINAL, elapsed_s, happened, status_changed
from headgate.domain.job_results import replace_summaries, summary_of
from headgate.errors import JobFault
from headgate.pipelines.pace import rows_per_second, seconds_left
from headgate.storage.events import NewEvent
from headgate.storage.rows_of_jobs import COUNTED
from headgate.storage.tables import CancelMode, ErrorPolicy, Job, JobEventType, JobStatus, utc_now

UNENDED = frozenset(JobStatus) - FINAL
WELL = (JobStatus.SUCCEEDED, JobStatus.PARTIAL)


@dataclass
class Totals:
    """The sums over a batch's children: how many have which status, their rows, and how far those that run are."""

    children: dict[JobStatus, int] = field(default_factory=lambda: defaultdict(int))
    rows: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    running: list[Mapping[str, Any]] = field(default_factory=list)

    def count(self, statuses: Iterable[JobStatus]) -> int:
        """Count the children that have one of these statuses."""
        return sum(self.children.get(status, 0) for status in statuses)

    def to_json(self) -> dict[str, Any]:
        """Say how many items have which status, for those that any has."""
        return {"items": {status.value: count for status, count in self.children.items() if count}}

    @property
    def is_final(self) -> bool:
        """Whether every child has ended."""
        return self.count(FINAL) == sum(self.children.values())


def parents_of(jobs: Iterable[Job]) -> set[str]:
    """Name the batches that these jobs belong to."""
    return {job.parent_id for job in jobs if job.parent_id is not None}


async def begin(session: AsyncSession, parent_ids: Collection[str]) -> list[NewEvent]:
    """Let batches run whose first child does."""
    parents = [parent for parent in await _lock(session, parent_ids) if parent.status is JobStatus.QUEUED]
    for parent in parents:
        parent.started_at = utc_now()
    return [status_changed(parent, JobStatus.RUNNING) for parent in parents]


async def refresh(session: AsyncSession, parent_ids: Collection[str]) -> list[NewEvent]:
    """Bring the figures of batches up to date, and end those whose last child has ended.

    To be called behind the changes of their children, in the same transaction: of two children that end at the same
    time, the lock on the batch lets the later one see the earlier.
    """
    parents = await _lock(session, parent_ids)
    totals = await _totals(session, [parent.id for parent in parents])
    events = [_refreshed(parent, totals[parent.id]) for parent in parents]
    await _sum_up(session, parents, totals)
    return events


async def recount(session: AsyncSession, parent_ids: Collection[str]) -> list[NewEvent]:
    """Bring the figures of batches up to date that may have ended, since rejected rows of their items passed later."""
    ended = await _lock(session, parent_ids, (JobStatus.PARTIAL, JobStatus.FAILED))
    totals = await _totals(session, [parent.id for parent in ended])
    events = []
    for parent in ended:
        status, finished_at, parent.failure = parent.status, parent.finished_at, None
        event = _refreshed(parent, totals[parent.id])
        parent.finished_at = finished_at
        if parent.status is status:
            parent.last_event -= 1
        else:
            events.append(event)
    await _sum_up(session, ended, totals)
    return events + await refresh(session, set(parent_ids) - {parent.id for parent in ended})


async def _lock(
    session: AsyncSession, parent_ids: Collection[str], statuses: Collection[JobStatus] = UNENDED
) -> list[Job]:
    if not parent_ids:
        return []
    statement = (
        select(Job)
        .where(col(Job.id).in_(parent_ids), col(Job.status).in_(statuses))
        .order_by(col(Job.id))
        .with_for_update(key_share=True)
    )
    return list((await session.scalars(statement)).all())


async def _totals(session: AsyncSession, parent_ids: Collection[str]) -> dict[str, Totals]:
    totals: dict[str, Totals] = defaultdict(Totals)
    if not parent_ids:
        return totals
    sums = [func.sum(getattr(Job, name)) for name in COUNTED]
    of_parents = col(Job.parent_id).in_(parent_ids)
    by_status = select(Job.parent_id, Job.status, func.count(), *sums).where(of_parents)
    for parent_id, status, count, *rows in await session.execute(
        by_status.group_by(Job.parent_id, Job.status)
    ):
        totals[parent_id].children[status] += count
        for name, value in zip(COUNTED, rows, strict=True):
            totals[parent_id].rows[name] += int(value)
    running = select(Job.parent_id, Job.progress).where(of_parents, col(Job.status) == JobStatus.RUNNING)
    for parent_id, progress in await session.execute(running):
        totals[str(parent_id)].running.append(progress)
    return totals


def _refreshed(parent: Job, totals: Totals) -> NewEvent:
    for name in COUNTED:
        setattr(parent, name, totals.rows[name])
    parent.progress = _progress(parent, totals)
    policy = ErrorPolicy(parent.spec["errorPolicy"])
    failed = _failed(parent, totals)
    if failed and policy is ErrorPolicy.REJECT_ALL and parent.cancel is None:
        parent.cancel = CancelMode.SAFE
    if not totals.is_final:
        return happened(parent, JobEventType.PROGRESS, progress=parent.progress)
    status = _ending(parent, totals, policy)
    if status is JobStatus.FAILED:
        parent.failure = _failure(failed, _size(parent)).to_json()
    return status_changed(parent, status, parent.failure["message"] if parent.failure else None)


async def _sum_up(session: AsyncSession, parents: Iterable[Job], totals: Mapping[str, Totals]) -> None:
    """Store what came of batches that have ended: how many of their items have which status."""
    ended = [parent for parent in parents if parent.status in FINAL - {JobStatus.CANCELED}]
    await replace_summaries(session, [summary_of(each, totals[each.id].to_json()) for each in ended])


def _size(parent: Job) -> int:
    return len(parent.spec["items"])


def _failed(parent: Job, totals: Totals) -> int:
    """How many items failed or were not even taken."""
    refused = sum("errors" in item for item in parent.spec["items"])
    return refused + totals.count([JobStatus.FAILED])


def _ending(parent: Job, totals: Totals, policy: ErrorPolicy) -> JobStatus:
    well, failed = totals.count(WELL), _failed(parent, totals)
    if failed and (policy is ErrorPolicy.REJECT_ALL or not (well or parent.cancel)):
        return JobStatus.FAILED
    if not well:
        return JobStatus.CANCELED
    return JobStatus.SUCCEEDED if totals.children[JobStatus.SUCCEEDED] == _size(parent) else JobStatus.PARTIAL


def _failure(failed: int, items: int) -> JobFault:
    message = f"{failed} of {items} items failed; the jobs of the items say why."
    return JobFault("BATCH_FAILED", message, "DATA", details={"failed": failed, "items": items})


def _progress(parent: Job, totals: Totals) -> dict[str, Any]:
    """Sum up how far the children are; a finished one counts as one whole."""
    done, size = totals.count(FINAL), sum(totals.children.values())
    read = totals.rows["rows_read"] + sum(figures.get("rows_read", 0) for figures in totals.running)
    written = totals.rows["rows_accepted"] + sum(figures.get("rows_written", 0) for figures in totals.running)
    fraction = (done + sum(figures.get("fraction") or 0 for figures in totals.running)) / size
    elapsed = elapsed_s(parent)
    return {
        "stage": "done" if totals.is_final else "items",
        "fraction": fraction,
        "rows_read": read,
        "rows_written": written,
        "rows_per_second": rows_per_second(read, elapsed),
        "eta_seconds": seconds_left(fraction, elapsed),
    }
