"""The tables of pipelines, of the endpoints that they read from and write to, and of the items of mappings."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from headgate.storage.fields import Table, choice, json_value, later, link, moment


class OverlapPolicy(StrEnum):
    """What a schedule does at a tick while a job of its pipeline is still at work."""

    SKIP = "SKIP"
    QUEUE = "QUEUE"
    CANCEL_RUNNING = "CANCEL_RUNNING"


class EndpointKind(StrEnum):
    """What stands at the other end."""

    HTTP = "HTTP"
    SQL = "SQL"
    S3 = "S3"
    DRUID = "DRUID"
    SIMULATED = "SIMULATED"


class ItemStatus(StrEnum):
    """How far one item of a job of mappings is."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class Pipeline(Table, table=True):
    """A pipeline as its newest version says it.

    `cron`, `timezone` and `overlap` are its schedule, which starts a job at `next_run_at`; none of them is there
    without one, and no `next_run_at` where it is not enabled. `state` is what its incremental source goes on from,
    as the job left it that committed last. `columns` are those that its newest version last produced.
    """

    __tablename__ = "pipelines"
    __table_args__ = (Index(None, "next_run_at"), Index(None, "updated_at", "id"))

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    description: str | None = None
    version: int = 1
    enabled: bool = True
    spec: dict[str, Any] = json_value(default_factory=dict)
    cron: str | None = None
    timezone: str | None = None
    overlap: OverlapPolicy | None = choice(OverlapPolicy, default=None)
    next_run_at: datetime | None = later()
    state: dict[str, Any] | None = json_value()
    columns: list[dict[str, Any]] = json_value(default_factory=list)
    created_at: datetime = moment()
    updated_at: datetime = moment()
    created_by_id: str | None = link("users.id")


class PipelineVersion(Table, table=True):
    """One version of a pipeline, numbered from 1; it never changes."""

    __tablename__ = "pipeline_versions"

    pipeline_id: str = link("pipelines.id", primary_key=True)
    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    spec: dict[str, Any] = json_value(default_factory=dict)
    comment: str | None = None
    created_at: datetime = moment()
    created_by_id: str | None = link("users.id")


class Endpoint(Table, table=True):
    """An outside system, under a name. `secrets` is an encrypted JSON object; `secret_keys` are the keys in it."""

    __tablename__ = "endpoints"

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    kind: EndpointKind = choice(EndpointKind)
    settings: dict[str, Any] = json_value(default_factory=dict)
    secrets: str | None = None
    secret_keys: list[str] = json_value(default_factory=list)
    created_at: datetime = moment()
    created_by_id: str | None = link("users.id")


class JobItem(Table, table=True):
    """One mapping of a job of mappings, at `position` 0, 1, …; `id` is the caller's."""

    __tablename__ = "job_items"
    __table_args__ = (Index(None, "job_id", "status", "position"),)

    job_id: str = link("jobs.id", primary_key=True)
    position: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    id: str
    source: str
    target: str
    mapping: dict[str, Any] = json_value(default_factory=dict)
    status: ItemStatus = choice(ItemStatus, default=ItemStatus.PENDING)
    attempts: int = 0
    response: Any = json_value(default=None, nullable=True)
    failure: dict[str, Any] | None = json_value()
