"""Pipelines: find them, and the jobs that they ran last."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlmodel import col, select

from headgate.domain.ids import is_storable
from headgate.domain.jobs import listed
from headgate.domain.pages import (
    Keyset,
    Page,
    decode_cursor,
    encode_cursor,
    invalid_cursor,
    moment_cursor,
    moment_position,
    read_page,
)
from headgate.domain.queries import by_ids, contains, count_rows, is_one_of
from headgate.domain.services import Services
from headgate.storage.tables import Job, JobStatus, Pipeline

NATIVE_TYPES = {"INTEGER": "Int64", "FLOAT": "Float64"}
"""What the engine calls types of which it has several, or another name; the likely ones."""


class PipelineOrder(StrEnum):
    """The order of a list of pipelines."""

    NAME_ASC = "NAME_ASC"
    NAME_DESC = "NAME_DESC"
    UPDATED_AT_DESC = "UPDATED_AT_DESC"


@dataclass(frozen=True, slots=True)
class PipelineFilter:
    """Which pipelines to list; an empty field matches all. `status` is that of the newest job."""

    name_contains: str | None = None
    enabled: bool | None = None
    status: Collection[JobStatus] = ()


async def get(services: Services, name: str) -> Pipeline | None:
    """Find a pipeline by its name."""
    if not is_storable(name):
        return None
    async with services.database.read() as session:
        return (await session.scalars(select(Pipeline).where(Pipeline.name == name))).first()


async def get_many(services: Services, pipeline_ids: Collection[str]) -> dict[str, Pipeline]:
    """Find pipelines by id, in one query; unknown ids are left out."""
    return await by_ids(services.database, Pipeline, pipeline_ids)


async def page(
    services: Services, wanted: PipelineFilter, order: PipelineOrder, first: int, after: str | None
) -> Page[Pipeline]:
    """List pipelines; raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR)."""
    statement = select(Pipeline).where(*_conditions(wanted))
    return await read_page(services.database, statement, KEYSETS[order], first=first, after=after)


async def total(services: Services, wanted: PipelineFilter) -> int:
    """Count the pipelines that the filter matches."""
    return await count_rows(services.database, Pipeline, _conditions(wanted))


async def last_jobs(services: Services, pipeline_ids: Collection[str]) -> dict[str, Job]:
    """Find the newest job of each pipeline, in one query; a pipeline that never ran is left out."""
    newest = (
        select(func.max(Job.id))
        .where(col(Job.pipeline_id) == col(Pipeline.id))
        .correlate(Pipeline)
        .scalar_subquery()
    )
    of_pipelines = select(newest).select_from(Pipeline).where(is_one_of(Pipeline.id, pipeline_ids))
    async with services.database.read() as session:
        found: Any = await session.execute(listed().where(col(Job.id).in_(of_pipelines)))
        return {job.pipeline_id: job for job in found}


def columns_of(pipeline: Pipeline) -> list[dict[str, Any]]:
    """The columns that its newest version last produced; before that, those of its contract."""
    if pipeline.columns:
        return pipeline.columns
    contract = pipeline.spec.get("contract") or {}
    return [
        {
            "name": column["name"],
            "type": column["type"],
            "nativeType": NATIVE_TYPES.get(column["type"], column["type"].capitalize()),
            "nullable": column.get("nullable", True),
        }
        for column in contract.get("columns", ())
    ]


def _conditions(wanted: PipelineFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.name_contains:
        conditions.append(contains(Pipeline.name, wanted.name_contains))
    if wanted.enabled is not None:
        conditions.append(col(Pipeline.enabled).is_(wanted.enabled))
    if wanted.status:
        conditions.append(_status_of_newest_job().in_(wanted.status))
    return conditions


def _status_of_newest_job() -> ColumnElement[Any]:
    return (
        select(Job.status)
        .where(col(Job.pipeline_id) == col(Pipeline.id))
        .order_by(col(Job.id).desc())
        .limit(1)
        .correlate(Pipeline)
        .scalar_subquery()
    )


def _name_cursor(pipeline: Pipeline) -> str:
    return encode_cursor(pipeline.name)


def _name_position(cursor: str) -> tuple[str]:
    name = decode_cursor(cursor)
    if not is_storable(name):
        raise invalid_cursor()
    return (name,)


def _updated_cursor(pipeline: Pipeline) -> str:
    return moment_cursor(pipeline.updated_at, pipeline.id)


def _updated_position(cursor: str) -> tuple[datetime, str]:
    return moment_position(cursor, "pipeline")


KEYSETS: Mapping[PipelineOrder, Keyset[Pipeline]] = {
    PipelineOrder.NAME_ASC: Keyset((Pipeline.name,), _name_cursor, _name_position),
    PipelineOrder.NAME_DESC: Keyset((Pipeline.name,), _name_cursor, _name_position, descending=True),
    PipelineOrder.UPDATED_AT_DESC: Keyset(
        (Pipeline.updated_at, Pipeline.id), _updated_cursor, _updated_position, descending=True
    ),
}
