"""Events of jobs, live."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from time import monotonic
from typing import Annotated, Self

import strawberry

from headgate.domain import jobs
from headgate.errors import UserFault
from headgate.graphql.context import Info
from headgate.graphql.enums import JobEventType, JobStatus, Role
from headgate.graphql.fields import resolved, subscription
from headgate.graphql.jobs import Job, Progress
from headgate.storage import tables

DEFAULT_INTERVAL_MS = 200
MAX_INTERVAL_MS = 60_000


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
    job_id: strawberry.Private[str]

    @classmethod
    def from_row(cls, row: tables.JobEvent) -> Self:
        """Make it of its row in the database."""
        return cls(
            cursor=jobs.event_cursor(row),
            type=row.type,
            at=row.at,
            status=row.status,
            progress=None if row.progress is None else Progress.from_json(row.progress),
            message=row.message,
            job_id=row.job_id,
        )

    @resolved("The job as it is by now, which may be further than the event.")
    async def job(self, info: Info) -> Job:
        job = await Job.load(info, self.job_id)
        assert job is not None
        return job


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
            strawberry.argument(description="An event's cursor to resume behind; all events by default."),
        ] = None,
        min_interval_ms: Annotated[
            int | None,
            strawberry.argument(
                description=(
                    "Least number of milliseconds between two PROGRESS events: of those in between only the newest "
                    f"comes. 0 to {MAX_INTERVAL_MS:,}; other events never wait."
                )
            ),
        ] = DEFAULT_INTERVAL_MS,
    ) -> AsyncGenerator[JobEvent, None]:
        interval_s = _interval_s(min_interval_ms)
        after = info.context.resume_after if after is None else after
        seq = 0 if after is None else jobs.decode_event_cursor(job_id, after)
        async with aclosing(paced(jobs.watch(info.context.services, job_id, seq), interval_s)) as events:
            async for event in events:
                info.context.forget()
                info.context.cursor = jobs.event_cursor(event)
                yield JobEvent.from_row(event)


class Pace:
    """Lets events pass, PROGRESS at most once per interval; of those held back only the newest is kept."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._held: tables.JobEvent | None = None
        self._due = monotonic()

    @property
    def wait_s(self) -> float | None:
        """Say for how long the held event has to wait; None where none is held."""
        return None if self._held is None else max(self._due - monotonic(), 0)

    def take(self, event: tables.JobEvent) -> list[tables.JobEvent]:
        """Take an event and answer what may pass now, in order."""
        if event.type is JobEventType.PROGRESS:
            self._held = event
            return self.release() if self.wait_s == 0 else []
        return [*self.release(), event]

    def release(self) -> list[tables.JobEvent]:
        """Let the held event pass."""
        if self._held is None:
            return []
        passing, self._held, self._due = self._held, None, monotonic() + self._interval_s
        return [passing]


async def paced(
    events: AsyncGenerator[tables.JobEvent, None], interval_s: float
) -> AsyncGenerator[tables.JobEvent, None]:
    """Pass events on at the pace of an interval; closes `events` when it ends itself."""
    pace = Pace(interval_s)
    upcoming = asyncio.create_task(_next(events))
    try:
        while True:
            done, _ = await asyncio.wait({upcoming}, timeout=pace.wait_s)
            event = upcoming.result() if done else None
            for passing in pace.take(event) if event else pace.release():
                yield passing
            if event:
                upcoming = asyncio.create_task(_next(events))
            elif done:
                return
    finally:
        upcoming.cancel()
        await asyncio.wait({upcoming})
        await events.aclose()


async def _next(events: AsyncGenerator[tables.JobEvent, None]) -> tables.JobEvent | None:
    return await anext(events, None)


def _interval_s(milliseconds: int | None) -> float:
    interval_ms = DEFAULT_INTERVAL_MS if milliseconds is None else milliseconds
    if not 0 <= interval_ms <= MAX_INTERVAL_MS:
        text = f"minIntervalMs must be from 0 to {MAX_INTERVAL_MS}; it is {interval_ms}."
        raise UserFault("INVALID_ARGUMENT", text, ("minIntervalMs",))
    return interval_ms / 1000
