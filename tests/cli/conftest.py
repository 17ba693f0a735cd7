"""The command line, asked within this process."""

from collections.abc import Callable

import pytest
from typer.testing import CliRunner, Result

from headgate.cli.main import app
from tests.acceptance.processes import Headgate

Run = Callable[..., Result]


@pytest.fixture
def ask(shared_headgate: Headgate, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command that asks the shared server as an administrator, unless it is told otherwise."""
    monkeypatch.setenv("HEADGATE_URL", shared_headgate.url)
    monkeypatch.setenv("HEADGATE_TOKEN", shared_headgate.token())

    def ask(*arguments: str, given: str = "") -> Result:
        return CliRunner().invoke(app, arguments, input=given)

    return ask
