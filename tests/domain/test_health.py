"""Health tells what is broken, and never breaks itself."""

from dataclasses import replace
from pathlib import Path

from headgate.domain import health
from headgate.domain.health import HealthStatus
from headgate.domain.services import Services
from headgate.storage.database import Database
from headgate.storage.objects import LocalStore


async def test_a_sound_headgate_is_healthy(services: Services) -> None:
    report = await health.report(services)

    assert report.status is HealthStatus.HEALTHY
    assert [(check.name, check.status) for check in report.checks] == [
        ("database", HealthStatus.HEALTHY),
        ("store", HealthStatus.HEALTHY),
    ]
    assert (report.version, report.active_jobs, report.queued_jobs) == ("1.2.3", 0, 0)
    assert list(services.store.path("scratch").iterdir()) == []


async def test_a_store_that_takes_nothing_is_told(services: Services, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    report = await health.report(replace(services, store=LocalStore(tmp_path / "file")))

    assert report.status is HealthStatus.UNHEALTHY
    assert [check.status for check in report.checks] == [HealthStatus.HEALTHY, HealthStatus.UNHEALTHY]
    assert str(tmp_path) not in str(report)


async def test_a_database_that_is_gone_is_told(services: Services, tmp_path: Path) -> None:
    gone = Database.connect(f"sqlite:///{tmp_path / 'none' / 'x.db'}")
    report = await health.report(replace(services, database=gone))

    assert [check.status for check in report.checks] == [HealthStatus.UNHEALTHY, HealthStatus.HEALTHY]
    assert report.active_jobs == 0
    await gone.close()
