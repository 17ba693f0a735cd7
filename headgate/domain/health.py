"""How well this Headgate is."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from headgate.domain.services import Services


class HealthStatus(StrEnum):
    """UNHEALTHY cannot do its work."""

    HEALTHY = "HEALTHY"
    DEGRADED = "DEGRADED"
    UNHEALTHY = "UNHEALTHY"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How one part is: `database` or `store`."""

    name: str
    status: HealthStatus
    latency_ms: float | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """How all parts are; as bad as the worst of them."""

    status: HealthStatus
    version: str
    timestamp: datetime
    active_jobs: int
    queued_jobs: int
    checks: list[HealthCheck]


async def report(services: Services) -> Health:
    """Check every part; never raises for one that is broken, and takes 5 seconds at most."""
    raise NotImplementedError
