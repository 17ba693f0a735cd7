"""Batches: many ingests that are started at once."""

from typing import Annotated, Self

import strawberry

from headgate.domain import batch_ingest, jobs
from headgate.domain.batch_ingest import Batch, BatchRequest
from headgate.domain.ingest import IngestRequest
from headgate.errors import UserFault
from headgate.graphql.context import Info
from headgate.graphql.enums import ErrorPolicy, Priority, Role
from headgate.graphql.fields import mutation, resolved
from headgate.graphql.ingest import IngestInput, read_ingest
from headgate.graphql.inputs import IDEMPOTENCY_KEY, WAIT_SECONDS
from headgate.graphql.jobs import Job
from headgate.graphql.payloads import StartedPayload, UserError
from headgate.graphql.started import checked_wait_s


@strawberry.input(description="What to ingest as one batch.")
class IngestBatchInput:
    items: list[IngestInput] = strawberry.field(
        description=(
            f"1 to {batch_ingest.MAX_ITEMS:,} ingests, in the order in which they are answered. A batch has one key "
            "and one wait: an item with an `idempotencyKey` or `waitSeconds` of its own is at fault."
        )
    )
    error_policy: ErrorPolicy | None = strawberry.field(
        default=ErrorPolicy.REJECT_FAILED,
        description="What an item that is at fault or fails means for the rest.",
    )
    priority: Priority | None = strawberry.field(
        default=Priority.MEDIUM,
        description="Which of the waiting jobs its items go before; items with HIGH or LOW keep their own.",
    )
    wait_seconds: float | None = strawberry.field(default=0, description=WAIT_SECONDS)
    idempotency_key: str | None = strawberry.field(default=None, description=IDEMPOTENCY_KEY)


@strawberry.type(description="What became of one item of a batch.")
class BatchItem:
    index: int = strawberry.field(description="Its place in `items`, from 0.")
    errors: list[UserError] = strawberry.field(
        description="What was wrong with it; empty where it was not at fault."
    )
    job_id: strawberry.Private[str | None]

    @resolved("Its job, as it was when the answer left; null where none was started.")
    async def job(self, info: Info) -> Job | None:
        return await Job.load(info, self.job_id)

    @classmethod
    def list_of(cls, batch: Batch) -> list[Self]:
        """Tell what became of each item, in order."""
        return [
            cls(
                index=index,
                errors=UserError.all_of(item.fault, at=_at(index)) if item.fault else [],
                job_id=item.job.id if item.job else None,
            )
            for index, item in enumerate(batch.items)
        ]


@strawberry.type(description="The batch that was started.")
class BatchPayload(StartedPayload):
    job: Job | None = strawberry.field(
        default=None,
        description="The batch, whose `children` are the jobs of its items; null where nothing was started.",
    )
    results: list[BatchItem] = strawberry.field(
        default_factory=list, description="What became of each item, in the order of `items`."
    )


@strawberry.type
class BatchMutation:
    @mutation(
        Role.OPERATOR,
        (
            "Starts many ingests as one batch: one job, which ends when its items have, and one more for each item. "
            "Where nothing can be started it is refused as BATCH_REJECTED, and `results` says what each item lacks."
        ),
    )
    async def ingest_batch(
        self,
        info: Info,
        input: Annotated[IngestBatchInput, strawberry.argument(description="What to ingest.")],
    ) -> BatchPayload:
        try:
            return await _submit(info, input)
        except UserFault as fault:
            return BatchPayload(errors=UserError.all_of(fault))


async def _submit(info: Info, input: IngestBatchInput) -> BatchPayload:
    wait_s = checked_wait_s(input.wait_seconds)
    services = info.context.services
    request = BatchRequest(
        items=[_read(item) for item in input.items],
        error_policy=input.error_policy or ErrorPolicy.REJECT_FAILED,
        priority=input.priority or Priority.MEDIUM,
    )
    batch = await batch_ingest.submit(services, info.context.principal, request, input.idempotency_key)
    if batch.job is None:
        return BatchPayload(results=BatchItem.list_of(batch), errors=[_rejected(batch)])
    job = await jobs.wait(services, batch.job.id, wait_s) if wait_s else batch.job
    return BatchPayload(job=Job.from_row(job), results=BatchItem.list_of(batch), replayed=batch.replayed)


def _read(item: IngestInput) -> IngestRequest | UserFault:
    if item.idempotency_key is not None:
        return UserFault("INVALID_ARGUMENT", "A batch has one key for all items.", ("idempotencyKey",))
    if item.wait_seconds:
        return UserFault("INVALID_ARGUMENT", "A batch has one wait for all items.", ("waitSeconds",))
    return read_ingest(item)


def _rejected(batch: Batch) -> UserError:
    faulty = sum(item.fault is not None for item in batch.items)
    message = f"Nothing was started: {faulty} of {len(batch.items)} items are at fault; `results` says why."
    return UserError.from_fault(UserFault("BATCH_REJECTED", message, ("items",)))


def _at(index: int) -> tuple[str, ...]:
    return ("input", "items", str(index))
