"""Appending: records go into a dataset as they come."""

from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from headgate.domain.appends import AppendRequest, ndjson
from headgate.errors import UserFault
from headgate.graphql.context import Info
from headgate.graphql.enums import Role
from headgate.graphql.errors import RowError
from headgate.graphql.fields import mutation, resolved
from headgate.graphql.inputs import IDEMPOTENCY_KEY
from headgate.graphql.jobs import Job
from headgate.graphql.payloads import StartedPayload, UserError


@strawberry.input(description="Records to append, and where they go.")
class AppendRecordsInput:
    dataset: str = strawberry.field(
        description=(
            "Name of the dataset that the records go into, made where it is missing. "
            "A letter, then up to 127 letters, digits, dots, hyphens and underscores."
        )
    )
    records: list[JSON] = strawberry.field(
        description="At least one object; what is none is rejected by itself."
    )
    pipeline: str | None = strawberry.field(
        default=None,
        description="Name of the pipeline through which they go; they just go into the dataset by default.",
    )
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(description="What became of the records of one call.")
class AppendPayload(StartedPayload):
    accepted: int = strawberry.field(
        default=0,
        description="How many records are kept for good, whatever process dies, and will be committed.",
    )
    rejected: int = strawberry.field(default=0, description="How many records were rejected at once.")
    row_errors: list[RowError] = strawberry.field(
        default_factory=list,
        description="What is wrong with the first of these; `row` is a record's number within the call, from 1.",
    )
    job_id: strawberry.Private[str | None] = None

    @resolved(
        "The job that commits the accepted records, together with those of other calls; null where none was accepted."
    )
    async def job(self, info: Info) -> Job | None:
        return await Job.load(info, self.job_id)


@strawberry.type
class AppendMutation:
    @mutation(
        Role.OPERATOR,
        (
            "Appends records to a dataset as they come. Each is checked at once; those that are accepted are durable "
            "when this answers, and are committed soon, in the order in which they were accepted, by the job of a "
            "batch of many calls. What takes more than a record to find out, such as a value that comes twice, that "
            "job finds. Higher rates are taken by POST /streams/<dataset>, as newline-delimited JSON."
        ),
    )
    async def append_records(
        self,
        info: Info,
        input: Annotated[
            AppendRecordsInput, strawberry.argument(description="What is appended, and where it goes.")
        ],
    ) -> AppendPayload:
        context = info.context
        assert context.appender is not None
        request = AppendRequest(input.dataset, ndjson(input.records), input.pipeline)
        try:
            appended = await context.appender.append(context.principal, request, input.idempotency_key)
        except UserFault as fault:
            return AppendPayload(errors=UserError.all_of(fault))
        return AppendPayload(
            accepted=appended.accepted,
            rejected=appended.rejected,
            row_errors=[RowError.from_row(error) for error in appended.errors],
            job_id=appended.job_id,
            replayed=appended.replayed,
        )
