"""Pipelines run: on their own source, or on other data."""

from headgate.domain import ingest
from headgate.domain.acceptance import Accepted
from headgate.domain.ingest import IngestRequest
from headgate.domain.parts import Path
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.errors import UserFault


async def run(
    services: Services, principal: Principal, request: IngestRequest, key: str | None = None
) -> Accepted:
    """Start a job of the pipeline that a request names, once for each idempotency key.

    Raises UserFault as `ingest.submit` does, with a path that begins with `name` where the pipeline is at fault.
    """
    try:
        return await ingest.submit(services, principal, request, key, operation="runPipeline")
    except UserFault as fault:
        first, *others = [_renamed(each) for each in fault.all]
        raise UserFault(first.code, first.message, first.path, first.retryable, others) from fault


def _renamed(fault: UserFault) -> UserFault:
    path: Path = ("name", *fault.path[1:]) if fault.path[:1] == ("pipeline",) else fault.path
    return UserFault(fault.code, fault.message, path, fault.retryable)
