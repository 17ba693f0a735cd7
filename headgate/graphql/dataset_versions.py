"""Versions of datasets: what each commit did."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self, cast

import strawberry

from headgate.domain import dataset_versions, datasets
from headgate.graphql.columns import Column
from headgate.graphql.context import Info
from headgate.graphql.enums import WriteMode
from headgate.graphql.fields import resolved
from headgate.graphql.joblists import LazyJob, job_type
from headgate.graphql.nodes import Node
from headgate.graphql.scalars import BigInt

if TYPE_CHECKING:
    from headgate.graphql.datasets import Dataset

LazyDataset = Annotated["Dataset", strawberry.lazy("headgate.graphql.datasets")]
"""A dataset, for modules that the module of datasets imports itself."""
VERSIONS = (
    "Its versions that can be read, the newest first: up to the one that this is, and back to those that are kept for "
    "HEADGATE_VERSION_RETENTION_DAYS."
)


@strawberry.type(
    description=(
        "One version of a dataset, which never changes. Some have the same rows as the one before: a commit may only "
        "have added columns, or put many small files together."
    )
)
class DatasetVersion:
    version: BigInt = strawberry.field(description="Its number, counted from 0.")
    mode: WriteMode = strawberry.field(
        description="How its rows came in: REPLACE where an old version was restored, APPEND where none came."
    )
    rows_added: BigInt = strawberry.field(
        description="How many rows its commit added; an upsert adds the new form of a row."
    )
    rows_removed: BigInt = strawberry.field(
        description="How many rows its commit removed; an upsert removes the old form of a row."
    )
    columns: list[Column] = strawberry.field(description="Its columns, in their order.")
    created_at: datetime = strawberry.field(description="When it was committed.")
    told: strawberry.Private[dataset_versions.DatasetVersion]

    @classmethod
    def from_told(cls, told: dataset_versions.DatasetVersion) -> Self:
        """Make it of what the table's log says."""
        change = told.change
        return cls(
            version=BigInt(change.version),
            mode=change.mode,
            rows_added=BigInt(change.rows_added),
            rows_removed=BigInt(change.rows_removed),
            columns=Column.list_from([column.to_json() for column in told.version.columns]),
            created_at=change.at,
            told=told,
        )

    @resolved("The dataset as it is at this version.")
    async def dataset(self, info: Info) -> LazyDataset:
        told = self.told
        row = await datasets.at_version(info.context.services, told.dataset, told.number)
        assert row is not None
        return dataset_type().from_row(row)

    @resolved("The job that made it; null where none did.")
    async def job(self, info: Info) -> LazyJob | None:
        return await job_type().load(info, self.told.change.job)


def dataset_type() -> "type[Dataset]":
    """Look up the type of datasets, which cannot be imported here."""
    return cast("type[Dataset]", Node.kinds["dataset"])
