"""What mutations that start jobs answer."""

from collections.abc import Awaitable, Callable
from typing import Self

import strawberry

from headgate.domain import jobs
from headgate.domain.acceptance import Accepted
from headgate.errors import UserFault
from headgate.graphql.context import Info
from headgate.graphql.jobs import Job
from headgate.graphql.payloads import StartedPayload, UserError


@strawberry.type(description="The job that was started, or that the request is about.")
class JobPayload(StartedPayload):
    job: Job | None = strawberry.field(
        default=None, description="The job, as it was when the answer left; null where there is none."
    )

    @classmethod
    async def of(
        cls, info: Info, wait_seconds: float | None, start: Callable[[], Awaitable[Accepted]]
    ) -> Self:
        """Start a job and answer it, once it has ended or so many seconds have passed; or say why none was started."""
        try:
            wait_s = checked_wait_s(wait_seconds)
            accepted = await start()
        except UserFault as fault:
            return cls(errors=UserError.all_of(fault))
        services = info.context.services
        job = await jobs.wait(services, accepted.job.id, wait_s) if wait_s else accepted.job
        return cls(job=Job.from_row(job), replayed=accepted.replayed)


def checked_wait_s(wait_seconds: float | None) -> float:
    """Refuse a wait that is not allowed before the job is accepted, not after: UserFault (INVALID_ARGUMENT)."""
    wait_s = wait_seconds or 0
    jobs.check_wait(wait_s)
    return wait_s
