"""How well this Headgate is."""

from datetime import datetime
from typing import Self

import strawberry

from headgate.domain import health
from headgate.graphql.context import Info
from headgate.graphql.enums import HealthStatus, Role
from headgate.graphql.fields import query
from headgate.storage import tables


@strawberry.type(description="How well one part is.")
class HealthCheck:
    name: str = strawberry.field(description="Which part: database, store, queue or workers.")
    status: HealthStatus = strawberry.field(description="How it is.")
    latency_ms: float | None = strawberry.field(description="How long it took to answer, in milliseconds.")
    message: str | None = strawberry.field(description="What is wrong with it; null where nothing is.")

    @classmethod
    def from_check(cls, check: health.HealthCheck) -> Self:
        """Show a check of the domain."""
        return cls(name=check.name, status=check.status, latency_ms=check.latency_ms, message=check.message)


@strawberry.type(description="A process that runs jobs.")
class Worker:
    id: strawberry.ID = strawberry.field(description="What attempts name as their worker.")
    host: str = strawberry.field(description="The machine that it runs on.")
    started_at: datetime = strawberry.field(description="When it began.")
    last_seen_at: datetime = strawberry.field(description="When it last told of itself.")
    running_jobs: int = strawberry.field(description="How many jobs it ran by then.")

    @classmethod
    def from_row(cls, row: tables.Worker) -> Self:
        """Make it of its row in the database."""
        return cls(
            id=strawberry.ID(row.id),
            host=row.host,
            started_at=row.started_at,
            last_seen_at=row.last_seen_at,
            running_jobs=row.running_jobs,
        )


@strawberry.type(description="How well this Headgate is.")
class Health:
    status: HealthStatus = strawberry.field(description="How it is as a whole: as its worst part.")
    version: str = strawberry.field(description="Its version.")
    timestamp: datetime = strawberry.field(description="When this was found out.")
    active_jobs: int = strawberry.field(description="How many jobs run; a batch is none, its items are.")
    queued_jobs: int = strawberry.field(description="How many jobs wait; a batch is none, its items are.")
    workers: list[Worker] = strawberry.field(description="The workers that live, oldest first.")
    checks: list[HealthCheck] = strawberry.field(description="How each part is.")

    @classmethod
    def from_report(cls, report: health.Health) -> Self:
        """Show a report of the domain."""
        return cls(
            status=report.status,
            version=report.version,
            timestamp=report.timestamp,
            active_jobs=report.active_jobs,
            queued_jobs=report.queued_jobs,
            workers=[Worker.from_row(row) for row in report.workers],
            checks=[HealthCheck.from_check(check) for check in report.checks],
        )


@strawberry.type
class HealthQuery:
    @query(Role.VIEWER, "How well this Headgate is, and how much it has to do.")
    async def health(self, info: Info) -> Health:
        return Health.from_report(await health.report(info.context.services))
