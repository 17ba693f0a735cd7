"""Datasets: named tables of data."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Annotated, Self, TypeVar

import strawberry
from strawberry.scalars import JSON

from headgate.domain import aggregates, dataset_versions, datasets, druid, profiles
from headgate.domain.aggregates import DEFAULT_GROUPS
from headgate.domain.profiles import Profile
from headgate.graphql.aggregates import AGGREGATE, FirstGroups, GroupBy, GroupOrder, Metrics, aggregate_query
from headgate.graphql.columns import Column, RowPage
from headgate.graphql.context import Info
from headgate.graphql.dataset_versions import VERSIONS, DatasetVersion
from headgate.graphql.downloads import DOWNLOAD, Format, download_url
from headgate.graphql.druid import SPEC, SpecInput, read_table
from headgate.graphql.enums import Role
from headgate.graphql.fields import query, resolved
from headgate.graphql.inputs import given
from headgate.graphql.nodes import Node
from headgate.graphql.pagination import DEFAULT_FIRST, After, Connection, First, connect, first_or_default
from headgate.graphql.profiles import (
    CORRELATIONS,
    STATISTICS,
    ColumnStatistics,
    CorrelatedColumns,
    Correlation,
    StatisticsColumns,
)
from headgate.graphql.rows import DEFAULT_ROWS, Columns, FirstRows, Order, Which, row_query
from headgate.graphql.scalars import BigInt
from headgate.storage import tables
from headgate.storage.rows import RowPageData, RowQuery

Count = TypeVar("Count", int, int | None)


@strawberry.type(
    description="A named table of data, kept as a Delta Lake table: every commit is a version that can be read again."
)
class Dataset(Node, prefix="dataset"):
    name: str = strawberry.field(description="Its name, unique among datasets.")
    description: str | None = strawberry.field(description="What it holds, where somebody said so.")
    version: BigInt | None = strawberry.field(
        description="The version that this is, counted from 0; null until the first job has written to it."
    )
    columns: list[Column] = strawberry.field(description="Its columns, in their order.")
    row_count: BigInt = strawberry.field(description="How many rows it has.")
    byte_size: BigInt = strawberry.field(description="Size of its files in bytes.")
    created_at: datetime = strawberry.field(description="When it was created.")
    updated_at: datetime = strawberry.field(description="When it last got a version.")
    row: strawberry.Private[tables.Dataset]

    @classmethod
    def from_row(cls, row: tables.Dataset) -> Self:
        """Make it of its row in the database."""
        return cls(
            id=strawberry.ID(row.id),
            name=row.name,
            description=row.description,
            version=None if row.version is None else BigInt(row.version),
            columns=Column.list_from(row.columns),
            row_count=BigInt(row.row_count),
            byte_size=BigInt(row.byte_size),
            created_at=row.created_at,
            updated_at=row.updated_at,
            row=row,
        )

    @resolved("Its rows, in the order in which they were committed unless `orderBy` says otherwise.")
    async def rows(
        self,
        info: Info,
        filter: Which = None,
        order_by: Order = None,
        columns: Columns = None,
        first: FirstRows = DEFAULT_ROWS,
        after: After = None,
    ) -> RowPage:
        query = row_query(filter, order_by, columns, first, after)
        read = partial(datasets.rows, info.context.services, self.row, self.row.version)
        page = await read(query)
        return _row_page(page, partial(_count, read, query))

    @resolved(AGGREGATE)
    async def aggregate(
        self,
        info: Info,
        metrics: Metrics,
        group_by: GroupBy = None,
        filter: Which = None,
        order_by: GroupOrder = None,
        first: FirstGroups = DEFAULT_GROUPS,
    ) -> RowPage:
        query = aggregate_query(metrics, group_by, filter, order_by, first)
        page = await aggregates.of_dataset(info.context.services, self.row, query)
        return _row_page(page, partial(_known, page.total))

    @resolved(STATISTICS)
    async def statistics(self, info: Info, columns: StatisticsColumns = None) -> list[ColumnStatistics]:
        found = await profiles.of_dataset(info.context.services, self.row, Profile.STATISTICS, columns)
        return [ColumnStatistics.from_json(each) for each in found]

    @resolved(CORRELATIONS)
    async def correlations(self, info: Info, columns: CorrelatedColumns = None) -> list[Correlation]:
        found = await profiles.of_dataset(info.context.services, self.row, Profile.CORRELATIONS, columns)
        return [Correlation(**each) for each in found]

    @resolved(VERSIONS)
    async def versions(
        self, info: Info, first: First = DEFAULT_FIRST, after: After = None
    ) -> Connection[DatasetVersion]:
        services, row = info.context.services, self.row
        page = await dataset_versions.page(services, row, first_or_default(first), after)
        count = partial(_known, dataset_versions.total(row))
        return connect(page, DatasetVersion.from_told, after=after, count=count)

    @resolved(DOWNLOAD)
    async def download_url(
        self, info: Info, format: Format, filter: Which = None, columns: Columns = None
    ) -> str:
        return await download_url(info, self.row, format, filter, columns)

    @resolved(SPEC)
    async def druid_spec(self, info: Info, input: SpecInput) -> JSON:
        settings, dialect = read_table(input)
        return JSON(await druid.druid_spec(info.context.services, self.row, settings, dialect))


def _row_page(page: RowPageData, count: Callable[[], Awaitable[int | None]]) -> RowPage:
    return RowPage(
        columns=Column.list_from(page.columns),
        records=JSON(page.records),
        has_next_page=page.has_next,
        end_cursor=page.end_cursor,
        count=count,
    )


async def _known(count: Count) -> Count:
    return count


async def _count(read: Callable[[RowQuery], Awaitable[RowPageData]], query: RowQuery) -> int | None:
    """Count all rows of a query's filter, whichever page it asks for."""
    page = await read(replace(query, order_by=(), first=1, after=None, total=True))
    return page.total


@strawberry.input(description="Which datasets to list.")
class DatasetFilter:
    name_contains: str | None = strawberry.field(
        default=None, description="The name contains this text, in upper or lower case."
    )


@strawberry.type
class DatasetQuery:
    @query(Role.VIEWER, "A dataset by its name; null where there is none, or not this version of it.")
    async def dataset(
        self,
        info: Info,
        name: Annotated[str, strawberry.argument(description="The dataset's name.")],
        version: Annotated[
            BigInt | None, strawberry.argument(description="Which of its versions; the newest by default.")
        ] = None,
    ) -> Dataset | None:
        services = info.context.services
        row = await datasets.get(services, name)
        if row is not None and version is not None:
            row = await datasets.at_version(services, row, version)
        return Dataset.from_row(row) if row else None

    @query(Role.VIEWER, "Datasets, the newest first.")
    async def datasets(
        self,
        info: Info,
        filter: Annotated[
            DatasetFilter | None, strawberry.argument(description="Which ones; all of them by default.")
        ] = None,
        first: First = DEFAULT_FIRST,
        after: After = None,
    ) -> Connection[Dataset]:
        services = info.context.services
        wanted = datasets.DatasetFilter(**given(filter))
        page = await datasets.page(services, wanted, first_or_default(first), after)
        return connect(page, Dataset.from_row, after=after, count=partial(datasets.total, services, wanted))
