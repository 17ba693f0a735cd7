"""What the server tells, as frozen dataclasses; the API's own words, with the names of fields as Python has them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self

from headgate.client.errors import JobFailed

JobStatus = Literal["QUEUED", "RUNNING", "RETRYING", "SUCCEEDED", "PARTIAL", "FAILED", "CANCELED"]
JobKind = Literal["INGEST", "VALIDATE", "MAPPING", "BATCH", "CORRECTION", "EXPORT"]
FileStatus = Literal["RECEIVING", "READY", "FAILED", "EXPIRED"]
FileFormat = Literal["CSV", "TSV", "JSON", "NDJSON", "PARQUET", "EXCEL", "ARROW"]
EventType = Literal["STATUS", "PROGRESS", "ERRORS", "LOG", "LAGGED"]
WriteMode = Literal["APPEND", "REPLACE", "UPSERT"]
Priority = Literal["HIGH", "MEDIUM", "LOW"]
Severity = Literal["ERROR", "WARNING"]

ENDED = ("SUCCEEDED", "PARTIAL", "FAILED", "CANCELED")


@dataclass(frozen=True, slots=True)
class Named:
    """A pipeline or a dataset that something belongs to."""

    name: str


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a file or a dataset."""

    name: str
    type: str
    nullable: bool


@dataclass(frozen=True, slots=True)
class FileFailure:
    """Why a file cannot be used."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class File:
    """A file that was uploaded, with the columns that were found in it; `byte_size` in bytes."""

    id: str
    name: str
    status: FileStatus
    format: FileFormat | None
    byte_size: int
    sha256: str | None
    columns: tuple[Column, ...]
    failure: FileFailure | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of a job: read = accepted + rejected + filtered + merged."""

    read: int
    accepted: int
    rejected: int
    filtered: int
    merged: int
    warnings: int


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job has come. `fraction` is from 0 to 1, and None where the end is not known."""

    stage: str
    fraction: float | None
    rows_read: int
    rows_written: int
    bytes_read: int
    bytes_total: int | None
    rows_per_second: float | None
    eta_seconds: float | None
    message: str | None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job, or an attempt at it, failed."""

    code: str
    category: Literal["DATA", "CONFIG", "SYSTEM", "DEPENDENCY"]
    message: str
    retryable: bool
    step: str | None
    details: Any


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it was when the server was asked; `file` and others that it has are told by their ids or names."""

    id: str
    kind: JobKind
    status: JobStatus
    priority: Priority
    counts: Counts
    progress: Progress
    failure: Failure | None
    pipeline: Named | None
    dataset: Named | None
    dataset_version: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    duration_ms: float | None

    @property
    def has_ended(self) -> bool:
        """Whether its status is final."""
        return self.status in ENDED

    def raise_for_failure(self) -> Self:
        """Raise JobFailed where it has ended as FAILED or CANCELED; else answer the job itself."""
        if self.status in ("FAILED", "CANCELED"):
            raise JobFailed(self)
        return self


@dataclass(frozen=True, slots=True)
class RowError:
    """One fault of a row or a cell.

    `row` counts records from 1 without the header, `line` lines of a text file from 1; `value` is the cell as it stood
    in the source, and `record` the whole row, where it could be read.
    """

    id: str
    row: int | None
    line: int | None
    column: str | None
    value: str | None
    code: str
    check: str | None
    severity: Severity
    message: str
    suggestion: str | None
    record: Any


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job; `cursor` resumes behind it, and `job` may have come further than the event.

    `errors` are the first of each kind that a running job has found and then, when it has ended, the first ten of those
    that are open: the same one may come twice, with the same id. `Headgate.errors` lists all.
    """

    cursor: str
    type: EventType
    at: datetime
    status: JobStatus | None
    progress: Progress | None
    message: str | None
    errors: tuple[RowError, ...]
    job: Job


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset as it is now; `version` is None where nothing was committed yet."""

    id: str
    name: str
    description: str | None
    version: int | None
    columns: tuple[Column, ...]
    row_count: int
    byte_size: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a pipeline runs by itself."""

    cron: str
    timezone: str
    overlap: str
    next_run_at: datetime | None


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A pipeline in its newest version; `spec` is what it does, as JSON, and `status` that of its last job."""

    id: str
    name: str
    description: str | None
    version: int
    enabled: bool
    status: JobStatus | None
    schedule: Schedule | None
    spec: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of the records of one call; `job` commits those that were accepted."""

    accepted: int
    rejected: int
    replayed: bool
    row_errors: tuple[RowError, ...]
    job: Job | None
