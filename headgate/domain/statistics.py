"""Figures over many jobs, worked out by the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Select, SQLColumnExpression, Subquery, case, func, select
from sqlmodel import col

from headgate.domain.jobs import JobFilter, conditions
from headgate.domain.pipelines import get_many as get_pipelines
from headgate.domain.services import Services
from headgate.storage.moments import MicrosecondsBetween, UtcDay
from headgate.storage.tables import Job, JobKind, JobStatus, Priority

MAX_GROUPS = 366
US_PER_MS = 1000


class JobGroup(StrEnum):
    """What the jobs of a group have in common."""

    STATUS = "STATUS"
    KIND = "KIND"
    PRIORITY = "PRIORITY"
    PIPELINE = "PIPELINE"
    DAY = "DAY"


KEYS: Mapping[JobGroup, Any] = {
    JobGroup.STATUS: Job.status,
    JobGroup.KIND: Job.kind,
    JobGroup.PRIORITY: Job.priority,
    JobGroup.PIPELINE: Job.pipeline_id,
    JobGroup.DAY: UtcDay(col(Job.created_at)),
}
CHOICES: Mapping[JobGroup, list[str]] = {
    JobGroup.STATUS: list(JobStatus),
    JobGroup.KIND: list(JobKind),
    JobGroup.PRIORITY: list(Priority),
}
"""The order of keys that are no days."""


@dataclass(frozen=True, slots=True)
class JobStatistics:
    """Figures of one group.

    `key` is what its jobs have in common: of a pipeline its name, and a day is one of UTC, such as 2026-01-31. The
    durations, in milliseconds, are those of jobs that were started and have ended: half of these, or 95 in 100, took
    no longer. They are None where there is none.
    """

    key: str
    jobs: int
    rows_read: int
    rows_rejected: int
    duration_p50_ms: float | None
    duration_p95_ms: float | None


async def by_group(services: Services, wanted: JobFilter, group: JobGroup) -> list[JobStatistics]:
    """Work out the figures of each group of the jobs that a filter matches.

    Days come newest first, 366 at most, pipelines by name, the 366 newest, and other groups in the order of their enum;
    jobs of no pipeline are in no group of pipelines. The rows of a batch are its children's: they count only in a group
    of nothing but batches.
    """
    async with services.database.read() as session:
        found = [_statistics(row) for row in await session.execute(_summary(wanted, group))]
    if group is JobGroup.PIPELINE:
        return await _by_name(services, found)
    order = CHOICES.get(group)
    return sorted(found, key=lambda each: order.index(each.key)) if order else found


async def _by_name(services: Services, found: Sequence[JobStatistics]) -> list[JobStatistics]:
    """Name the pipelines of groups that have their ids as keys; one that has been deleted meanwhile is left out."""
    pipelines = await get_pipelines(services, [each.key for each in found])
    named = [replace(each, key=pipelines[each.key].name) for each in found if each.key in pipelines]
    return sorted(named, key=lambda each: each.key)


def _summary(wanted: JobFilter, group: JobGroup) -> Select[Any]:
    job = ranked(_chosen(wanted, group).subquery()).subquery().c
    rows = [func.sum(job.rows_read), func.sum(job.rows_rejected)]
    percentiles = [percentile(job, 50), percentile(job, 95)]
    return (
        select(job.key, func.count(), *rows, *percentiles)
        .group_by(job.key)
        .order_by(job.key.desc())
        .limit(MAX_GROUPS)
    )


def _chosen(wanted: JobFilter, group: JobGroup) -> Select[Any]:
    """One row for each job; the duration in microseconds, null where there is none."""
    counts_batches = group is JobGroup.KIND or set(wanted.kind) == {JobKind.BATCH}
    return select(
        KEYS[group].label("key"),
        _rows(Job.rows_read, counts_batches).label("rows_read"),
        _rows(Job.rows_rejected, counts_batches).label("rows_rejected"),
        MicrosecondsBetween(col(Job.started_at), col(Job.finished_at)).label("duration_us"),
    ).where(*conditions(wanted), *_has_key(group))


def _has_key(group: JobGroup) -> list[ColumnElement[bool]]:
    return [col(Job.pipeline_id).is_not(None)] if group is JobGroup.PIPELINE else []


def _rows(column: int, counts_batches: bool) -> SQLColumnExpression[int]:
    return col(column) if counts_batches else case((col(Job.kind) == JobKind.BATCH, 0), else_=col(column))


def ranked(chosen: Subquery) -> Select[Any]:
    """Number the jobs of each group, its `key`, by their `duration_us`, and count those that have one."""
    key, duration_us = chosen.c.key, chosen.c.duration_us
    return select(
        chosen,
        func.row_number().over(partition_by=key, order_by=duration_us.asc().nulls_last()).label("rank"),
        func.count(duration_us).over(partition_by=key).label("timed"),
    )


def percentile(job: Any, percent: int) -> ColumnElement[int | None]:
    """The least duration that so many of 100 ranked jobs do not exceed (nearest rank)."""
    return func.min(case((job.rank * 100 >= job.timed * percent, job.duration_us)))


def _statistics(row: Any) -> JobStatistics:
    key, jobs, rows_read, rows_rejected, *durations_us = row
    p50_ms, p95_ms = (each if each is None else each / US_PER_MS for each in durations_us)
    return JobStatistics(str(key), jobs, int(rows_read), int(rows_rejected), p50_ms, p95_ms)
