"""What the tests of the engine share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.buckets import Store, new_bucket
from tests.pipelines.databases import OutsideDatabase, made_in
from tests.pipelines.intake import Intake

settings.register_profile(
    "headgate", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors]
)
settings.load_profile("headgate")


@pytest.fixture
def intake(tmp_path: Path) -> Intake:
    return Intake(tmp_path)


@pytest.fixture
def store(s3_url: str) -> Iterator[Store]:
    with new_bucket(s3_url) as made:
        yield made


@pytest.fixture
def postgresql_database(postgresql_over_tcp: str, tmp_path: Path) -> OutsideDatabase:
    """An empty database of PostgreSQL, which lies outside."""
    return made_in(postgresql_over_tcp, tmp_path)


@pytest.fixture
def sqlite_database(tmp_path: Path) -> OutsideDatabase:
    """A database of SQLite that is not there yet, which lies outside."""
    return OutsideDatabase(f"sqlite:///{tmp_path / 'outside.db'}", tmp_path)


@pytest.fixture(params=["sqlite", "postgresql"])
def outside_sql(request: pytest.FixtureRequest) -> OutsideDatabase:
    """An empty database that lies outside, of SQLite and of PostgreSQL in turn."""
    found: OutsideDatabase = request.getfixturevalue(f"{request.param}_database")
    return found
