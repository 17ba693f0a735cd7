"""What the tests of the engine share."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.buckets import Store, new_bucket, s3_server
from tests.pipelines.intake import Intake

settings.register_profile(
    "headgate", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors]
)
settings.load_profile("headgate")


@pytest.fixture
def intake(tmp_path: Path) -> Intake:
    return Intake(tmp_path)


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """An S3 server of its own for each process of tests."""
    with s3_server() as url:
        yield url


@pytest.fixture
def store(s3_url: str) -> Iterator[Store]:
    with new_bucket(s3_url) as made:
        yield made
