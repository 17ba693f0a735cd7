"""Whether this process lives, and whether it can do its work: for balancers and supervisors."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from headgate.domain import health
from headgate.domain.health import HealthStatus
from headgate.domain.services import Services


def health_routes(services: Services) -> list[Route]:
    """Make /healthz, which touches nothing, and /readyz, which uses every part.

    The latter answers 503 where a part fails that no request can do without, and 200 where the rest is DEGRADED.
    """
    return [Route("/healthz", _is_alive), Route("/readyz", _readiness(services))]


async def _is_alive(request: Request) -> Response:
    return JSONResponse({"status": "alive"})


def _readiness(services: Services) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        report = await health.report(services)
        is_ready = report.status is not HealthStatus.UNHEALTHY
        checks = {check.name: check.status for check in report.checks}
        return JSONResponse({"status": report.status, "checks": checks}, 200 if is_ready else 503)

    return answer
