"""Mappings: data that goes from one outside system to another."""

from typing import Annotated

import strawberry
from strawberry.scalars import JSON

from headgate.domain import mappings
from headgate.domain.mappings import (
    DEFAULT_AT_ONCE,
    MAX_AT_ONCE,
    MAX_MAPPINGS,
    MappingRequest,
    MappingsRequest,
)
from headgate.graphql.context import Info
from headgate.graphql.enums import Priority, Role
from headgate.graphql.fields import mutation
from headgate.graphql.inputs import IDEMPOTENCY_KEY, WAIT_SECONDS
from headgate.graphql.started import JobPayload

TRANSFORMATION = """How its data is changed, and where it is read and written: an object with any of these.

`sourcePath` and `targetPath`: below the URLs of the endpoints; `{id}` stands for the id of the mapping.
`method`: POST, PUT or PATCH; POST by default.
`recordPath`: the part of the data that is taken, such as `data.items`.
`select`: the fields that are kept, a list of {from, to} or of names.
`rename`: the fields that get other names, a list of {from, to}.
`set`: the fields that are added, a list of {name, value}.

Fields inside others are named with dots, as `address.city`. Where the data is a list, each object in it is changed."""


@strawberry.input(description="Data on its way from one endpoint to another.")
class MappingInput:
    id: str = strawberry.field(
        description="A name of your own for it, 1 to 200 characters, which no other mapping of the call has."
    )
    source: str = strawberry.field(
        description="The name of the endpoint that it is read from with GET; of the kind HTTP or SIMULATED."
    )
    target: str = strawberry.field(
        description="The name of the endpoint that it is written to; of the kind HTTP or SIMULATED."
    )
    transformation: JSON | None = strawberry.field(default=None, description=TRANSFORMATION)
    data: JSON | None = strawberry.field(
        default=None, description="The data itself, in place of a read from the source."
    )


@strawberry.input(description="Mappings to carry out as one job.")
class IngestMappingsInput:
    mappings: list[MappingInput] = strawberry.field(description=f"1 to {MAX_MAPPINGS:,} mappings.")
    batch_size: int | None = strawberry.field(
        default=DEFAULT_AT_ONCE, description=f"How many are carried out at once, 1 to {MAX_AT_ONCE}."
    )
    priority: Priority | None = strawberry.field(
        default=Priority.MEDIUM, description="Which of the waiting jobs it goes before."
    )
    wait_seconds: float | None = strawberry.field(default=0, description=WAIT_SECONDS)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type
class MappingMutation:
    @mutation(
        Role.OPERATOR,
        (
            "Starts a job that calls outside systems for a list of mappings: each is read from its source, changed "
            "and written to its target. Calls are tried again as their endpoint says, with an `Idempotency-Key` "
            "of each mapping. What fails stops no other: the job's `items` tell of each."
        ),
    )
    async def ingest_mappings(
        self,
        info: Info,
        input: Annotated[
            IngestMappingsInput, strawberry.argument(description="Mappings to carry out as one job.")
        ],
    ) -> JobPayload:
        context, request = info.context, _read(input)
        return await JobPayload.of(
            info,
            input.wait_seconds,
            lambda: mappings.submit(context.services, context.principal, request, input.idempotency_key),
        )


def _read(input: IngestMappingsInput) -> MappingsRequest:
    return MappingsRequest(
        [
            MappingRequest(each.id, each.source, each.target, each.transformation, each.data)
            for each in input.mappings
        ],
        DEFAULT_AT_ONCE if input.batch_size is None else input.batch_size,
        input.priority or Priority.MEDIUM,
    )
