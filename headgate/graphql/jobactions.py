"""What can be done with jobs that are there: stop them, try them again."""

from typing import Annotated

import strawberry

from headgate.domain import cancellation, retries
from headgate.domain.retries import RetryRequest
from headgate.errors import UserFault
from headgate.graphql.context import Info
from headgate.graphql.enums import CancelMode, Priority, RetryStrategy, Role
from headgate.graphql.fields import mutation
from headgate.graphql.inputs import IDEMPOTENCY_KEY, WAIT_SECONDS
from headgate.graphql.jobs import Job
from headgate.graphql.payloads import UserError
from headgate.graphql.specs import PipelineSpecInput, spec_json
from headgate.graphql.started import JobPayload


@strawberry.input(description="Which job to stop, and how.")
class CancelInput:
    job_id: strawberry.ID = strawberry.field(
        description="The job's id; of a batch all items are stopped that have not ended."
    )
    mode: CancelMode | None = strawberry.field(default=CancelMode.SAFE, description="How it is stopped.")


@strawberry.input(description="Which job to try again, and what of it.")
class RetryInput:
    job_id: strawberry.ID = strawberry.field(
        description="The job's id; of a batch only the items are tried again that need it, as a new batch."
    )
    strategy: RetryStrategy | None = strawberry.field(
        default=RetryStrategy.ALL, description="What of it is tried again."
    )
    priority: Priority | None = strawberry.field(
        default=None, description="Which of the waiting jobs it goes before; as before by default."
    )
    spec: PipelineSpecInput | None = strawberry.field(
        default=None,
        description="What becomes of its rows and how it is carried out; what is left out stays as it was. What is "
        "read and where it goes can't be changed.",
    )
    wait_seconds: float | None = strawberry.field(default=0, description=WAIT_SECONDS)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type
class JobActionMutation:
    @mutation(
        Role.OPERATOR,
        (
            "Stops a job. One that waits for its first attempt is CANCELED at once; one that runs is soon, unless it "
            "has committed by then: `jobProgress` and `job` tell. May be sent again; one that has ended otherwise is "
            "refused as JOB_ENDED."
        ),
    )
    async def cancel(
        self,
        info: Info,
        input: Annotated[CancelInput, strawberry.argument(description="Which job to stop, and how.")],
    ) -> JobPayload:
        context, mode = info.context, input.mode or CancelMode.SAFE
        try:
            job = await cancellation.cancel(context.services, context.principal, input.job_id, mode)
        except UserFault as fault:
            return JobPayload(errors=[UserError.from_fault(fault)])
        return JobPayload(job=Job.from_row(job))

    @mutation(
        Role.OPERATOR,
        (
            "Starts a new job that does again what an ended one did, as a whole or for its rejected rows; the two are "
            "linked by `retryOf` and `retries`. What could only be done twice is refused as NOT_RETRYABLE."
        ),
    )
    async def retry(
        self,
        info: Info,
        input: Annotated[RetryInput, strawberry.argument(description="Which job, and what of it.")],
    ) -> JobPayload:
        context = info.context
        return await JobPayload.of(
            info,
            input.wait_seconds,
            lambda: retries.retry(context.services, context.principal, _read(input), input.idempotency_key),
        )


def _read(input: RetryInput) -> RetryRequest:
    return RetryRequest(
        job_id=input.job_id,
        strategy=input.strategy or RetryStrategy.ALL,
        priority=input.priority,
        spec=spec_json(input.spec),
    )
