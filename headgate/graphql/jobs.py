"""Jobs: durable pieces of work."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Self

import strawberry

from headgate.domain import jobs, row_errors
from headgate.domain.error_downloads import ErrorsContent
from headgate.domain.error_summary import MAX_GROUPS
from headgate.domain.joblists import JobList, Owner
from headgate.domain.retries import actions
from headgate.graphql.context import Info
from headgate.graphql.datasets import Dataset
from headgate.graphql.enums import JobActionName, JobKind, JobOrder, JobStatus, Priority, Role
from headgate.graphql.errors import (
    DEFAULT_GROUPS,
    KEPT,
    ErrorCount,
    ErrorFilter,
    GroupBy,
    RowError,
    download_url,
    list_errors,
)
from headgate.graphql.eventlists import LazyJobEvent, list_events
from headgate.graphql.fields import query, resolved
from headgate.graphql.files import File
from headgate.graphql.inputs import given
from headgate.graphql.items import JobItem, OfStatus, list_items
from headgate.graphql.jobfilters import JobFilter
from headgate.graphql.joblists import list_jobs, list_owned_jobs
from headgate.graphql.nodes import Node
from headgate.graphql.pagination import DEFAULT_FIRST, After, Connection, First, first_or_default
from headgate.graphql.pipelines import Pipeline
from headgate.graphql.progress import Attempt, JobFailure, Progress, RowCounts
from headgate.graphql.results import Result
from headgate.graphql.scalars import BigInt
from headgate.graphql.users import User
from headgate.storage import tables


@strawberry.type(description="Whether something can be done with a job by who asks.")
class JobAction:
    action: JobActionName = strawberry.field(description="What is done.")
    allowed: bool = strawberry.field(description="Whether it can be done at the moment.")
    reason: str | None = strawberry.field(description="Why it cannot be, for people; null where it can.")


@strawberry.type(
    description="A durable piece of work: once accepted it is carried out, whatever process dies."
)
class Job(Node, prefix="job"):
    kind: JobKind = strawberry.field(description="What it does.")
    status: JobStatus = strawberry.field(description="Where it is.")
    priority: Priority = strawberry.field(description="Whether it goes before other waiting jobs.")
    pipeline_version: int | None = strawberry.field(
        description="The version of its pipeline that it carries out; null where it is of none."
    )
    dataset_version: BigInt | None = strawberry.field(
        description="The version of the dataset that it made; null until then."
    )
    progress: Progress = strawberry.field(description="How far it has come.")
    counts: RowCounts = strawberry.field(description="What became of its rows; all 0 until it ends.")
    failure: JobFailure | None = strawberry.field(
        description="Why the job as a whole failed; null where it did not."
    )
    created_at: datetime = strawberry.field(description="When it was accepted.")
    started_at: datetime | None = strawberry.field(description="When its first attempt began; null before.")
    finished_at: datetime | None = strawberry.field(
        description="When it reached a final status; null before."
    )
    duration_ms: float | None = strawberry.field(
        description="Milliseconds from its start to its end, or to now while it runs; null before it starts."
    )
    row: strawberry.Private[tables.Job]

    @classmethod
    def from_row(cls, row: tables.Job) -> Self:
        """Make it of its row in the database."""
        return cls(
            id=strawberry.ID(row.id),
            kind=row.kind,
            status=row.status,
            priority=row.priority,
            pipeline_version=row.pipeline_version,
            dataset_version=None if row.dataset_version is None else BigInt(row.dataset_version),
            progress=Progress.from_json(row.progress),
            counts=RowCounts.from_row(row),
            failure=JobFailure.from_json(row.failure),
            created_at=row.created_at,
            started_at=row.started_at,
            finished_at=row.finished_at,
            duration_ms=_duration_ms(row),
            row=row,
        )

    @resolved("The pipeline that it runs; null where it is of none, or that one was deleted.")
    async def pipeline(self, info: Info) -> Pipeline | None:
        return await Pipeline.load(info, self.row.pipeline_id)

    @resolved("The file that it reads; null where it reads text or records.")
    async def file(self, info: Info) -> File | None:
        return await File.load(info, self.row.file_id)

    @resolved("The dataset that it writes to.")
    async def dataset(self, info: Info) -> Dataset | None:
        return await Dataset.load(info, self.row.dataset_id)

    @resolved("The batch that it is an item of; null where it is none.")
    async def parent(self, info: Info) -> "Job | None":
        return await Job.load(info, self.row.parent_id)

    @resolved("The jobs of its items, in their order; none where it is no batch.")
    async def children(
        self,
        info: Info,
        filter: Annotated[
            JobFilter | None,
            strawberry.argument(
                description="Which ones; `parent` need not be given, and can only be this one."
            ),
        ] = None,
        first: First = DEFAULT_FIRST,
        after: After = None,
    ) -> "Connection[Job]":
        conditions = jobs.JobFilter(**{**given(filter), "parent": None})
        wanted = JobList(Owner.PARENT, conditions, JobOrder.CREATED_AT_ASC, first_or_default(first))
        return await list_owned_jobs(info, wanted, self.id, after)

    @resolved("The job that it does again; null where it does none.")
    async def retry_of(self, info: Info) -> "Job | None":
        return await Job.load(info, self.row.retry_of_id)

    @resolved("The jobs that do it again, the newest first.")
    async def retries(
        self, info: Info, first: First = DEFAULT_FIRST, after: After = None
    ) -> "Connection[Job]":
        order = JobOrder.CREATED_AT_DESC
        wanted = JobList(Owner.RETRIED, jobs.JobFilter(), order, first_or_default(first))
        return await list_owned_jobs(info, wanted, self.id, after)

    @resolved("What you can do with it, and what not and why.")
    async def available_actions(self, info: Info) -> list[JobAction]:
        return [
            JobAction(action=each.action, allowed=each.allowed, reason=each.reason)
            for each in actions(info.context.principal, await self._whole_row(info))
        ]

    async def _whole_row(self, info: Info) -> tables.Job:
        """The row with the columns too that lists leave out."""
        if isinstance(self.row, tables.Job):
            return self.row
        row: tables.Job = await info.context.loaders.row(self.prefix, self.id)
        return row

    @resolved("Who started it.")
    async def created_by(self, info: Info) -> User | None:
        return await User.load(info, self.row.created_by_id)

    @resolved("The tries so far, first to last.")
    async def attempts(self, info: Info) -> list[Attempt]:
        return [Attempt.from_row(row) for row in await info.context.loaders.attempts(self.id)]

    @resolved(f"Open errors of its rows and cells, in the order of its rows. {KEPT}")
    async def errors(
        self,
        info: Info,
        filter: Annotated[
            ErrorFilter | None,
            strawberry.argument(description="Which ones; `job` need not be given, and can only be this one."),
        ] = None,
        first: First = DEFAULT_FIRST,
        after: After = None,
    ) -> Connection[RowError]:
        wanted = row_errors.ErrorFilter(**{**given(filter), "job": self.id})
        return await list_errors(info, wanted, first, after)

    @resolved(
        f"How many open errors it has of each kind: up to {MAX_GROUPS} groups, those with the most errors first."
    )
    async def error_summary(self, info: Info, group_by: GroupBy = DEFAULT_GROUPS) -> list[ErrorCount]:
        groups = DEFAULT_GROUPS if group_by is None else group_by
        found = await info.context.loaders.error_summary(self.id, groups)
        return [ErrorCount.from_count(each) for each in found]

    @resolved(
        "A signed link to its open errors as a CSV file, streamed; relative to the root of this server, and valid for "
        "15 minutes. A cell that a spreadsheet would take for a formula begins with an apostrophe."
    )
    def errors_download_url(
        self,
        info: Info,
        content: Annotated[
            ErrorsContent | None, strawberry.argument(description="What a line of the file is.")
        ] = ErrorsContent.ERRORS,
        filter: Annotated[
            ErrorFilter | None,
            strawberry.argument(
                description="Which errors; `job` need not be given, and can only be this one."
            ),
        ] = None,
    ) -> str:
        return download_url(info, self.id, content, row_errors.ErrorFilter(**given(filter)))

    @resolved("Its items, in their order: one for each mapping; none where it is no job of mappings.")
    async def items(
        self, info: Info, status: OfStatus = None, first: First = DEFAULT_FIRST, after: After = None
    ) -> Connection[JobItem]:
        return await list_items(info, self.id, status, first, after)

    @resolved("What it stored at its end; null until then, and where it was canceled.")
    async def result(self, info: Info) -> Result | None:
        row = await info.context.loaders.result(self.id)
        return Result.from_row(row) if row else None

    @resolved("Its events so far, first to last; `jobProgress` goes on behind the last one's cursor.")
    async def events(
        self, info: Info, first: First = DEFAULT_FIRST, after: After = None
    ) -> Connection[LazyJobEvent]:
        return await list_events(info, self.row, first, after)


def _duration_ms(row: tables.Job) -> float | None:
    if row.started_at is None:
        return None
    return ((row.finished_at or datetime.now(UTC)) - row.started_at) / timedelta(milliseconds=1)


@strawberry.type
class JobQuery:
    @query(Role.VIEWER, "A job by its id; null where there is none.")
    async def job(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The job's id.")]
    ) -> Job | None:
        row = await jobs.get(info.context.services, id)
        return Job.from_row(row) if row else None

    @query(Role.VIEWER, "Jobs, the newest first unless `orderBy` says otherwise.")
    async def jobs(
        self,
        info: Info,
        filter: Annotated[
            JobFilter | None, strawberry.argument(description="Which ones; all of them by default.")
        ] = None,
        order_by: Annotated[
            JobOrder | None, strawberry.argument(description="In which order.")
        ] = JobOrder.CREATED_AT_DESC,
        first: First = DEFAULT_FIRST,
        after: After = None,
    ) -> Connection[Job]:
        wanted = jobs.JobFilter(**given(filter))
        return await list_jobs(info, wanted, order_by or JobOrder.CREATED_AT_DESC, first, after)
