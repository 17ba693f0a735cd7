"""The documentation as a site, and a server for its examples."""

import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.acceptance.processes import Client, Headgate

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as `make docs` does: every warning, such as a link that leads nowhere, is an error."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture(scope="session")
def headgate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headgate]:
    """A running server for the examples of all pages."""
    settings = {"HEADGATE_ALLOWED_NETWORKS": "127.0.0.0/8", "HEADGATE_WORKERS": "1"}
    headgate = Headgate(tmp_path_factory.mktemp("docs") / "home", settings).start()
    yield headgate
    headgate.stop()


@pytest.fixture
async def client(headgate: Headgate) -> AsyncIterator[Client]:
    """An administrator's client of that server."""
    token = headgate.token()
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=headgate.url, headers=headers, timeout=60, trust_env=False) as http:
        yield Client(http, headgate.url, token)
