"""The tables of the SQL database, one class each; every change to them needs a migration."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlmodel import Field

from headgate.storage.access_tables import ApiKey as ApiKey
from headgate.storage.access_tables import AuditEntry as AuditEntry
from headgate.storage.access_tables import Role as Role
from headgate.storage.access_tables import Session as Session
from headgate.storage.access_tables import User as User
from headgate.storage.fields import Table as Table
from headgate.storage.fields import choice, count, json_value, later, link, moment
from headgate.storage.fields import utc_now as utc_now
from headgate.storage.formats import FileFormat as FileFormat
from headgate.storage.intake_tables import COUNTING
from headgate.storage.intake_tables import Append as Append
from headgate.storage.intake_tables import Stream as Stream
from headgate.storage.intake_tables import Upload as Upload
from headgate.storage.pipeline_tables import Endpoint as Endpoint
from headgate.storage.pipeline_tables import EndpointKind as EndpointKind
from headgate.storage.pipeline_tables import ItemStatus as ItemStatus
from headgate.storage.pipeline_tables import JobItem as JobItem
from headgate.storage.pipeline_tables import OverlapPolicy as OverlapPolicy
from headgate.storage.pipeline_tables import Pipeline as Pipeline
from headgate.storage.pipeline_tables import PipelineVersion as PipelineVersion
from headgate.telemetry import noted_request
from headgate.tracing import traceparent


class FileStatus(StrEnum):
    """How far a file has come in."""

    RECEIVING = "RECEIVING"
    READY = "READY"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


class JobKind(StrEnum):
    """What a job does."""

    INGEST = "INGEST"
    VALIDATE = "VALIDATE"
    MAPPING = "MAPPING"
    BATCH = "BATCH"
    CORRECTION = "CORRECTION"
    EXPORT = "EXPORT"


class JobStatus(StrEnum):
    """Where a job is: RETRYING waits for its next attempt, PARTIAL ended well with some rows rejected."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    RETRYING = "RETRYING"
    SUCCEEDED = "SUCCEEDED"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


class Priority(StrEnum):
    """Which of the waiting jobs goes first."""

    HIGH = "HIGH"
    MEDIUM = "MEDIUM"
    LOW = "LOW"


class CancelMode(StrEnum):
    """How a job is stopped: at its next safe point, or at once."""

    SAFE = "SAFE"
    FORCE = "FORCE"


class ErrorPolicy(StrEnum):
    """What the failure of one item means for its batch."""

    REJECT_ALL = "REJECT_ALL"
    REJECT_FAILED = "REJECT_FAILED"


class JobEventType(StrEnum):
    """What one event of a job tells."""

    STATUS = "STATUS"
    PROGRESS = "PROGRESS"
    ERRORS = "ERRORS"
    LOG = "LOG"
    LAGGED = "LAGGED"


class ResultKind(StrEnum):
    """What a stored result holds."""

    VALIDATION = "VALIDATION"
    PROFILE = "PROFILE"
    DATASET = "DATASET"
    MAPPING = "MAPPING"
    EXPORT = "EXPORT"
    SUMMARY = "SUMMARY"
    CUSTOM = "CUSTOM"


class File(Table, table=True):
    """A file received and stored; `name` is the sender's, only shown and never used as a path."""

    __tablename__ = "files"

    id: str = Field(primary_key=True)
    name: str
    status: FileStatus = choice(FileStatus)
    format: FileFormat | None = choice(FileFormat, default=None)
    dialect: dict[str, Any] | None = json_value()
    byte_size: int = count()
    sha256: str | None = None
    storage_key: str | None = None
    columns: list[dict[str, Any]] = json_value(default_factory=list)
    failure: dict[str, Any] | None = json_value()
    created_at: datetime = moment()
    created_by_id: str | None = link("users.id")


class Dataset(Table, table=True):
    """A named table of data; its rows lie under `storage_key`; no `version` before the first commit.

    Versions before `oldest_version` can be read no more. One that was deleted keeps its row, under another name.
    """

    __tablename__ = "datasets"

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    description: str | None = None
    storage_key: str
    version: int | None = count(default=None)
    oldest_version: int = count()
    row_count: int = count()
    byte_size: int = count()
    columns: list[dict[str, Any]] = json_value(default_factory=list)
    created_at: datetime = moment()
    updated_at: datetime = moment()
    deleted_at: datetime | None = later()


class Job(Table, table=True):
    """One durable piece of work. This row is the truth about it; only the lease's holder may close it.

    A waiting job may be claimed from `due_at` on; of those that are due, the one with the earliest `rank_at`
    goes first. `lease_token` is raised by every claim, and fences off a worker that lost its lease; an order to
    stop raises that of a waiting job, which has to be woken anew.
    `failures` are the attempts that failed for reasons of the job's own, `crashes` those of them that took
    their process along. `last_event` is the `seq` of the newest JobEvent. A batch is a job with children, at
    `position` 0, 1, …; it is never claimed itself.
    A job of a pipeline that its schedule started has the moment that it was due at as `tick_at`: one job for each.
    `request_id` is of the request that it was made for, and `traceparent` (W3C) tells where in a trace that was.
    A job that `has_errors` has a ledger of them; those of rows that jobs of `resolved_by` have resolved, named by
    their ids, are open no more.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index(None, "status", "rank_at"),
        Index(None, "rank_at", "id"),
        Index(None, "dataset_id", "id"),
        Index(None, "parent_id", "position"),
        Index(None, "retry_of_id", "id"),
        Index(None, "pipeline_id", "id"),
        UniqueConstraint("pipeline_id", "tick_at"),
        Index(
            "ix_jobs_with_errors",
            "id",
            postgresql_where=text("has_errors"),
            sqlite_where=text("has_errors = 1"),
        ),
    )

    id: str = Field(primary_key=True)
    kind: JobKind = choice(JobKind)
    status: JobStatus = choice(JobStatus, default=JobStatus.QUEUED)
    priority: Priority = choice(Priority, default=Priority.MEDIUM)
    parent_id: str | None = link("jobs.id")
    position: int | None = None
    retry_of_id: str | None = link("jobs.id")
    pipeline_id: str | None = link("pipelines.id")
    pipeline_version: int | None = None
    tick_at: datetime | None = later()
    file_id: str | None = link("files.id", default=None, index=True)
    dataset_id: str | None = link("datasets.id")
    dataset_version: int | None = count(default=None)
    spec: dict[str, Any] = json_value(default_factory=dict)
    rows_read: int = count()
    rows_accepted: int = count()
    rows_rejected: int = count()
    rows_filtered: int = count()
    rows_merged: int = count()
    warnings: int = count()
    has_errors: bool = False
    resolves_id: str | None = link("jobs.id", default=None, index=True)
    resolved_by: list[str] = json_value(default_factory=list)
    progress: dict[str, Any] = json_value(default_factory=dict)
    failure: dict[str, Any] | None = json_value()
    attempts: int = 0
    failures: int = 0
    crashes: int = 0
    cancel: CancelMode | None = choice(CancelMode, default=None)
    lease_token: int = 0
    lease_expires_at: datetime | None = later()
    last_event: int = 0
    due_at: datetime = moment()
    rank_at: datetime = moment()
    created_at: datetime = moment()
    started_at: datetime | None = later()
    finished_at: datetime | None = later()
    created_by_id: str | None = link("users.id")
    request_id: str | None = Field(default_factory=noted_request)
    traceparent: str | None = Field(default_factory=traceparent)


class Attempt(Table, table=True):
    """One try of a job, numbered from 1."""

    __tablename__ = "attempts"
    __table_args__ = (UniqueConstraint("job_id", "number"),)

    id: str = Field(primary_key=True)
    job_id: str = link("jobs.id", nullable=False)
    number: int
    status: JobStatus = choice(JobStatus, default=JobStatus.RUNNING)
    worker: str | None = None
    started_at: datetime = moment()
    finished_at: datetime | None = later()
    failure: dict[str, Any] | None = json_value()


class JobEvent(Table, table=True):
    """One event of a job; `seq` counts from 1 without a gap.

    `number` counts the events of all jobs in the order in which they were committed, with gaps: whoever has
    read up to one number finds all later events behind it. `errors` are samples that a running job sent.
    """

    __tablename__ = "job_events"
    __table_args__ = (
        UniqueConstraint("job_id", "seq"),
        Index(None, "job_id", "number"),
        {"sqlite_autoincrement": True},
    )

    number: int | None = Field(default=None, primary_key=True, sa_type=COUNTING)
    job_id: str = link("jobs.id", nullable=False)
    seq: int = Field(sa_type=BigInteger)
    type: JobEventType = choice(JobEventType)
    at: datetime = moment()
    status: JobStatus | None = choice(JobStatus, default=None)
    progress: dict[str, Any] | None = json_value()
    message: str | None = None
    errors: list[dict[str, Any]] | None = json_value()


class IdempotencyKey(Table, table=True):
    """What a caller started under a key of their own: the same key with the same request starts nothing again.

    `fingerprint` is the SHA-256 of the operation and its input, `subject_id` the id of what was started.
    """

    __tablename__ = "idempotency_keys"

    user_id: str = link("users.id", primary_key=True)
    key: str = Field(primary_key=True)
    fingerprint: str
    subject_id: str
    created_at: datetime = moment()


class Worker(Table, table=True):
    """A process that runs jobs, for as long as it tells of itself."""

    __tablename__ = "workers"

    id: str = Field(primary_key=True)
    host: str
    started_at: datetime = moment()
    last_seen_at: datetime = moment()
    running_jobs: int = 0


class Turn(Table, table=True):
    """When some process last took its turn at a chore that one process does for all."""

    __tablename__ = "turns"

    name: str = Field(primary_key=True)
    taken_at: datetime = moment()


class Counter(Table, table=True):
    """How often something has happened in this Headgate, all processes together."""

    __tablename__ = "counters"

    name: str = Field(primary_key=True)
    value: int = count()


class Result(Table, table=True):
    """What a job or a client stored under a name, to be found again."""

    __tablename__ = "results"
    __table_args__ = (Index(None, "job_id", "id"), Index(None, "dataset_id", "id"), Index(None, "name", "id"))

    id: str = Field(primary_key=True)
    kind: ResultKind = choice(ResultKind)
    name: str
    job_id: str | None = link("jobs.id")
    dataset_id: str | None = link("datasets.id")
    dataset_version: int | None = count(default=None)
    data: Any = json_value(nullable=False)
    tags: list[str] = json_value(default_factory=list)
    created_at: datetime = moment()
    created_by_id: str | None = link("users.id")
