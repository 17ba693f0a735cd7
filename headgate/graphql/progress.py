"""How far jobs have come, and how they and their attempts ended."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

import strawberry
from strawberry.scalars import JSON

from headgate.graphql.enums import JobStatus, publish
from headgate.graphql.scalars import BigInt
from headgate.storage import tables


class FailureCategory(StrEnum):
    DATA = "DATA"
    CONFIG = "CONFIG"
    SYSTEM = "SYSTEM"
    DEPENDENCY = "DEPENDENCY"


publish(
    FailureCategory,
    "Whose fault it is that a job failed.",
    DATA="The data's: correct it and send it again.",
    CONFIG="The job's settings: they don't fit the data or each other.",
    SYSTEM="This system's.",
    DEPENDENCY="That of a system which this one depends on.",
)


STAGES = {
    "waiting": "Waiting for a worker",
    "fetching": "Fetching the data",
    "calling": "Calling another system",
    "reading": "Reading the data",
    "preparing": "Finding out what steps have to know",
    "checking": "Checking across rows",
    "writing": "Writing rows",
    "delivering": "Handing rows to other systems",
    "committing": "Committing the version",
    "items": "Working on its items",
    "mapping": "Carrying out mappings",
    "done": "Done",
}
"""What a job does at each stage, for people."""


@strawberry.type(description="How far a job has come; of an ended one, how far it came.")
class Progress:
    stage: str = strawberry.field(description="What it does at the moment, in a word.")
    fraction: float | None = strawberry.field(
        description="How much is done, from 0 to 1; null while that is not known."
    )
    rows_read: BigInt = strawberry.field(description="Rows read so far.")
    rows_written: BigInt = strawberry.field(description="Good rows written so far.")
    bytes_read: BigInt = strawberry.field(description="Bytes of the source read so far.")
    bytes_total: BigInt | None = strawberry.field(
        description="Size of the source in bytes; null where it is not known."
    )
    rows_per_second: float | None = strawberry.field(
        description="Rows per second so far, of an ended job over its whole run; null while that is not known."
    )
    eta_seconds: float | None = strawberry.field(
        description="Seconds until its end at this pace; 0 once it is done, null while that is not known."
    )
    message: str | None = strawberry.field(description="What it does at the moment, for people.")

    @classmethod
    def from_json(cls, figures: Mapping[str, Any]) -> Self:
        """Read figures as the engine reports them; a job that has not begun has none."""
        stage, total = figures.get("stage", "waiting"), figures.get("bytes_total")
        return cls(
            stage=stage,
            fraction=figures.get("fraction"),
            rows_read=BigInt(figures.get("rows_read", 0)),
            rows_written=BigInt(figures.get("rows_written", 0)),
            bytes_read=BigInt(figures.get("bytes_read", 0)),
            bytes_total=None if total is None else BigInt(total),
            rows_per_second=figures.get("rows_per_second"),
            eta_seconds=figures.get("eta_seconds"),
            message=STAGES.get(stage),
        )


@strawberry.type(
    description="What became of a job's rows: read = accepted + rejected + filtered + merged, or the job fails."
)
class RowCounts:
    read: BigInt = strawberry.field(description="Rows in the source.")
    accepted: BigInt = strawberry.field(description="Good rows that went into the dataset.")
    rejected: BigInt = strawberry.field(description="Bad rows; `errors` explains each of them.")
    filtered: BigInt = strawberry.field(description="Rows left out on purpose.")
    merged: BigInt = strawberry.field(description="Rows that a later row with the same keys replaced.")
    warnings: BigInt = strawberry.field(description="Faults that did not keep their row out.")

    @classmethod
    def from_row(cls, row: tables.Job) -> Self:
        """Take the counts out of a job's row."""
        return cls(
            read=BigInt(row.rows_read),
            accepted=BigInt(row.rows_accepted),
            rejected=BigInt(row.rows_rejected),
            filtered=BigInt(row.rows_filtered),
            merged=BigInt(row.rows_merged),
            warnings=BigInt(row.warnings),
        )


@strawberry.type(description="Why a job, or one attempt at it, failed as a whole.")
class JobFailure:
    code: str = strawberry.field(description="Upper-case and stable, for programs.")
    category: FailureCategory = strawberry.field(description="Whose fault it is.")
    message: str = strawberry.field(description="What went wrong, for people.")
    retryable: bool = strawberry.field(description="Whether the same job may succeed later.")
    details: JSON | None = strawberry.field(
        description="More about it, for programs; its keys depend on the code."
    )
    step: str | None = strawberry.field(
        description="The part of the spec in which it failed, such as `steps.2.derive`; null where that is not known."
    )

    @classmethod
    def from_json(cls, failure: Mapping[str, Any] | None) -> Self | None:
        """Read a failure as the tables keep it."""
        if failure is None:
            return None
        return cls(
            code=failure["code"],
            category=FailureCategory(failure["category"]),
            message=failure["message"],
            retryable=failure["retryable"],
            details=failure.get("details"),
            step=failure.get("step"),
        )


@strawberry.type(
    description="One try of a job. A lost process costs an attempt, and the next one begins anew."
)
class Attempt:
    number: int = strawberry.field(description="Counts from 1.")
    status: JobStatus = strawberry.field(description="How it goes or ended.")
    worker: str | None = strawberry.field(description="Which worker ran it.")
    started_at: datetime = strawberry.field(description="When it began.")
    finished_at: datetime | None = strawberry.field(description="When it ended.")
    failure: JobFailure | None = strawberry.field(description="Why it failed; null where it did not.")

    @classmethod
    def from_row(cls, row: tables.Attempt) -> Self:
        """Make it of its row in the database."""
        return cls(
            number=row.number,
            status=row.status,
            worker=row.worker,
            started_at=row.started_at,
            finished_at=row.finished_at,
            failure=JobFailure.from_json(row.failure),
        )
