"""How well this Headgate is."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from time import perf_counter

import structlog

from headgate.domain import jobs
from headgate.domain.services import Services
from headgate.storage.ids import new_id
from headgate.storage.tables import utc_now

CHECK_TIMEOUT_S = 5.0

logger = structlog.get_logger(__name__)


class HealthStatus(StrEnum):
    """UNHEALTHY cannot do its work; DEGRADED does it worse than usual."""

    HEALTHY = "HEALTHY"
    DEGRADED = "DEGRADED"
    UNHEALTHY = "UNHEALTHY"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How one part is: `database` or `store`."""

    name: str
    status: HealthStatus
    latency_ms: float
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """How all parts are: as bad as the worst of them. The counts are 0 where the database is gone."""

    status: HealthStatus
    version: str
    timestamp: datetime
    active_jobs: int
    queued_jobs: int
    checks: list[HealthCheck]


async def report(services: Services) -> Health:
    """Check every part; never raises for one that is broken, and takes 5 seconds at most."""
    counting = asyncio.create_task(jobs.counts(services))
    checks = await asyncio.gather(_check("database", counting), _check("store", _use_store(services)))
    is_well = all(check.status is HealthStatus.HEALTHY for check in checks)
    counts = counting.result() if checks[0].status is HealthStatus.HEALTHY else jobs.JobCounts(0, 0)
    return Health(
        status=HealthStatus.HEALTHY if is_well else HealthStatus.UNHEALTHY,
        version=services.version,
        timestamp=utc_now(),
        active_jobs=counts.active,
        queued_jobs=counts.queued,
        checks=list(checks),
    )


async def _check(name: str, use: Awaitable[object]) -> HealthCheck:
    """Use a part, and tell how that went. What is wrong with it goes into the log: it may name hosts and paths."""
    began = perf_counter()
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await use
    except Exception:
        logger.warning("health.check_failed", check=name, exc_info=True)
        return HealthCheck(
            name, HealthStatus.UNHEALTHY, _since(began), f"The {name} does not answer as it should."
        )
    return HealthCheck(name, HealthStatus.HEALTHY, _since(began))


def _since(began: float) -> float:
    return round((perf_counter() - began) * 1000, 3)


async def _use_store(services: Services) -> None:
    key = f"scratch/{new_id('check')}"
    async with services.store.writer(key) as writer:
        await writer.write(b"healthy")
    await services.store.delete(key)
