"""Health tells what is broken, and never breaks itself."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from structlog.typing import EventDict

from headgate.domain import health, workers
from headgate.domain.health import NO_WORKER, Health, HealthStatus
from headgate.domain.services import Services
from headgate.jobs.memory import InProcessQueue
from headgate.jobs.redis_queue import RedisQueue
from headgate.storage.database import Database
from headgate.storage.objects import LocalStore
from headgate.storage.tables import Worker, utc_now
from tests.services import LEASE_S, path_of

HEALTHY, DEGRADED, UNHEALTHY = HealthStatus


class UnreachableQueue(InProcessQueue):
    """A line that is not there."""

    async def ping(self) -> None:
        raise ConnectionError("Nobody answers at 10.0.0.1.")


def _statuses(report: Health) -> dict[str, HealthStatus]:
    return {check.name: check.status for check in report.checks}


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[EventDict]]:
    """What is logged, kept from the terminal: to draw a traceback there takes longer than a check may."""
    with capture_logs() as logs:
        yield logs


@pytest.fixture
async def worker(services: Services) -> str:
    """A worker that lives, and runs three jobs."""
    async with services.database.transaction() as session:
        await workers.tell(session, "host:1:a", running_jobs=3)
    return "host:1:a"


@pytest.fixture
async def gone(tmp_path: Path) -> AsyncIterator[Database]:
    """A database that cannot be opened."""
    database = Database.connect(f"sqlite:///{tmp_path / 'none' / 'x.db'}")
    yield database
    await database.close()


async def test_a_sound_headgate_is_healthy(services: Services, worker: str) -> None:
    report = await health.report(services)

    assert report.status is HEALTHY
    assert _statuses(report) == dict.fromkeys(["database", "store", "queue", "workers"], HEALTHY)
    assert (report.version, report.active_jobs, report.queued_jobs) == ("1.2.3", 0, 0)
    assert [(each.id, each.host, each.running_jobs) for each in report.workers] == [(worker, "host", 3)]
    assert list(path_of(services, "scratch").iterdir()) == []


async def test_without_a_worker_jobs_wait(services: Services) -> None:
    async with services.database.transaction() as session:
        silent_since = utc_now() - timedelta(seconds=workers.SILENT_LEASES * LEASE_S)
        session.add(Worker(id="host:1:a", host="host", last_seen_at=silent_since))
    report = await health.report(services)

    assert (report.status, report.workers) == (DEGRADED, [])
    assert [check.message for check in report.checks if check.status is not HEALTHY] == [NO_WORKER]


@pytest.mark.usefixtures("worker")
async def test_a_queue_that_cannot_be_reached_stops_nobody(services: Services) -> None:
    report = await health.report(replace(services, queue=UnreachableQueue()))

    assert report.status is DEGRADED
    assert _statuses(report)["queue"] is DEGRADED
    assert "10.0.0.1" not in str(report)


@pytest.mark.usefixtures("worker")
async def test_a_redis_that_is_gone_is_told(services: Services, make_redis: Any) -> None:
    redis = make_redis()
    async with RedisQueue(redis.url) as queue:
        assert (await health.report(replace(services, queue=queue))).status is HEALTHY
        redis.kill()
        assert (await health.report(replace(services, queue=queue))).status is DEGRADED


async def test_a_store_that_takes_nothing_is_told(services: Services, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    report = await health.report(replace(services, store=LocalStore(tmp_path / "file")))

    assert report.status is UNHEALTHY
    assert _statuses(report) == {
        "database": HEALTHY,
        "store": UNHEALTHY,
        "queue": HEALTHY,
        "workers": DEGRADED,
    }
    assert str(tmp_path) not in str(report)


async def test_a_database_that_is_gone_is_told(services: Services, gone: Database) -> None:
    report = await health.report(replace(services, database=gone))

    assert report.status is UNHEALTHY
    assert _statuses(report) == {
        "database": UNHEALTHY,
        "store": HEALTHY,
        "queue": HEALTHY,
        "workers": DEGRADED,
    }
    assert (report.active_jobs, report.workers) == (0, [])
