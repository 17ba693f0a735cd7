"""Appending: what a call asks for, and the batch that its records would open."""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from headgate.domain.acceptance import NewJob
from headgate.domain.appended import APPENDED
from headgate.domain.idempotency import Token, token_of
from headgate.domain.ingest import IngestRequest, with_shorthands
from headgate.domain.permissions import Principal
from headgate.domain.plans import Plan
from headgate.domain.row_errors import RowError
from headgate.domain.specs import ROWS, RUNNING, chosen, dataset_sink
from headgate.errors import UserFault
from headgate.storage.datasets import WriteMode
from headgate.storage.formats import FileFormat
from headgate.storage.ids import new_id
from headgate.storage.tables import Append, Job, JobKind

PARTS = (*ROWS, "sinks", *RUNNING)
OPERATION = "appendRecords"
MAX_RECORDS = 500_000
"""So many records may one call have: each is looked at in memory."""


@dataclass(frozen=True, slots=True)
class AppendRequest:
    """Records to append to a dataset as they come, by way of a pipeline or none; `body` holds them as NDJSON."""

    dataset: str
    body: bytes = field(repr=False)
    pipeline: str | None = None


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of the records of one call: those that were accepted are durable, and the job's to commit.

    `errors` are the first faults of those that were rejected; `row` is a record's number within the call. `replayed` is
    true where an earlier call with the same key had appended them.
    """

    accepted: int
    rejected: int
    errors: list[RowError]
    job_id: str | None
    replayed: bool = False

    @classmethod
    def from_row(cls, row: Append, *, replayed: bool = True) -> "Appended":
        """Tell it of a call as it was stored."""
        told = [RowError.from_line(row.id, line) for line in row.errors]
        errors = [replace(error, job_id=row.job_id or row.id) for error in told]
        return cls(row.row_count, row.rejected, errors, row.job_id, replayed)


def ndjson(records: Iterable[Any]) -> bytes:
    """Write records as NDJSON; what JSON can't hold is left for the reader to refuse, a record at a time."""
    return b"".join(map(_line, records))


def _line(record: Any) -> bytes:
    try:
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        # Numbers of any size are fine, half characters are not: both are written as they came.
        return json.dumps(record).encode() + b"\n"


def check_records(request: AppendRequest) -> None:
    """Raise UserFault: EMPTY_DATA, TOO_MANY_RECORDS."""
    if not request.body or request.body.isspace():
        raise UserFault("EMPTY_DATA", "There are no records.", ("records",))
    if request.body.count(b"\n") > MAX_RECORDS:
        message = f"A call has at most {MAX_RECORDS:,} records. Send these in several."
        raise UserFault("TOO_MANY_RECORDS", message, ("records",))


def token_for(principal: Principal, key: str | None, request: AppendRequest) -> Token | None:
    """Make the token of a call. Raises UserFault (INVALID_ARGUMENT)."""
    if key is None:
        return None
    content = hashlib.sha256(request.body).hexdigest()
    return token_of(principal, key, OPERATION, [request.dataset, request.pipeline, content])


def batch_of(request: AppendRequest, plan: Plan, user_id: str) -> NewJob:
    """Make the job of the batch that the records would open, whose dataset is still to be found.

    Raises UserFault: INVALID_NAME, MODE_NOT_ALLOWED.
    """
    spec = with_shorthands(plan, IngestRequest(dataset=request.dataset))
    sink = dataset_sink(spec)
    if sink is not None and sink.get("mode") == WriteMode.REPLACE:
        message = "The pipeline replaces what is in its dataset, which each batch would do. Append by way of another."
        raise UserFault("MODE_NOT_ALLOWED", message, ("pipeline",))
    job = Job(
        id=new_id("job"),
        kind=JobKind.INGEST,
        **plan.of_pipeline,
        spec={"source": {"input": {"format": FileFormat.NDJSON, APPENDED: True}}, **chosen(spec, PARTS)},
        created_by_id=user_id,
    )
    return NewJob(job, request.dataset, at=plan.at)
