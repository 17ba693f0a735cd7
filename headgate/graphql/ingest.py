"""Ingest: data goes into a dataset."""

from typing import Annotated

import strawberry

from headgate.domain import ingest
from headgate.domain.ingest import IngestRequest
from headgate.graphql.context import Info
from headgate.graphql.data import DataInput, read_data
from headgate.graphql.enums import Priority, Role, WriteMode
from headgate.graphql.fields import mutation
from headgate.graphql.inputs import IDEMPOTENCY_KEY, WAIT_SECONDS
from headgate.graphql.specs import PipelineSpecInput, spec_json
from headgate.graphql.started import JobPayload


@strawberry.input(description="What to ingest, and where it goes.")
class IngestInput:
    data: DataInput | None = strawberry.field(
        default=None, description="What to read; needed, unless the pipeline, template or spec says it."
    )
    pipeline: str | None = strawberry.field(
        default=None,
        description="Name of the pipeline through which the data goes; at most one of these three.",
    )
    template: str | None = strawberry.field(
        default=None,
        description="Name of the template through which the data goes, such as `meta_ads.campaign_performance`.",
    )
    spec: PipelineSpecInput | None = strawberry.field(
        default=None,
        description="What is done with the data, said here; it just goes into the dataset by default.",
    )
    dataset: str | None = strawberry.field(
        default=None,
        description=(
            "Name of the dataset that the good rows go into, made where it is missing; needed, unless there are sinks. "
            "A letter, then up to 127 letters, digits, dots, hyphens and underscores."
        ),
    )
    mode: WriteMode | None = strawberry.field(
        default=None,
        description="What happens to the rows that the dataset already has; as the sink says, else APPEND, by default.",
    )
    keys: list[str] | None = strawberry.field(
        default=None,
        description="The columns that tell rows apart, for UPSERT; of rows with equal keys the last counts.",
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
        context = info.context
        return await JobPayload.of(
            info,
            input.wait_seconds,
            lambda: ingest.submit(
                context.services, context.principal, read_ingest(input), input.idempotency_key
            ),
        )


def read_ingest(input: IngestInput) -> IngestRequest:
    """Say what is to be ingested as the domain does; neither the wait nor the key is a part of that."""
    return IngestRequest(
        dataset=input.dataset,
        mode=input.mode,
        keys=input.keys,
        pipeline=input.pipeline,
        template=input.template,
        spec=spec_json(input.spec),
        priority=input.priority or Priority.MEDIUM,
        **read_data(input.data),
    )
