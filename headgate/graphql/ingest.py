"""Ingest: data goes into a dataset."""

from typing import Annotated

import strawberry

from headgate.domain import ingest
from headgate.domain.ingest import IngestRequest
from headgate.errors import UserFault
from headgate.graphql.context import Info
from headgate.graphql.data import DataInput, read_data
from headgate.graphql.enums import Priority, Role, WriteMode
from headgate.graphql.fields import mutation
from headgate.graphql.inputs import IDEMPOTENCY_KEY, WAIT_SECONDS
from headgate.graphql.payloads import UserError
from headgate.graphql.specs import PipelineSpecInput, read_spec
from headgate.graphql.started import JobPayload, checked_wait_s


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
    spec: PipelineSpecInput | None = strawberry.field(
        default=None, description="How the job is carried out; as usual where it is left out."
    )
    priority: Priority | None = strawberry.field(
        default=Priority.MEDIUM, description="Which of the waiting jobs it goes before."
    )
    wait_seconds: float | None = strawberry.field(default=0, description=WAIT_SECONDS)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


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
    wait_s = checked_wait_s(input.wait_seconds)
    context = info.context
    accepted = await ingest.submit(
        context.services, context.principal, read_ingest(input), input.idempotency_key
    )
    return await JobPayload.of(info, accepted, wait_s)


def read_ingest(input: IngestInput) -> IngestRequest:
    """Say what is to be ingested as the domain does; neither the wait nor the key is a part of that."""
    return IngestRequest(
        dataset=input.dataset,
        mode=input.mode or WriteMode.APPEND,
        keys=input.keys or (),
        priority=input.priority or Priority.MEDIUM,
        **read_spec(input.spec),
        **read_data(input.data),
    )
