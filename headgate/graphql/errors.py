"""Errors of rows and cells."""

from datetime import datetime
from enum import StrEnum
from functools import partial
from typing import Annotated, Self

import strawberry
from strawberry.scalars import JSON

from headgate.domain import row_errors
from headgate.graphql.context import Info
from headgate.graphql.enums import Role, publish
from headgate.graphql.fields import query, resolved
from headgate.graphql.inputs import given
from headgate.graphql.joblists import LazyJob, job_type
from headgate.graphql.pagination import DEFAULT_FIRST, After, Connection, First, connect, first_or_default
from headgate.graphql.scalars import BigInt


class Severity(StrEnum):
    ERROR = "ERROR"
    WARNING = "WARNING"


publish(
    Severity,
    "How bad a fault is.",
    ERROR="Its row was rejected.",
    WARNING="Its row was accepted all the same.",
)


@strawberry.type(description="One fault of a row or a cell.")
class RowError:
    id: strawberry.ID = strawberry.field(description="Names this error for good.")
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

    @resolved("The job that found it.")
    async def job(self, info: Info) -> LazyJob:
        job = await job_type().load(info, self.job_id)
        assert job is not None
        return job


@strawberry.input(description="Which errors to list; all conditions must hold.")
class ErrorFilter:
    job: strawberry.ID | None = strawberry.field(
        default=None, description="They are of the job with this id."
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


@strawberry.type
class ErrorQuery:
    @query(
        Role.VIEWER,
        "Errors of rows and cells, over one job or many: the newest job first, in the order of its rows.",
    )
    async def errors(
        self,
        info: Info,
        filter: Annotated[ErrorFilter, strawberry.argument(description="Which ones.")],
        first: First = DEFAULT_FIRST,
        after: After = None,
    ) -> Connection[RowError]:
        return await list_errors(info, row_errors.ErrorFilter(**given(filter)), first, after)
