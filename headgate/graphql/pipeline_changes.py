"""Pipelines are made, changed, run and deleted."""

from collections.abc import Awaitable
from typing import Annotated

import strawberry

from headgate.domain import pipeline_changes, pipeline_runs
from headgate.domain.ingest import IngestRequest
from headgate.domain.pipeline_changes import Change, NewPipeline
from headgate.domain.pipeline_specs import Said
from headgate.errors import UserFault
from headgate.graphql.context import Info
from headgate.graphql.data import DataInput, read_data
from headgate.graphql.enums import Priority, Role
from headgate.graphql.fields import mutation
from headgate.graphql.inputs import IDEMPOTENCY_KEY, WAIT_SECONDS
from headgate.graphql.payloads import DeletePayload, Payload, UserError
from headgate.graphql.pipelines import Pipeline
from headgate.graphql.specs import PipelineSpecInput, spec_json
from headgate.graphql.started import JobPayload
from headgate.storage import tables

YAML = (
    "The spec as YAML, with the same keys, and a description where it says one. A name in it says nothing. Each "
    "plain word is text unless JSON has it: `no` and `2026-01-31` are."
)


@strawberry.input(
    description="A pipeline that is to be made: what it does is said by a spec, YAML or a template."
)
class CreatePipelineInput:
    name: str = strawberry.field(
        description="Its name: a letter, then up to 127 letters, digits, dots, hyphens and underscores."
    )
    description: str | None = strawberry.field(
        default=None,
        description="What it is for, in up to 2,000 characters; that of YAML or template by default.",
    )
    spec: PipelineSpecInput | None = strawberry.field(
        default=None, description="What it does; one of spec, yaml and template is needed."
    )
    yaml: str | None = strawberry.field(default=None, description=YAML)
    template: str | None = strawberry.field(
        default=None, description="Name of the template whose spec it takes, as `catalog` lists them."
    )
    enabled: bool | None = strawberry.field(default=True, description="Whether it can be run.")


@strawberry.input(description="What is to become of a pipeline; what is left out stays as it is.")
class UpdatePipelineInput:
    name: str = strawberry.field(description="The pipeline's name.")
    new_name: str | None = strawberry.field(default=None, description="What it is to be called.")
    description: str | None = strawberry.field(
        default=None, description="What it is for; an empty text takes the old one away."
    )
    spec: PipelineSpecInput | None = strawberry.field(
        default=None,
        description=(
            "What it does: all of it, in place of the spec before. One that says something new makes a new version; "
            "with a new source, a source that goes on where it ended begins anew."
        ),
    )
    yaml: str | None = strawberry.field(default=None, description=f"In place of `spec`. {YAML}")
    enabled: bool | None = strawberry.field(default=None, description="Whether it can be run.")
    comment: str | None = strawberry.field(
        default=None, description="What to say about the version that a new spec makes."
    )
    expected_version: int | None = strawberry.field(
        default=None, description="Refused with CONFLICT where the pipeline is no longer at this version."
    )


@strawberry.input(description="Which pipeline to run, and on what.")
class RunPipelineInput:
    name: str = strawberry.field(description="The pipeline's name.")
    data: DataInput | None = strawberry.field(
        default=None, description="What to read in place of the pipeline's own source."
    )
    priority: Priority | None = strawberry.field(
        default=Priority.MEDIUM, description="Which of the waiting jobs it goes before."
    )
    wait_seconds: float | None = strawberry.field(default=0, description=WAIT_SECONDS)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(description="What became of a pipeline.")
class PipelinePayload(Payload):
    pipeline: Pipeline | None = strawberry.field(
        default=None, description="The pipeline as it is now; null where something is wrong."
    )


@strawberry.type
class PipelineMutation:
    @mutation(
        Role.OPERATOR,
        "Makes a pipeline. A spec that makes no sense is refused: `errors` names each mistake with its path.",
    )
    async def create_pipeline(
        self,
        info: Info,
        input: Annotated[CreatePipelineInput, strawberry.argument(description="What to make.")],
    ) -> PipelinePayload:
        context = info.context
        wanted = NewPipeline(
            name=input.name,
            said=Said(spec=spec_json(input.spec), yaml=input.yaml, template=input.template),
            description=input.description,
            enabled=input.enabled is not False,
        )
        return await _shown(pipeline_changes.create(context.services, context.principal, wanted))

    @mutation(
        Role.OPERATOR,
        "Changes a pipeline. A spec that says something new makes a new version; the same one again makes none.",
    )
    async def update_pipeline(
        self,
        info: Info,
        input: Annotated[UpdatePipelineInput, strawberry.argument(description="Which one, and how.")],
    ) -> PipelinePayload:
        context = info.context
        change = Change(
            name=input.name,
            new_name=input.new_name,
            said=Said(spec=spec_json(input.spec), yaml=input.yaml),
            description=input.description,
            enabled=input.enabled,
            comment=input.comment,
            expected_version=input.expected_version,
        )
        return await _shown(pipeline_changes.update(context.services, context.principal, change))

    @mutation(
        Role.OPERATOR,
        (
            "Deletes a pipeline with its versions; its jobs stay, and are of no pipeline then. Refused as "
            "PIPELINE_BUSY while some have not ended."
        ),
    )
    async def delete_pipeline(
        self, info: Info, name: Annotated[str, strawberry.argument(description="The pipeline's name.")]
    ) -> DeletePayload:
        context = info.context
        try:
            deleted = await pipeline_changes.delete(context.services, context.principal, name)
        except UserFault as fault:
            return DeletePayload(errors=UserError.all_of(fault, at=()))
        return DeletePayload(deleted_id=strawberry.ID(deleted))

    @mutation(
        Role.OPERATOR, "Starts a job that does what a pipeline says, on its own source or on other data."
    )
    async def run_pipeline(
        self,
        info: Info,
        input: Annotated[RunPipelineInput, strawberry.argument(description="Which one, and on what.")],
    ) -> JobPayload:
        context = info.context
        return await JobPayload.of(
            info,
            input.wait_seconds,
            lambda: pipeline_runs.run(
                context.services, context.principal, _request(input), input.idempotency_key
            ),
        )


def _request(input: RunPipelineInput) -> IngestRequest:
    return IngestRequest(
        pipeline=input.name, priority=input.priority or Priority.MEDIUM, **read_data(input.data)
    )


async def _shown(changing: Awaitable[tables.Pipeline]) -> PipelinePayload:
    try:
        return PipelinePayload(pipeline=Pipeline.from_row(await changing))
    except UserFault as fault:
        return PipelinePayload(errors=UserError.all_of(fault))
