"""Ingest: data goes into a dataset."""

from typing import Annotated, Any

import strawberry
from strawberry.scalars import JSON

from headgate.domain import ingest, jobs
from headgate.domain.ingest import IngestRequest
from headgate.errors import UserFault
from headgate.graphql.context import Info
from headgate.graphql.enums import FileFormat, Role, WriteMode
from headgate.graphql.fields import mutation
from headgate.graphql.jobs import Job
from headgate.graphql.payloads import Payload, UserError


@strawberry.input(description="A text, as it would stand in a file.")
class TextInput:
    format: FileFormat = strawberry.field(description="What the text is: CSV, TSV, JSON or NDJSON.")
    content: str = strawberry.field(description="The text itself.")


@strawberry.input(one_of=True, description="What to read: exactly one of these.")
class DataInput:
    file: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="The file with this id, which `upload` answered."
    )
    records: list[JSON] | None = strawberry.field(
        default=strawberry.UNSET, description="These records: a list of objects, one per row."
    )
    text: TextInput | None = strawberry.field(default=strawberry.UNSET, description="This text.")


@strawberry.input(description="What to ingest, and where it goes.")
class IngestInput:
    data: DataInput | None = strawberry.field(default=None, description="What to read; needed.")
    dataset: str | None = strawberry.field(
        default=None,
        description=(
            "Name of the dataset that the good rows go into; needed, and made where it is missing. A letter, then "
            "up to 127 letters, digits, dots, hyphens and underscores."
        ),
    )
    mode: WriteMode | None = strawberry.field(
        default=WriteMode.APPEND, description="What happens to the rows that the dataset already has."
    )
    keys: list[str] | None = strawberry.field(
        default=None,
        description="The columns that tell rows apart, for UPSERT; of rows with equal keys the last counts.",
    )
    wait_seconds: float | None = strawberry.field(
        default=0,
        description="How long the answer may wait for the job to end, 0 to 30, so that a script needs no second call.",
    )


@strawberry.type(description="The job that was started.")
class JobPayload(Payload):
    replayed: bool = strawberry.field(
        default=False,
        description="Whether an earlier request with the same idempotencyKey had started it already.",
    )
    job: Job | None = strawberry.field(
        default=None, description="The job, as it was when the answer left; null where none was started."
    )


@strawberry.type
class IngestMutation:
    @mutation(
        Role.OPERATOR,
        (
            "Starts a job that reads data and writes its good rows to a dataset; bad rows are rejected one by one "
            "and explained in the job's errors. Once this answers a job, it is carried out, whatever process dies."
        ),
    )
    async def ingest(
        self,
        info: Info,
        input: Annotated[IngestInput, strawberry.argument(description="What to ingest, and where it goes.")],
    ) -> JobPayload:
        try:
            return await _submit(info, input)
        except UserFault as fault:
            return JobPayload(errors=[UserError.from_fault(fault)])


async def _submit(info: Info, input: IngestInput) -> JobPayload:
    services = info.context.services
    wait_s = _checked_wait_s(input)
    accepted = await ingest.submit(services, info.context.principal, _request(input))
    job = await jobs.wait(services, accepted.job.id, wait_s) if wait_s else accepted.job
    return JobPayload(job=Job.from_row(job), replayed=accepted.replayed)


def _checked_wait_s(input: IngestInput) -> float:
    """Refuse a wait that is not allowed before the job is accepted, not after."""
    wait_s = input.wait_seconds or 0
    if not 0 <= wait_s <= jobs.MAX_WAIT_S:
        text = f"waitSeconds must be from 0 to {jobs.MAX_WAIT_S:g}; it is {wait_s:g}."
        raise UserFault("INVALID_ARGUMENT", text, ("waitSeconds",))
    return wait_s


def _request(input: IngestInput) -> IngestRequest:
    return IngestRequest(
        dataset=input.dataset,
        mode=input.mode or WriteMode.APPEND,
        keys=input.keys or (),
        **_data(input.data),
    )


def _data(data: DataInput | None) -> dict[str, Any]:
    """Name the data as the domain does; the schema sees to it that there is at most one."""
    if data is None:
        return {}
    if data.text:
        return {"text": data.text.content, "format": data.text.format}
    return {"records": data.records} if data.file is strawberry.UNSET else {"file_id": data.file}
