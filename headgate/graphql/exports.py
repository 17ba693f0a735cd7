"""Exports: rows of datasets go out."""

from typing import Annotated

import strawberry

from headgate.domain import exports
from headgate.domain.exports import ExportRequest
from headgate.graphql.context import Info
from headgate.graphql.enums import Priority, Role
from headgate.graphql.fields import mutation
from headgate.graphql.inputs import IDEMPOTENCY_KEY, WAIT_SECONDS
from headgate.graphql.kinds import settings_of
from headgate.graphql.rows import RowFilter, storage_filter
from headgate.graphql.scalars import BigInt
from headgate.graphql.specs import SinkInput
from headgate.graphql.started import JobPayload


@strawberry.input(description="Which rows of a dataset to export, and where they go.")
class ExportDatasetInput:
    name: str = strawberry.field(description="The dataset's name.")
    version: BigInt | None = strawberry.field(
        default=None, description="Which of its versions; by default the newest when the job is accepted."
    )
    filter: RowFilter | None = strawberry.field(
        default=None, description="Which of its rows; all of them by default."
    )
    columns: list[str] | None = strawberry.field(
        default=None,
        description="Which of its columns, in the order that they are to have; all of them by default.",
    )
    sink: SinkInput = strawberry.field(description="Where the rows go.")
    priority: Priority | None = strawberry.field(
        default=Priority.MEDIUM, description="Which of the waiting jobs it goes before."
    )
    wait_seconds: float | None = strawberry.field(default=0, description=WAIT_SECONDS)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type
class ExportMutation:
    @mutation(
        Role.OPERATOR,
        (
            "Starts a job that writes rows of one version of a dataset to a sink, whatever becomes of the dataset "
            "meanwhile. `downloadUrl` of a dataset leads to a file in place of that."
        ),
    )
    async def export_dataset(
        self,
        info: Info,
        input: Annotated[
            ExportDatasetInput, strawberry.argument(description="Which rows, and where they go.")
        ],
    ) -> JobPayload:
        context = info.context
        return await JobPayload.of(
            info,
            input.wait_seconds,
            lambda: exports.submit(
                context.services, context.principal, _request(input), input.idempotency_key
            ),
        )


def _request(input: ExportDatasetInput) -> ExportRequest:
    return ExportRequest(
        name=input.name,
        version=input.version,
        filter=None if input.filter is None else storage_filter(input.filter),
        columns=input.columns,
        sink=settings_of(input.sink),
        priority=input.priority or Priority.MEDIUM,
    )
