"""Pipelines: what is done with data again and again, under a name."""

import asyncio
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Self

import strawberry
from strawberry.scalars import JSON

from headgate.domain import jobs, pipeline_versions, pipelines
from headgate.domain.joblists import JobList, Owner
from headgate.domain.specs import dataset_sink
from headgate.graphql.columns import Column
from headgate.graphql.context import Info
from headgate.graphql.datasets import Dataset
from headgate.graphql.enums import JobOrder, JobStatus, OverlapPolicy, PipelineOrder, Role
from headgate.graphql.fields import query, resolved
from headgate.graphql.inputs import given
from headgate.graphql.jobfilters import JobFilter
from headgate.graphql.joblists import LazyJob, job_type, list_owned_jobs
from headgate.graphql.nodes import Node
from headgate.graphql.pagination import DEFAULT_FIRST, After, Connection, First, connect, first_or_default
from headgate.graphql.pipeline_statistics import PipelineStatistics
from headgate.graphql.users import User
from headgate.pipelines.yaml_specs import spec_to_yaml, to_yaml
from headgate.storage import tables


@strawberry.type(description="When a pipeline runs by itself.")
class Schedule:
    cron: str = strawberry.field(
        description="Minute, hour, day of the month, month and day of the week, such as `0 6 * * *`."
    )
    timezone: str = strawberry.field(description="The IANA time zone on whose clocks that is read.")
    overlap: OverlapPolicy = strawberry.field(description="What it does while a job has not ended yet.")
    next_run_at: datetime | None = strawberry.field(
        description="When it starts the next job; null while the pipeline is disabled."
    )

    @classmethod
    def from_row(cls, row: tables.Pipeline) -> Self | None:
        """Make it of a pipeline's row; None where that has none."""
        if row.cron is None or row.timezone is None or row.overlap is None:
            return None
        return cls(
            cron=row.cron,
            timezone=row.timezone,
            overlap=OverlapPolicy(row.overlap),
            next_run_at=row.next_run_at,
        )


@strawberry.type(description="A version of a pipeline; it never changes.")
class PipelineVersion:
    version: int = strawberry.field(description="Its number, counted from 1.")
    spec: JSON = strawberry.field(description="What the pipeline did then.")
    created_at: datetime = strawberry.field(description="When it was made.")
    comment: str | None = strawberry.field(description="What was said about it, if anything was.")
    row: strawberry.Private[tables.PipelineVersion]

    @classmethod
    def from_row(cls, row: tables.PipelineVersion) -> Self:
        """Make it of its row in the database."""
        return cls(
            version=row.version,
            spec=JSON(row.spec),
            created_at=row.created_at,
            comment=row.comment,
            row=row,
        )

    @resolved("What the pipeline did then, as YAML: updatePipeline takes it to go back to that.")
    async def yaml(self) -> str:
        # A long spec takes a while.
        return await asyncio.to_thread(spec_to_yaml, self.row.spec)

    @resolved("Who made it.")
    async def created_by(self, info: Info) -> User | None:
        return await User.load(info, self.row.created_by_id)


@strawberry.type(
    description=(
        "One source, steps in order, checks and sinks, under a name. Its spec reads the same as GraphQL input, as JSON "
        'and as YAML: each source, step, check and sink is an object with one key, which names its kind ({"fill": '
        '{"columns": ["age"], "method": "MEDIAN"}}). `catalog` lists the kinds with their settings.'
    )
)
class Pipeline(Node, prefix="pipeline"):
    name: str = strawberry.field(description="Its name, unique among pipelines.")
    description: str | None = strawberry.field(description="What it is for, where somebody said so.")
    version: int = strawberry.field(
        description="The number of its newest version, counted from 1: each new spec makes one."
    )
    enabled: bool = strawberry.field(
        description="Whether it can be run; one that is not keeps its schedule, which starts nothing."
    )
    spec: JSON = strawberry.field(description="What it does, as it was given.")
    schedule: Schedule | None = strawberry.field(description="When it runs by itself; null where it doesn't.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(description="When it was last changed.")
    row: strawberry.Private[tables.Pipeline]

    @classmethod
    def from_row(cls, row: tables.Pipeline) -> Self:
        """Make it of its row in the database."""
        return cls(
            id=strawberry.ID(row.id),
            name=row.name,
            description=row.description,
            version=row.version,
            enabled=row.enabled,
            spec=JSON(row.spec),
            schedule=Schedule.from_row(row),
            created_at=row.created_at,
            updated_at=row.updated_at,
            row=row,
        )

    @resolved("All of it as YAML, which createPipeline and updatePipeline take again.")
    async def yaml(self) -> str:
        # A long spec takes a while.
        return await asyncio.to_thread(to_yaml, self.name, self.description, self.row.spec)

    @resolved(
        "The columns that its newest version last produced; before its first job, those of its contract."
    )
    def columns(self) -> list[Column]:
        return Column.list_from(pipelines.columns_of(self.row))

    @resolved("The dataset that its rows go into; null where they go into none, or none has gone there yet.")
    async def dataset(self, info: Info) -> Dataset | None:
        if (sink := dataset_sink(self.row.spec)) is None:
            return None
        row = await info.context.loaders.dataset_named(sink["name"])
        return Dataset.from_row(row) if row else None

    @resolved("The newest job's status; null where it never ran.")
    async def status(self, info: Info) -> JobStatus | None:
        job = await info.context.loaders.last_job(self.id)
        return job.status if job else None

    @resolved("Its newest job; null where it never ran.")
    async def last_job(self, info: Info) -> LazyJob | None:
        job = await info.context.loaders.last_job(self.id)
        return job_type().from_row(job) if job else None

    @resolved("Its jobs, the newest first.")
    async def jobs(
        self,
        info: Info,
        filter: Annotated[
            JobFilter | None,
            strawberry.argument(
                description="Which ones; `pipeline` need not be given, and can only be this one."
            ),
        ] = None,
        first: First = DEFAULT_FIRST,
        after: After = None,
    ) -> Connection[LazyJob]:
        conditions = jobs.JobFilter(**{**given(filter), "pipeline": None})
        wanted = JobList(Owner.PIPELINE, conditions, JobOrder.CREATED_AT_DESC, first_or_default(first))
        return await list_owned_jobs(info, wanted, self.id, after)

    @resolved("Figures over its jobs, of all versions.")
    async def statistics(
        self,
        info: Info,
        since: Annotated[
            datetime | None,
            strawberry.argument(
                description="Only jobs that were accepted at this moment or later; all by default."
            ),
        ] = None,
    ) -> PipelineStatistics:
        figures = await info.context.loaders.pipeline_statistics(self.id, since)
        return PipelineStatistics.from_figures(figures)

    @resolved("Its versions, the newest first.")
    async def versions(
        self, info: Info, first: First = DEFAULT_FIRST, after: After = None
    ) -> Connection[PipelineVersion]:
        context, count = info.context, first_or_default(first)
        if after is None:
            page = await context.loaders.pipeline_versions(self.id, count)
        else:
            page = await pipeline_versions.page(context.services, self.id, count, after)
        return connect(page, PipelineVersion.from_row, after=after, count=self._count_versions)

    async def _count_versions(self) -> int:
        return self.version

    @resolved("Who made it.")
    async def created_by(self, info: Info) -> User | None:
        return await User.load(info, self.row.created_by_id)


@strawberry.input(description="Which pipelines to list; all conditions must hold.")
class PipelineFilter:
    name_contains: str | None = strawberry.field(
        default=None, description="The name contains this text, in upper or lower case."
    )
    enabled: bool | None = strawberry.field(default=None, description="They can be run, or they can't.")
    status: list[JobStatus] | None = strawberry.field(
        default=None, description="The newest job's status is one of these."
    )


@strawberry.type
class PipelineQuery:
    @query(Role.VIEWER, "A pipeline by its name; null where there is none.")
    async def pipeline(
        self, info: Info, name: Annotated[str, strawberry.argument(description="The pipeline's name.")]
    ) -> Pipeline | None:
        row = await pipelines.get(info.context.services, name)
        return Pipeline.from_row(row) if row else None

    @query(Role.VIEWER, "Pipelines, by name unless `orderBy` says otherwise.")
    async def pipelines(
        self,
        info: Info,
        filter: Annotated[
            PipelineFilter | None, strawberry.argument(description="Which ones; all of them by default.")
        ] = None,
        order_by: Annotated[
            PipelineOrder | None, strawberry.argument(description="In which order.")
        ] = PipelineOrder.NAME_ASC,
        first: First = DEFAULT_FIRST,
        after: After = None,
    ) -> Connection[Pipeline]:
        services = info.context.services
        values: dict[str, Any] = given(filter)
        wanted, order = pipelines.PipelineFilter(**values), order_by or PipelineOrder.NAME_ASC
        page = await pipelines.page(services, wanted, order, first_or_default(first), after)
        count = partial(pipelines.total, services, wanted)
        return connect(page, Pipeline.from_row, after=after, count=count)
