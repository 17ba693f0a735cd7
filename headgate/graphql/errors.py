"""Errors of rows and cells."""

from datetime import datetime
from functools import partial
from typing import Annotated, Self

import strawberry
from strawberry.scalars import JSON

from headgate.domain import error_summary, row_errors
from headgate.domain.error_downloads import ErrorDownload, ErrorsContent
from headgate.domain.error_summary import MAX_GROUPS, ErrorGroup
from headgate.domain.permissions import require
from headgate.graphql.context import Info
from headgate.graphql.enums import Role, Severity, publish
from headgate.graphql.fields import query, resolved
from headgate.graphql.inputs import given
from headgate.graphql.joblists import LazyJob, job_type
from headgate.graphql.pagination import DEFAULT_FIRST, After, Connection, First, connect, first_or_default
from headgate.graphql.scalars import BigInt
from headgate.storage.open_errors import SAMPLES

publish(
    ErrorGroup,
    "What the errors of one group have in common.",
    CODE="Their code.",
    COLUMN="Their column.",
    CHECK="The check that found them.",
    SEVERITY="How bad they are.",
)
publish(
    ErrorsContent,
    "What a line of a CSV file of errors is.",
    ERRORS="An error: row, line, column, value, code, check, severity, message and suggestion.",
    ROWS=(
        "A row that was rejected, made to be edited and sent back: headgate_row, its number; its columns in the order "
        "of the source; headgate_extra where a row has cells beyond them, as JSON; headgate_errors, what is wrong."
    ),
)
KEPT = (
    "Errors of rows that a later job resolved are open no more, and those of jobs that ended longer ago than the "
    "server keeps errors (HEADGATE_ERROR_RETENTION_DAYS) are gone."
)
DEFAULT_GROUPS = [ErrorGroup.CODE, ErrorGroup.COLUMN]

GroupBy = Annotated[
    list[ErrorGroup] | None,
    strawberry.argument(description="What the errors of one group have in common; at least one."),
]


@strawberry.type(description="One fault of a row or a cell.")
class RowError:
    id: strawberry.ID = strawberry.field(
        description=(
            "Names the fault of this row, column, code and check: the same in events of the running job and in lists."
        )
    )
    row: BigInt | None = strawberry.field(
        description="Number of the record in its source, counted from 1, the header not counted."
    )
    line: BigInt | None = strawberry.field(description="Physical line in a text file, counted from 1.")
    column: str | None = strawberry.field(
        description="The column at fault; null where it is the row as a whole."
    )
    value: str | None = strawberry.field(
        description="The value as it stood in the source, before it was converted to anything."
    )
    code: str = strawberry.field(
        description="Which rule was broken: TYPE, STRUCTURE, ENCODING and others. The list only grows."
    )
    check: str | None = strawberry.field(description="The check that found it; null where no check did.")
    severity: Severity = strawberry.field(description="Whether it kept its row out.")
    message: str = strawberry.field(description="What is wrong, for people.")
    suggestion: str | None = strawberry.field(description="What may have been meant.")
    record: JSON | None = strawberry.field(
        description="The whole record as it stood in the source, where it could be read."
    )
    job_id: strawberry.Private[str]

    @classmethod
    def from_row(cls, row: row_errors.RowError) -> Self:
        """Make it of an error as the domain reads it."""
        return cls(
            id=strawberry.ID(row.id),
            row=None if row.row is None else BigInt(row.row),
            line=None if row.line is None else BigInt(row.line),
            column=row.column,
            value=row.value,
            code=row.code,
            check=row.check,
            severity=Severity(row.severity),
            message=row.message,
            suggestion=row.suggestion,
            record=row.record,
            job_id=row.job_id,
        )

    @resolved("The job that found it; null where it was found before there was one.")
    async def job(self, info: Info) -> LazyJob | None:
        return await job_type().load(info, self.job_id)


@strawberry.type(description="How many errors have something in common.")
class ErrorCount:
    code: str | None = strawberry.field(description="Their code; null where they aren't grouped by it.")
    column: str | None = strawberry.field(
        description="Their column; null where they aren't grouped by it, and for faults of whole rows."
    )
    check: str | None = strawberry.field(
        description="The check that found them; null where they aren't grouped by it, and where no check did."
    )
    severity: Severity | None = strawberry.field(
        description="How bad they are; null where they aren't grouped by it."
    )
    count: BigInt = strawberry.field(description="How many errors these are.")
    rows: BigInt = strawberry.field(description="How many rows they are in.")
    places: strawberry.Private[list[row_errors.Place]]

    @classmethod
    def from_count(cls, found: error_summary.ErrorCount) -> Self:
        """Make it of a group as the domain counts it."""
        return cls(
            code=found.code,
            column=found.column,
            check=found.check,
            severity=None if found.severity is None else Severity(found.severity),
            count=BigInt(found.count),
            rows=BigInt(found.rows),
            places=found.samples,
        )

    @resolved(f"The first {SAMPLES} of them.")
    async def samples(self, info: Info) -> list[RowError]:
        found = await info.context.loaders.errors_at(self.places)
        return [RowError.from_row(error) for error in found]


@strawberry.input(description="Which errors to list; all conditions must hold.")
class ErrorFilter:
    job: strawberry.ID | None = strawberry.field(
        default=None, description="They are of the job with this id."
    )
    pipeline: str | None = strawberry.field(
        default=None, description="They are of jobs of the pipeline of this name."
    )
    dataset: str | None = strawberry.field(
        default=None, description="They are of jobs that write to the dataset of this name."
    )
    code: list[str] | None = strawberry.field(default=None, description="The code is one of these.")
    column: list[str] | None = strawberry.field(default=None, description="The column is one of these.")
    check: list[str] | None = strawberry.field(default=None, description="The check is one of these.")
    severity: Severity | None = strawberry.field(default=None, description="They are this bad.")
    row: BigInt | None = strawberry.field(
        default=None, description="They are of the record with this number."
    )
    since: datetime | None = strawberry.field(
        default=None, description="They are of jobs that were accepted at this moment or later."
    )


async def list_errors(
    info: Info, wanted: row_errors.ErrorFilter, first: int | None, after: str | None
) -> Connection[RowError]:
    """List the errors that a filter matches, as a connection."""
    services = info.context.services
    page = await row_errors.page(services, wanted, first_or_default(first), after)
    return connect(page, RowError.from_row, after=after, count=partial(row_errors.total, services, wanted))


def download_url(
    info: Info, job_id: str, content: ErrorsContent | None, wanted: row_errors.ErrorFilter
) -> str:
    """Make a link to the errors of a job as a CSV file; raises UserFault (INVALID_ARGUMENT)."""
    principal = info.context.principal
    require(principal, Role.VIEWER)
    download = ErrorDownload.asked(job_id, content or ErrorsContent.ERRORS, wanted)
    return info.context.links.make(principal.user_id, download.path, download.to_json())


@strawberry.type
class ErrorQuery:
    @query(
        Role.VIEWER,
        (
            "Open errors of rows and cells, over one job or many: the newest job first, in the order of its rows. "
            f"{KEPT}"
        ),
    )
    async def errors(
        self,
        info: Info,
        filter: Annotated[ErrorFilter, strawberry.argument(description="Which ones.")],
        first: First = DEFAULT_FIRST,
        after: After = None,
    ) -> Connection[RowError]:
        return await list_errors(info, row_errors.ErrorFilter(**given(filter)), first, after)

    @query(
        Role.VIEWER,
        (
            f"How many open errors there are of each kind, over one job or many: up to {MAX_GROUPS} groups, those with "
            "the most errors first."
        ),
    )
    async def error_summary(
        self,
        info: Info,
        filter: Annotated[ErrorFilter, strawberry.argument(description="Which errors are counted.")],
        group_by: GroupBy = DEFAULT_GROUPS,
    ) -> list[ErrorCount]:
        wanted = row_errors.ErrorFilter(**given(filter))
        groups = DEFAULT_GROUPS if group_by is None else group_by
        return [
            ErrorCount.from_count(each)
            for each in await error_summary.of_filter(info.context.services, wanted, groups)
        ]
