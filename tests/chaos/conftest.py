"""Sites for whole Headgates, and what the runs have measured."""

from pathlib import Path

import pytest

from tests.conftest import MakeRedis, MakeUrl
from tests.fleet import Site

LEASE_S = 2.0
TICK_S = 2.0
SLOTS = 2
MEASURED: pytest.StashKey[list[str]] = pytest.StashKey()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what takes minutes, unless it is asked for."""
    if "long" in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker("long")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured."""
    for line in terminalreporter.config.stash.get(MEASURED, []):
        terminalreporter.write_line(line)


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> list[str]:
    """Takes lines for the end of the report."""
    return request.config.stash.setdefault(MEASURED, [])


@pytest.fixture
def site(make_url: MakeUrl, make_redis: MakeRedis, tmp_path: Path) -> Site:
    """A place for a Headgate: a folder, an empty database and a Redis of its own."""
    home = tmp_path / "home"
    home.mkdir()
    return Site(home, make_url(), make_redis(), lease_s=LEASE_S, tick_s=TICK_S, slots=SLOTS)
