"""Which jobs to list: for every type that has jobs."""

from datetime import datetime

import strawberry

from headgate.graphql.enums import JobKind, JobStatus, Priority


@strawberry.input(description="Which jobs to list; all conditions must hold.")
class JobFilter:
    ids: list[strawberry.ID] | None = strawberry.field(default=None, description="The id is one of these.")
    kind: list[JobKind] | None = strawberry.field(default=None, description="The kind is one of these.")
    status: list[JobStatus] | None = strawberry.field(default=None, description="The status is one of these.")
    priority: list[Priority] | None = strawberry.field(
        default=None, description="The priority is one of these."
    )
    pipeline: str | None = strawberry.field(
        default=None, description="They are of the pipeline of this name."
    )
    dataset: str | None = strawberry.field(
        default=None, description="They write to the dataset of this name."
    )
    file: strawberry.ID | None = strawberry.field(
        default=None, description="They read the file with this id."
    )
    parent: strawberry.ID | None = strawberry.field(
        default=None, description="They are items of the batch with this id."
    )
    created_by: strawberry.ID | None = strawberry.field(
        default=None, description="The user with this id started them."
    )
    created_after: datetime | None = strawberry.field(
        default=None, description="They were accepted after this moment."
    )
    created_before: datetime | None = strawberry.field(
        default=None, description="They were accepted before this moment."
    )
