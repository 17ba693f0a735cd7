"""Keyword arguments that several operations take."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, TypedDict

from headgate.client.models import File, FileFormat, Job, JobKind, JobStatus, Priority

Records = Iterable[Any]


class Started(TypedDict, total=False):
    """How a job is started.

    `wait_seconds` keeps the answer back until the job has ended, for up to 30 seconds. With an `idempotency_key` of
    one's own the same call starts one job, however often it is made; without one, that is so for the client's own
    retries.
    """

    priority: Priority | None
    wait_seconds: float | None
    idempotency_key: str | None


class Given(Started, total=False):
    """What a job reads, where that is no path: one of `file`, `records`, `text` (with its `format`) and `url`."""

    file: File | str
    records: Records
    text: str
    format: FileFormat
    url: str


class JobFilter(TypedDict, total=False):
    """Which jobs are listed; all conditions must hold. `file`, `parent` and `created_by` are ids, the others names."""

    ids: Sequence[str]
    kind: Sequence[JobKind]
    status: Sequence[JobStatus]
    priority: Sequence[Priority]
    pipeline: str
    dataset: str
    file: str
    parent: str
    created_by: str
    created_after: datetime
    created_before: datetime


class ErrorFilter(TypedDict, total=False):
    """Which errors are listed; all conditions must hold."""

    code: Sequence[str]
    column: Sequence[str]
    check: Sequence[str]
    severity: str
    row: int


def id_of(known: Job | File | str) -> str:
    """Tell the id of what is given by it, or as a whole."""
    return known if isinstance(known, str) else known.id
