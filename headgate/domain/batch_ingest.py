"""Many ingests as one batch: one parent job, one child per item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headgate.domain.acceptance import NewJob, accept
from headgate.domain.audit import Deed
from headgate.domain.bindings import Named
from headgate.domain.idempotency import earlier, token_of
from headgate.domain.ingest import IngestRequest, prepare
from headgate.domain.jobs import get_many, require_job
from headgate.domain.permissions import Principal, require
from headgate.domain.plans import pipelines_named
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.ids import new_id
from headgate.storage.tables import ErrorPolicy, Job, JobKind, Pipeline, Priority, Role

MAX_ITEMS = 1000


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """What to ingest; an item that came with a fault takes part as one that is at fault.

    `priority` goes for the items that have the usual one.
    """

    items: Sequence[IngestRequest | UserFault]
    error_policy: ErrorPolicy = ErrorPolicy.REJECT_FAILED
    priority: Priority = Priority.MEDIUM


@dataclass(frozen=True, slots=True)
class BatchItem:
    """What became of one item of a request: its job, or why it was not taken."""

    job: Job | None
    fault: UserFault | None


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of a whole request; no job where nothing was started."""

    job: Job | None
    items: list[BatchItem]
    replayed: bool = False


async def submit(
    services: Services, principal: Principal, request: BatchRequest, key: str | None = None
) -> Batch:
    """Accept a batch, once for each idempotency key: all of its items or, as its policy has it, those without fault.

    Raises UserFault: FORBIDDEN, INVALID_ARGUMENT, IDEMPOTENCY_MISMATCH. Faults of items are answered with them.
    """
    require(principal, Role.OPERATOR)
    _check_size(request)
    token = token_of(principal, key, "ingestBatch", request)
    if (known := await earlier(services, token)) is not None:
        return await _replayed(services, known)
    checked = await _check_items(services, principal, request)
    new = [each for each in checked if isinstance(each, NewJob)]
    refused = len(checked) - len(new)
    if not new or (refused and request.error_policy is ErrorPolicy.REJECT_ALL):
        return Batch(None, [_refused(each) for each in checked])
    parent = make_batch(principal, request.error_policy, request.priority, checked)
    deed = Deed(principal, "ingestBatch", parent.id, {"items": len(new)})
    if (known := await accept(services, new, token, parent, deed=deed)) is not None:
        return await _replayed(services, known)
    return Batch(parent, [_taken(each) for each in checked])


def make_batch(
    principal: Principal, policy: ErrorPolicy, priority: Priority, items: Sequence[NewJob | UserFault]
) -> Job:
    """Make a batch of these items, whose jobs become its children; it is not accepted yet."""
    parent = Job(
        id=new_id("job"),
        kind=JobKind.BATCH,
        priority=priority,
        spec={"errorPolicy": policy, "items": [_noted(each) for each in items]},
        created_by_id=principal.user_id,
    )
    for position, each in enumerate(items):
        if isinstance(each, NewJob):
            each.job.parent_id, each.job.position = parent.id, position
    return parent


def _check_size(request: BatchRequest) -> None:
    if not 1 <= len(request.items) <= MAX_ITEMS:
        message = f"A batch has 1 to {MAX_ITEMS} items; this one has {len(request.items)}."
        raise UserFault("INVALID_ARGUMENT", message, ("items",))


async def _check_items(
    services: Services, principal: Principal, request: BatchRequest
) -> list[NewJob | UserFault]:
    requests = [item for item in request.items if isinstance(item, IngestRequest)]
    pipelines = await pipelines_named(services, requests)
    prepared = [_prepare(principal, item, request.priority, pipelines) for item in request.items]
    named = await Named.by(services, [each for each in prepared if isinstance(each, NewJob)])
    return [each if isinstance(each, UserFault) else _bound(each, named) for each in prepared]


def _prepare(
    principal: Principal,
    item: IngestRequest | UserFault,
    priority: Priority,
    pipelines: Mapping[str, Pipeline],
) -> NewJob | UserFault:
    if isinstance(item, UserFault):
        return item
    try:
        new = prepare(principal, item, pipelines)
    except UserFault as fault:
        return fault
    if item.priority is Priority.MEDIUM:
        new.job.priority = priority
    return new


def _bound(new: NewJob, named: Named) -> NewJob | UserFault:
    try:
        named.bind(new)
    except UserFault as fault:
        return fault
    return new


def _noted(each: NewJob | UserFault) -> dict[str, Any]:
    """What the batch remembers of an item, so that a repeated request gets the same answer."""
    if isinstance(each, NewJob):
        return {"job": each.job.id}
    return {"errors": [_fault_json(fault) for fault in each.all]}


def _fault_json(fault: UserFault) -> dict[str, Any]:
    return {"code": fault.code, "message": fault.message, "path": fault.path, "retryable": fault.retryable}


def _taken(each: NewJob | UserFault) -> BatchItem:
    return BatchItem(each.job, None) if isinstance(each, NewJob) else BatchItem(None, each)


def _refused(each: NewJob | UserFault) -> BatchItem:
    return BatchItem(None, each if isinstance(each, UserFault) else None)


async def _replayed(services: Services, batch_id: str) -> Batch:
    parent = await require_job(services, batch_id)
    items = parent.spec["items"]
    jobs = await get_many(services, [item["job"] for item in items if "job" in item])
    return Batch(parent, [_remembered(item, jobs) for item in items], replayed=True)


def _remembered(item: dict[str, Any], jobs: dict[str, Job]) -> BatchItem:
    if "job" in item:
        return BatchItem(jobs.get(item["job"]), None)
    first, *others = [
        UserFault(each["code"], each["message"], tuple(each["path"]), each["retryable"])
        for each in item["errors"]
    ]
    return BatchItem(None, UserFault(first.code, first.message, first.path, first.retryable, others))
