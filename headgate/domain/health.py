"""How well this Headgate is."""

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from time import perf_counter
from typing import TypeVar

import structlog

from headgate.domain import jobs, workers
from headgate.domain.services import Services
from headgate.storage.ids import new_id
from headgate.storage.tables import Worker, utc_now

CHECK_TIMEOUT_S = 5.0
BROKEN = {
    "database": "The database does not answer as it should.",
    "store": "The store does not answer as it should.",
    "queue": "The queue cannot be reached: jobs are accepted, and run a little later.",
    "workers": "Which workers run cannot be found out.",
}
NO_WORKER = "No worker is running: jobs wait until one does."

Found = TypeVar("Found")

logger = structlog.get_logger(__name__)


class HealthStatus(StrEnum):
    """UNHEALTHY cannot do its work; DEGRADED does it worse than usual."""

    HEALTHY = "HEALTHY"
    DEGRADED = "DEGRADED"
    UNHEALTHY = "UNHEALTHY"


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """How one part is: `database`, `store`, `queue` or `workers`."""

    name: str
    status: HealthStatus
    latency_ms: float
    message: str | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """How all parts are: as bad as the worst of them. There are no counts and workers where the database is gone."""

    status: HealthStatus
    version: str
    timestamp: datetime
    active_jobs: int
    queued_jobs: int
    workers: list[Worker]
    checks: list[HealthCheck]


async def report(services: Services) -> Health:
    """Check every part; never raises for one that is broken, and takes 5 seconds at most."""
    (database, counts), (store, _), (queue, _), (crew, living) = await asyncio.gather(
        _check("database", jobs.counts(services), broken=HealthStatus.UNHEALTHY),
        _check("store", _use_store(services), broken=HealthStatus.UNHEALTHY),
        # Jobs are accepted without it, too, and found in the database.
        _check("queue", services.queue.ping(), broken=HealthStatus.DEGRADED),
        _check("workers", workers.living(services), broken=HealthStatus.DEGRADED),
    )
    if living == []:
        crew = replace(crew, status=HealthStatus.DEGRADED, message=NO_WORKER)
    checks = [database, store, queue, crew]
    return Health(
        status=max((check.status for check in checks), key=list(HealthStatus).index),
        version=services.version,
        timestamp=utc_now(),
        active_jobs=counts.active if counts else 0,
        queued_jobs=counts.queued if counts else 0,
        workers=living or [],
        checks=checks,
    )


async def _check(
    name: str, use: Awaitable[Found], *, broken: HealthStatus
) -> tuple[HealthCheck, Found | None]:
    """Use a part, and tell how that went and what was found.

    What is wrong with it goes into the log: it may name hosts and paths.
    """
    began = perf_counter()
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            found = await use
    except Exception:
        logger.warning("health.check_failed", check=name, exc_info=True)
        return HealthCheck(name, broken, _since(began), BROKEN[name]), None
    return HealthCheck(name, HealthStatus.HEALTHY, _since(began)), found


def _since(began: float) -> float:
    return round((perf_counter() - began) * 1000, 3)


async def _use_store(services: Services) -> None:
    key = f"scratch/{new_id('check')}"
    async with services.store.writer(key) as writer:
        await writer.write(b"healthy")
    await services.store.delete(key)
