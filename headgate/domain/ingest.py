"""Ingest: take data and make a job of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headgate.domain.acceptance import Accepted, NewJob, accept, replayed
from headgate.domain.audit import Deed
from headgate.domain.bindings import Named
from headgate.domain.idempotency import Token, earlier, token_of
from headgate.domain.permissions import Principal, require
from headgate.domain.plans import Plan, pipelines_named, plan_of, reading_of
from headgate.domain.requests import DataRequest
from headgate.domain.services import Services
from headgate.domain.specs import ROWS, RUNNING, Spec, check_spec, chosen, dataset_sink, with_dataset_sink
from headgate.errors import UserFault
from headgate.pipelines.sinks.dataset import DATASET_NAME, NAME_RULE
from headgate.storage.datasets import WriteMode as WriteMode
from headgate.storage.ids import new_id
from headgate.storage.tables import Job, JobKind, Pipeline, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestRequest(DataRequest):
    """What to ingest, and how; `dataset`, `mode` and `keys` go before those of the spec's dataset sink."""

    dataset: str | None = None
    mode: WriteMode | None = None
    keys: Sequence[str] | None = None


async def submit(
    services: Services,
    principal: Principal,
    request: IngestRequest,
    key: str | None = None,
    *,
    operation: str = "ingest",
) -> Accepted:
    """Accept data as a durable job, once for each idempotency key; creates the dataset where it is missing.

    Raises UserFault: FORBIDDEN, what `plan_of`, `reading_of` and `Named.bind` raise, DATASET_REQUIRED, INVALID_NAME,
    KEYS_REQUIRED, KEYS_NOT_ALLOWED, INVALID_KEYS and IDEMPOTENCY_MISMATCH; each `path` begins at the input object, such
    as `("data", "file")`.
    """
    require(principal, Role.OPERATOR)
    token = token_of(principal, key, operation, request)
    if (known := await earlier(services, token)) is not None:
        return await replayed(services, known)
    new = prepare(principal, request, await pipelines_named(services, [request]))
    return await accept_once(services, new, token, _deed(principal, operation, request, new))


def _deed(principal: Principal, operation: str, request: IngestRequest, new: NewJob) -> Deed:
    target = request.pipeline if operation == "runPipeline" else new.job.id
    said = {"job": new.job.id, "pipeline": request.pipeline, "dataset": new.dataset_name}
    details = {name: value for name, value in said.items() if value not in (None, target)}
    return Deed(principal, operation, target, details)


async def accept_once(services: Services, new: NewJob, token: Token | None, deed: Deed | None) -> Accepted:
    """Accept a job that reads what its spec names, unless a request with the same key has started it meanwhile.

    `deed` is as `accept` takes it.
    """
    (await Named.by(services, [new])).bind(new)
    known = await accept(services, [new], token, deed=deed)
    return Accepted(new.job) if known is None else await replayed(services, known)


def prepare(principal: Principal, request: IngestRequest, pipelines: Mapping[str, Pipeline]) -> NewJob:
    """Make the job that a request asks for, which is not accepted yet. Raises UserFault, as `submit` does."""
    plan = plan_of(request, pipelines)
    return _job(plan, with_shorthands(plan, request), request, principal.user_id)


async def job_of_pipeline(
    services: Services, pipeline: Pipeline, *, created_by_id: str | None, tick_at: datetime | None = None
) -> NewJob:
    """Make the job that a pipeline starts by itself, at a moment of its schedule; it is not accepted yet.

    Raises UserFault, as `submit` does.
    """
    request = IngestRequest(pipeline=pipeline.name)
    plan = plan_of(request, {pipeline.name: pipeline})
    new = _job(plan, with_shorthands(plan, request), request, created_by_id)
    new.job.tick_at = tick_at
    (await Named.by(services, [new])).bind(new)
    return new


def _job(plan: Plan, spec: Spec, request: IngestRequest, user_id: str | None) -> NewJob:
    reading = reading_of(request, plan)
    sink = dataset_sink(spec)
    job = Job(
        id=new_id("job"),
        kind=JobKind.INGEST,
        priority=request.priority,
        **plan.of_pipeline,
        file_id=reading.file_id,
        spec={"source": reading.source, **chosen(spec, (*ROWS, "sinks", *RUNNING))},
        created_by_id=user_id,
    )
    return NewJob(job, sink["name"] if sink is not None else None, reading.content, plan.at, reading.at)


def with_shorthands(plan: Plan, request: IngestRequest) -> Spec:
    """The spec with what the request says of the dataset in its own place.

    Raises UserFault: DATASET_REQUIRED, INVALID_NAME, KEYS_REQUIRED, KEYS_NOT_ALLOWED, INVALID_KEYS, INVALID_SPEC.
    """
    said: dict[str, Any] = {"name": request.dataset, "mode": request.mode, "keys": request.keys}
    said = {name: value for name, value in said.items() if value is not None}
    known = dataset_sink(plan.spec)
    if not said:
        if not plan.spec.get("sinks"):
            raise _dataset_required()
        return plan.spec
    if known is None and request.dataset is None:
        raise _dataset_required()
    sink = {"mode": WriteMode.APPEND, "keys": [], **(known or {}), **said}
    _check_sink(sink)
    spec = with_dataset_sink(plan.spec, {**sink, "keys": list(sink["keys"])})
    check_spec({"sinks": spec["sinks"]}, plan.at)
    return spec


def _dataset_required() -> UserFault:
    return UserFault("DATASET_REQUIRED", "Name the dataset that the rows go into.", ("dataset",))


def _check_sink(sink: Mapping[str, Any]) -> None:
    if not DATASET_NAME.fullmatch(sink["name"]):
        raise UserFault("INVALID_NAME", NAME_RULE, ("dataset",))
    keys, mode = sink["keys"], sink["mode"]
    if mode != WriteMode.UPSERT:
        if keys:
            raise UserFault("KEYS_NOT_ALLOWED", f"{mode} takes no keys; UPSERT does.", ("keys",))
        return
    if not keys:
        raise UserFault("KEYS_REQUIRED", "UPSERT needs the columns that identify a row.", ("keys",))
    if len(set(keys)) < len(keys) or not all(keys):
        raise UserFault("INVALID_KEYS", "Name each key column once.", ("keys",))
