"""Sites for whole Headgates, and what the runs have measured."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import MakeRedis, MakeUrl
from tests.fleet import Site

LEASE_S = 2.0
TICK_S = 2.0
Tell = Callable[[str], None]
MakeSite = Callable[[int], Site]
MEASURED: pytest.StashKey[list[str]] = pytest.StashKey()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was measured."""
    for line in terminalreporter.config.stash.get(MEASURED, []):
        terminalreporter.write_line(line)


@pytest.fixture
def tell(request: pytest.FixtureRequest) -> Tell:
    """Take what a run has measured, for the end of the report."""
    lines = request.config.stash.setdefault(MEASURED, [])
    return lambda figures: lines.append(f"chaos [{request.node.callspec.id}]: {figures}")


@pytest.fixture
def make_site(make_url: MakeUrl, make_redis: MakeRedis, tmp_path: Path) -> MakeSite:
    """Make a place for a Headgate whose workers run so many jobs at once, with an empty database and a Redis."""
    home = tmp_path / "home"
    home.mkdir()
    return partial(Site, home, make_url(), make_redis(), LEASE_S, TICK_S)
