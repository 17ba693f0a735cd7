"""Events of jobs, live."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from functools import partial
from typing import Annotated, Self

import strawberry

from headgate.domain import events, jobs, row_errors
from headgate.domain.event_reader import Told
from headgate.errors import UserFault
from headgate.graphql.context import Info
from headgate.graphql.enums import JobEventType, JobStatus, Role
from headgate.graphql.errors import RowError
from headgate.graphql.fields import resolved, subscription
from headgate.graphql.inputs import given
from headgate.graphql.jobfilters import JobFilter
from headgate.graphql.jobs import Job
from headgate.graphql.pace import paced
from headgate.graphql.progress import Progress

DEFAULT_INTERVAL_MS = 200
DEFAULT_FEED_INTERVAL_MS = 500
MAX_INTERVAL_MS = 60_000
SHOWN_ERRORS = 10

MinInterval = Annotated[
    int | None,
    strawberry.argument(
        description=(
            "Least number of milliseconds between two PROGRESS events: of those in between only each job's newest "
            f"comes. 0 to {MAX_INTERVAL_MS:,}; other events never wait."
        )
    ),
]


@strawberry.type(description="One event of a job.")
class JobEvent:
    cursor: str = strawberry.field(
        description="Goes into `after` to resume behind this event, over any connection."
    )
    type: JobEventType = strawberry.field(description="What it tells.")
    at: datetime = strawberry.field(description="When it happened.")
    status: JobStatus | None = strawberry.field(description="The new status, for STATUS.")
    progress: Progress | None = strawberry.field(description="How far the job had come, for PROGRESS.")
    message: str | None = strawberry.field(description="What there is to say, for people.")
    told: strawberry.Private[Told]

    @classmethod
    def from_told(cls, told: Told) -> Self:
        """Make it of its row in the database, and its job's."""
        event = told.event
        return cls(
            cursor=events.event_cursor(event),
            type=event.type,
            at=event.at,
            status=event.status,
            progress=None if event.progress is None else Progress.from_json(event.progress),
            message=event.message,
            told=told,
        )

    @resolved("The job as it is by now, which may be further than the event.")
    def job(self) -> Job:
        return Job.from_row(self.told.job)

    @resolved(
        "For ERRORS of a running job, the first errors of each kind that it has found; for those of one that has "
        f"ended, the first {SHOWN_ERRORS} of its open errors. Empty for other events."
    )
    async def errors(self, info: Info) -> list[RowError]:
        if self.type is not JobEventType.ERRORS:
            return []
        if (samples := self.told.event.errors) is not None:
            of_line = partial(row_errors.RowError.from_line, self.told.job.id)
            return [RowError.from_row(of_line(sample)) for sample in samples]
        wanted = row_errors.ErrorFilter(job=self.told.job.id)
        page = await row_errors.page(info.context.services, wanted, SHOWN_ERRORS, None)
        return [RowError.from_row(error) for error in page.items]


@strawberry.type
class JobSubscription:
    @subscription(
        Role.VIEWER,
        (
            "A job's events from the cursor on: first those already recorded, then live, without a gap or a "
            "repeat. Ends after the job's last event."
        ),
    )
    async def job_progress(
        self,
        info: Info,
        job_id: Annotated[strawberry.ID, strawberry.argument(description="The job's id.")],
        after: Annotated[
            str | None,
            strawberry.argument(
                description=(
                    "An event's cursor to resume behind; all events by default. A `Last-Event-ID` header does the same."
                )
            ),
        ] = None,
        min_interval_ms: MinInterval = DEFAULT_INTERVAL_MS,
    ) -> AsyncGenerator[JobEvent, None]:
        number = _resume_after(info, after) or 0
        watching = events.watch(info.context.services, job_id, number)
        return _shown(info, watching, _interval_s(min_interval_ms, DEFAULT_INTERVAL_MS))

    @subscription(
        Role.VIEWER,
        (
            "Events of every job that the filter matches at the time, in one stream, in the order in which they "
            "happened: what a dashboard needs. Never ends by itself."
        ),
    )
    async def jobs(
        self,
        info: Info,
        filter: Annotated[
            JobFilter | None, strawberry.argument(description="Of which jobs; of all by default.")
        ] = None,
        after: Annotated[
            str | None,
            strawberry.argument(
                description=(
                    "An event's cursor to resume behind; what happens from now on by default. A `Last-Event-ID` "
                    "header does the same."
                )
            ),
        ] = None,
        min_interval_ms: MinInterval = DEFAULT_FEED_INTERVAL_MS,
    ) -> AsyncGenerator[JobEvent, None]:
        wanted = jobs.JobFilter(**given(filter))
        feed = events.feed(info.context.services, wanted, _resume_after(info, after))
        return _shown(info, feed, _interval_s(min_interval_ms, DEFAULT_FEED_INTERVAL_MS))


async def _shown(
    info: Info, told: AsyncGenerator[Told, None], interval_s: float
) -> AsyncGenerator[JobEvent, None]:
    async with aclosing(paced(told, interval_s)) as passing:
        async for each in passing:
            info.context.forget()
            info.context.cursor = events.event_cursor(each.event)
            yield JobEvent.from_told(each)


def _resume_after(info: Info, after: str | None) -> int | None:
    cursor = info.context.resume_after if after is None else after
    return None if cursor is None else events.decode_event_cursor(cursor)


def _interval_s(milliseconds: int | None, usual_ms: int) -> float:
    interval_ms = usual_ms if milliseconds is None else milliseconds
    if not 0 <= interval_ms <= MAX_INTERVAL_MS:
        text = f"minIntervalMs must be from 0 to {MAX_INTERVAL_MS}; it is {interval_ms}."
        raise UserFault("INVALID_ARGUMENT", text, ("minIntervalMs",))
    return interval_ms / 1000
