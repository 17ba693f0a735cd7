"""Validation: hold data against rules, and keep nothing of it but what is wrong."""

from dataclasses import dataclass

from headgate.domain.acceptance import Accepted, NewJob, replayed
from headgate.domain.idempotency import earlier, token_of
from headgate.domain.ingest import accept_once
from headgate.domain.permissions import Principal, require
from headgate.domain.plans import Plan, pipelines_named, plan_of, reading_of
from headgate.domain.requests import DataRequest
from headgate.domain.services import Services
from headgate.domain.specs import ROWS, Spec, check_spec, chosen
from headgate.storage.ids import new_id
from headgate.storage.tables import Job, JobKind, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateRequest(DataRequest):
    """What to check, and against which rules; without any, only what can't be read is at fault.

    `rules` are a contract and checks that go before those of a pipeline or template.
    """

    rules: Spec | None = None


async def submit(
    services: Services, principal: Principal, request: ValidateRequest, key: str | None = None
) -> Accepted:
    """Accept a check of data as a durable job, once for each idempotency key.

    Raises UserFault: FORBIDDEN, IDEMPOTENCY_MISMATCH, and what `plan_of`, `reading_of` and `Named.bind` raise.
    """
    require(principal, Role.VIEWER)
    token = token_of(principal, key, "validate", request)
    if (known := await earlier(services, token)) is not None:
        return await replayed(services, known)
    plan = plan_of(request, await pipelines_named(services, [request]))
    return await accept_once(services, _job(principal, request, plan), token, deed=None)


def _job(principal: Principal, request: ValidateRequest, plan: Plan) -> NewJob:
    rules = request.rules or {}
    check_spec(rules, ())
    reading = reading_of(request, plan)
    job = Job(
        id=new_id("job"),
        kind=JobKind.VALIDATE,
        priority=request.priority,
        **plan.of_pipeline,
        file_id=reading.file_id,
        spec={"source": reading.source, **chosen(plan.spec, ROWS), **rules},
        created_by_id=principal.user_id,
    )
    return NewJob(job, None, reading.content, () if rules else plan.at, reading.at)
