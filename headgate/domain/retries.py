"""Trying a job again by hand: a new job that does the same, as a whole or for its rejected rows."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlmodel import col, select

from headgate.domain import mappings, permissions
from headgate.domain.acceptance import Accepted, NewJob, accept, replayed
from headgate.domain.audit import Deed
from headgate.domain.batch_ingest import make_batch
from headgate.domain.bindings import Named
from headgate.domain.happenings import FINAL, ended
from headgate.domain.idempotency import earlier, token_of
from headgate.domain.jobs import require_job
from headgate.domain.lineage import NONE_REJECTED, open_rows_refusal
from headgate.domain.permissions import Principal, require
from headgate.domain.services import Services
from headgate.domain.specs import ROWS, RUNNING, Spec, check_spec, dataset_sink
from headgate.errors import UserFault
from headgate.pipelines.acceptance import InvalidPolicy
from headgate.storage.ids import new_id
from headgate.storage.tables import ErrorPolicy, ItemStatus, Job, JobKind, JobStatus, Priority, Role

WITHOUT_EFFECT = frozenset({JobStatus.FAILED, JobStatus.CANCELED})
PATH = ("jobId",)
GOOD_ITEMS_ARE_DONE = "What succeeded of it is done already; FAILED_ROWS takes the items that failed."
NONE_FAILED = "No item of it failed."
GOOD_ROWS_ARE_IN = "Its good rows are in the dataset already; FAILED_ROWS takes those that were rejected."


class RetryStrategy(StrEnum):
    """What a retry takes: the whole source again, or only the rows that were rejected."""

    ALL = "ALL"
    FAILED_ROWS = "FAILED_ROWS"


class JobAction(StrEnum):
    """What can be done with a job."""

    CANCEL = "CANCEL"
    RETRY = "RETRY"
    CORRECT = "CORRECT"


@dataclass(frozen=True, slots=True)
class ActionState:
    """Whether an action is possible; `reason` says why not."""

    action: JobAction
    reason: str | None

    @property
    def allowed(self) -> bool:
        """Whether it is possible."""
        return self.reason is None


@dataclass(frozen=True, slots=True)
class RetryRequest:
    """Which job to try again, and what of it; what is None, or no part of the spec, stays as it was."""

    job_id: str
    strategy: RetryStrategy = RetryStrategy.ALL
    priority: Priority | None = None
    spec: Spec | None = None


async def retry(
    services: Services, principal: Principal, request: RetryRequest, key: str | None = None
) -> Accepted:
    """Accept a new job that does again what another one did, once for each idempotency key.

    Raises UserFault: FORBIDDEN, INVALID_ID, NOT_FOUND, NOT_RETRYABLE, INVALID_ARGUMENT, IDEMPOTENCY_MISMATCH.
    """
    require(principal, Role.OPERATOR)
    _check_changes(request.spec or {})
    job = await require_job(services, request.job_id, PATH)
    token = token_of(principal, key, "retry", request)
    if (known := await earlier(services, token)) is not None:
        return await replayed(services, known)
    if (reason := refusal(job, request.strategy)) is not None:
        raise UserFault("NOT_RETRYABLE", reason, PATH)
    if job.kind is JobKind.MAPPING:
        parent, new = None, [await _items_again(services, principal, job, request)]
    else:
        parent, new = await _again(services, principal, job, request)
        named = await Named.by(services, new)
        for each in new:
            named.bind(each)
    again = parent or new[0].job
    deed = Deed(principal, "retry", job.id, {"job": again.id, "strategy": request.strategy})
    if (known := await accept(services, new, token, parent, deed=deed)) is not None:
        return await replayed(services, known)
    return Accepted(again)


def _check_changes(spec: Spec) -> None:
    """Raise UserFault: INVALID_SPEC, INVALID_ARGUMENT for a change of what is read or where it goes."""
    if fixed := [name for name in spec if name not in (*ROWS, *RUNNING)]:
        message = f"A retry reads and writes what the job did: {fixed[0]} can't be changed."
        raise UserFault("INVALID_ARGUMENT", message, ("spec", fixed[0]))
    check_spec(spec)


async def _items_again(services: Services, principal: Principal, job: Job, request: RetryRequest) -> NewJob:
    """Make a job of items of a job of mappings: of all of them, or of those that have not succeeded."""
    if others := [name for name in request.spec or {} if name not in RUNNING]:
        message = f"A job of mappings has no {others[0]}."
        raise UserFault("INVALID_ARGUMENT", message, ("spec", others[0]))
    is_all = request.strategy is RetryStrategy.ALL
    wanted = list(ItemStatus) if is_all else [ItemStatus.PENDING, ItemStatus.FAILED]
    if (new := await mappings.again(services, principal, job, wanted)) is None:
        raise UserFault("NOT_RETRYABLE", NONE_FAILED, PATH)
    new.job.priority = request.priority or job.priority
    new.job.spec = {**job.spec, **(request.spec or {})}
    return new


def refusal(job: Job, strategy: RetryStrategy) -> str | None:
    """Say why a job cannot be tried again in this way; None where it can."""
    if job.status not in FINAL:
        return f"The job has not ended yet: it is {job.status}."
    if job.kind is JobKind.MAPPING:
        return _items_refusal(job, strategy)
    has_effect = job.status not in WITHOUT_EFFECT
    if strategy is RetryStrategy.ALL:
        return GOOD_ROWS_ARE_IN if has_effect else None
    if job.kind is JobKind.BATCH:
        return None if job.status is not JobStatus.SUCCEEDED or job.rows_rejected else NONE_REJECTED
    if job.kind is JobKind.CORRECTION:
        return "Its rows need other values: correct them."
    if has_effect:
        return open_rows_refusal(job)
    return None if job.rows_rejected else NONE_REJECTED


def _items_refusal(job: Job, strategy: RetryStrategy) -> str | None:
    if strategy is RetryStrategy.ALL:
        return GOOD_ITEMS_ARE_DONE if job.status not in WITHOUT_EFFECT else None
    return NONE_FAILED if job.status is JobStatus.SUCCEEDED else None


def actions(principal: Principal, job: Job) -> list[ActionState]:
    """Tell what may be done with a job by who asks."""
    if (reason := permissions.refusal(principal, Role.OPERATOR)) is not None:
        return [ActionState(action, reason) for action in JobAction]
    refusals = [refusal(job, strategy) for strategy in RetryStrategy]
    return [
        ActionState(JobAction.CANCEL, ended(job) if job.status in FINAL else None),
        ActionState(JobAction.RETRY, None if None in refusals else refusals[-1]),
        ActionState(JobAction.CORRECT, open_rows_refusal(job)),
    ]


async def _again(
    services: Services, principal: Principal, job: Job, request: RetryRequest
) -> tuple[Job | None, list[NewJob]]:
    if job.kind is not JobKind.BATCH:
        return None, [_same(principal, job, request)]
    statement = select(Job).where(Job.parent_id == job.id).order_by(col(Job.position))
    async with services.database.read() as session:
        children = [child for child in await session.scalars(statement) if _is_wanted(child, request)]
    if not children:
        raise UserFault("NOT_RETRYABLE", "No item of this batch is left to be tried again.", PATH)
    new = [_same(principal, child, request) for child in children]
    policy = ErrorPolicy(job.spec["errorPolicy"])
    parent = make_batch(principal, policy, request.priority or job.priority, new)
    parent.retry_of_id = job.id
    return parent, new


def _is_wanted(child: Job, request: RetryRequest) -> bool:
    """Whether a retry of a batch takes this item: one without effect, or, where asked for, one with rejected rows."""
    return child.status in WITHOUT_EFFECT or (
        request.strategy is RetryStrategy.FAILED_ROWS and open_rows_refusal(child) is None
    )


def _same(principal: Principal, job: Job, request: RetryRequest) -> NewJob:
    """Make a job that reads the same and writes to the same dataset."""
    again = Job(
        id=new_id("job"),
        kind=job.kind,
        priority=request.priority or job.priority,
        retry_of_id=job.id,
        resolves_id=job.id if _takes_rows(job, request) else job.resolves_id,
        pipeline_id=job.pipeline_id,
        pipeline_version=job.pipeline_version,
        file_id=job.file_id,
        spec=_spec(job, request),
        created_by_id=principal.user_id,
    )
    sink = dataset_sink(job.spec)
    return NewJob(again, sink["name"] if sink is not None else None)


def _spec(job: Job, request: RetryRequest) -> dict[str, Any]:
    spec = dict(job.spec)
    is_partial = _takes_rows(job, request) or job.resolves_id is not None
    (kind, given), *_ = spec["source"].items()
    if kind in ("input", "corrections") or (kind in ("url", "outside") and is_partial):
        spec["source"] = {kind: {"job": job.id, **given}}
    if _takes_rows(job, request):
        spec |= {"acceptance": partial_acceptance(job)}
    return spec | dict(request.spec or {})


def _takes_rows(job: Job, request: RetryRequest) -> bool:
    """Whether a retry reads the rejected rows of a job alone."""
    return request.strategy is RetryStrategy.FAILED_ROWS and open_rows_refusal(job) is None


def partial_acceptance(job: Job) -> dict[str, Any]:
    """How much may be wrong with the rejected rows of a job alone: its limits were for all of its rows."""
    given = job.spec.get("acceptance") or {}
    return {"onInvalid": InvalidPolicy.WARN} if given.get("onInvalid") == InvalidPolicy.WARN else {}
