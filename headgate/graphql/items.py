"""The items of jobs of mappings."""

from functools import partial
from typing import Annotated, Any, Self

import strawberry
from strawberry.scalars import JSON

from headgate.domain import items
from headgate.graphql.context import Info
from headgate.graphql.enums import ItemStatus
from headgate.graphql.pagination import Connection, connect, first_or_default
from headgate.graphql.progress import JobFailure
from headgate.pipelines.mappings import MAX_RESPONSE_BYTES
from headgate.storage import tables

OfStatus = Annotated[
    ItemStatus | None, strawberry.argument(description="Which ones; all of them by default.")
]


@strawberry.type(description="One mapping of a job, and what became of it.")
class JobItem:
    id: str = strawberry.field(description="The id that it was given.")
    source: str = strawberry.field(description="The name of the endpoint that it reads from.")
    target: str = strawberry.field(description="The name of the endpoint that it writes to.")
    status: ItemStatus = strawberry.field(description="How far it is.")
    attempts: int = strawberry.field(
        description="How often its last call was tried; 0 before, and where its data made no call possible."
    )
    response: JSON | None = strawberry.field(
        description=(
            f"What the target answered: JSON of up to {MAX_RESPONSE_BYTES:,} bytes, anything else as the beginning "
            "of its text; null where that was nothing, and where it failed."
        )
    )
    failure: JobFailure | None = strawberry.field(description="Why it failed; null where it did not.")

    @classmethod
    def from_row(cls, row: tables.JobItem) -> Self:
        """Make it of its row in the database."""
        response: Any = row.response
        return cls(
            id=row.id,
            source=row.source,
            target=row.target,
            status=row.status,
            attempts=row.attempts,
            response=response,
            failure=JobFailure.from_json(row.failure),
        )


async def list_items(
    info: Info, job_id: str, status: ItemStatus | None, first: int | None, after: str | None
) -> Connection[JobItem]:
    """List the items of a job, as a connection."""
    services = info.context.services
    page = await items.page(services, job_id, status, first_or_default(first), after)
    return connect(page, JobItem.from_row, after=after, count=partial(items.total, services, job_id, status))
