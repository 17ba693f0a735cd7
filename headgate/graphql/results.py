"""Results: what jobs stored."""

from datetime import datetime
from typing import Annotated, Self

import strawberry
from strawberry.scalars import JSON

from headgate.domain import results
from headgate.graphql.context import Info
from headgate.graphql.datasets import Dataset
from headgate.graphql.enums import ResultKind, Role
from headgate.graphql.fields import query, resolved
from headgate.graphql.joblists import LazyJob, job_type
from headgate.graphql.nodes import Node
from headgate.graphql.scalars import BigInt
from headgate.graphql.users import User
from headgate.storage import tables


@strawberry.type(description="What a job stored, to be found again.")
class Result(Node, prefix="result"):
    kind: ResultKind = strawberry.field(description="What it holds.")
    name: str = strawberry.field(description="What it is called.")
    dataset_version: BigInt | None = strawberry.field(
        description="The version of the dataset that it is about; null where it is about none."
    )
    data: JSON = strawberry.field(
        description=(
            "What it says. Of a validation: `passed`, `issues` (how many errors and warnings), `rules` (for each code, "
            "column, check and severity how many, and in how many rows) and `counts` of rows. Of a dataset: `rowCount` "
            "and `counts`. Of an export: `kind`, the sink's, and what that says of what it has done."
        )
    )
    tags: list[str] = strawberry.field(description="Words to find it by.")
    created_at: datetime = strawberry.field(description="When it was stored.")
    row: strawberry.Private[tables.Result]

    @classmethod
    def from_row(cls, row: tables.Result) -> Self:
        """Make it of its row in the database."""
        return cls(
            id=strawberry.ID(row.id),
            kind=row.kind,
            name=row.name,
            dataset_version=None if row.dataset_version is None else BigInt(row.dataset_version),
            data=JSON(row.data),
            tags=row.tags,
            created_at=row.created_at,
            row=row,
        )

    @resolved("The job that stored it.")
    async def job(self, info: Info) -> LazyJob | None:
        return await job_type().load(info, self.row.job_id)

    @resolved("The dataset that it is about; null where it is about none.")
    async def dataset(self, info: Info) -> Dataset | None:
        return await Dataset.load(info, self.row.dataset_id)

    @resolved("Who had it stored.")
    async def created_by(self, info: Info) -> User | None:
        return await User.load(info, self.row.created_by_id)


@strawberry.type
class ResultQuery:
    @query(Role.VIEWER, "A result by its id; null where there is none.")
    async def result(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The result's id.")]
    ) -> Result | None:
        row = await results.get(info.context.services, id)
        return Result.from_row(row) if row else None
