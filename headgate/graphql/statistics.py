"""Figures over many jobs."""

from typing import Annotated, Self

import strawberry

from headgate.domain import jobs, statistics
from headgate.graphql.context import Info
from headgate.graphql.enums import JobGroup, Role
from headgate.graphql.fields import query
from headgate.graphql.inputs import given
from headgate.graphql.jobfilters import JobFilter
from headgate.graphql.scalars import BigInt

BATCH_ROWS = (
    "The rows of a batch are those of its items: they count only where nothing but batches is grouped, that is by "
    "KIND or with the filter `kind: [BATCH]`."
)


@strawberry.type(description="Figures of a group of jobs. Batches are jobs, too, and so are their items.")
class JobStatistics:
    key: str = strawberry.field(
        description="What the jobs have in common: a value of the enum that they are grouped by, the name of a "
        "pipeline, or a day in UTC."
    )
    jobs: int = strawberry.field(description="How many jobs there are.")
    rows_read: BigInt = strawberry.field(description=f"Rows in their sources. {BATCH_ROWS}")
    rows_rejected: BigInt = strawberry.field(description=f"Their bad rows. {BATCH_ROWS}")
    duration_p50_ms: float | None = strawberry.field(
        description="Half of those that have ended took no longer, in milliseconds; null where none has.",
    )
    duration_p95_ms: float | None = strawberry.field(
        description="95 in 100 of those that have ended took no longer, in milliseconds; null where none has.",
    )

    @classmethod
    def from_figures(cls, figures: statistics.JobStatistics) -> Self:
        """Show what the domain worked out."""
        return cls(
            key=figures.key,
            jobs=figures.jobs,
            rows_read=BigInt(figures.rows_read),
            rows_rejected=BigInt(figures.rows_rejected),
            duration_p50_ms=figures.duration_p50_ms,
            duration_p95_ms=figures.duration_p95_ms,
        )


@strawberry.type
class StatisticsQuery:
    @query(
        Role.VIEWER,
        (
            f"Figures of jobs, group by group: days newest first and at most {statistics.MAX_GROUPS}, other groups in "
            "the order of their enum. A group without jobs is left out."
        ),
    )
    async def job_statistics(
        self,
        info: Info,
        filter: Annotated[
            JobFilter | None, strawberry.argument(description="Of which jobs; of all by default.")
        ] = None,
        *,
        group_by: Annotated[
            JobGroup, strawberry.argument(description="What the jobs of a group have in common.")
        ],
    ) -> list[JobStatistics]:
        wanted = jobs.JobFilter(**given(filter))
        found = await statistics.by_group(info.context.services, wanted, group_by)
        return [JobStatistics.from_figures(figures) for figures in found]
