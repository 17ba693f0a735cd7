"""Validation: hold data against rules, and keep nothing of it but what is wrong."""

from dataclasses import dataclass

from headgate.domain.acceptance import Accepted, NewJob
from headgate.domain.idempotency import token_of
from headgate.domain.ingest import accept_once
from headgate.domain.permissions import Principal, require
from headgate.domain.requests import DataRequest, content_of, source_of
from headgate.domain.services import Services
from headgate.storage.ids import new_id
from headgate.storage.tables import Job, JobKind, Role


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidateRequest(DataRequest):
    """What to check, and against which rules; without any, only what can't be read is at fault."""


async def submit(
    services: Services, principal: Principal, request: ValidateRequest, key: str | None = None
) -> Accepted:
    """Accept a check of data as a durable job, once for each idempotency key.

    Raises UserFault: FORBIDDEN, INVALID_SPEC, IDEMPOTENCY_MISMATCH, and what `content_of` and `Named.bind` raise.
    """
    require(principal, Role.VIEWER)
    return await accept_once(
        services, _prepare(principal, request), token_of(principal, key, "validate", request)
    )


def _prepare(principal: Principal, request: ValidateRequest) -> NewJob:
    request.rules.check()
    content = content_of(request)
    job = Job(
        id=new_id("job"),
        kind=JobKind.VALIDATE,
        priority=request.priority,
        file_id=request.file_id,
        spec={"source": source_of(request, content), **request.rules.to_json()},
        created_by_id=principal.user_id,
    )
    return NewJob(job, None, content)
