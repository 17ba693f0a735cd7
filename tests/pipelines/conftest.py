"""What the tests of the engine share."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.pipelines.intake import Intake

settings.register_profile(
    "headgate", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.differing_executors]
)
settings.load_profile("headgate")


@pytest.fixture
def intake(tmp_path: Path) -> Intake:
    return Intake(tmp_path)
