"""Running servers and clients for them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest

from tests.acceptance.node import installed
from tests.acceptance.processes import MAX_UPLOAD_BYTES, Client, Headgate, MakeClient, MakeHeadgate


@pytest.fixture(scope="session")
def node_folder() -> Path:
    """The programs of tests/node, ready to run."""
    return installed()


@pytest.fixture(scope="session")
def shared_headgate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headgate]:
    """A running server for every test that leaves it running."""
    settings = {
        "HEADGATE_MAX_UPLOAD_BYTES": str(MAX_UPLOAD_BYTES),
        "HEADGATE_WORKERS": "1",
        # Tests that share it are faster together than any caller should be.
        "HEADGATE_RATE_LIMIT": "0",
        "HEADGATE_ANONYMOUS_RATE_LIMIT": "0",
    }
    headgate = Headgate(tmp_path_factory.mktemp("headgate") / "home", settings).start()
    yield headgate
    headgate.stop()


@pytest.fixture(scope="session")
def unmetered_headgate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Headgate]:
    """A running server without rate limits, for tests that ask as fast as they can; its log is JSON."""
    settings = {
        "HEADGATE_ANONYMOUS_RATE_LIMIT": "0",
        "HEADGATE_LOG_FORMAT": "json",
        "HEADGATE_RATE_LIMIT": "0",
        "HEADGATE_READ_SECONDS": "2",
        "HEADGATE_WORKERS": "1",
    }
    headgate = Headgate(tmp_path_factory.mktemp("unmetered") / "home", settings).start()
    yield headgate
    headgate.stop()


@pytest.fixture
def make_headgate(tmp_path: Path) -> Iterator[MakeHeadgate]:
    """Make homes for servers that a test starts and stops itself; `settings` are HEADGATE_ variables."""
    made: list[Headgate] = []

    def make(**settings: str) -> Headgate:
        named = {f"HEADGATE_{name.upper()}": value for name, value in settings.items()}
        made.append(Headgate(tmp_path / f"home{len(made)}", {"HEADGATE_WORKERS": "1", **named}))
        return made[-1]

    yield make
    for headgate in made:
        if headgate.process is not None:
            headgate.kill()


@pytest.fixture
async def make_client() -> AsyncIterator[MakeClient]:
    """Make clients of a running server."""
    async with AsyncExitStack() as stack:

        async def make(headgate: Headgate, role: str = "ADMIN") -> Client:
            token = headgate.token(role)
            http = httpx.AsyncClient(
                base_url=headgate.url,
                headers={"authorization": f"Bearer {token}"},
                timeout=60,
                trust_env=False,
            )
            return Client(await stack.enter_async_context(http), headgate.url, token)

        yield make


@pytest.fixture
async def client(shared_headgate: Headgate, make_client: MakeClient) -> Client:
    """An administrator's client of the shared server."""
    return await make_client(shared_headgate)
