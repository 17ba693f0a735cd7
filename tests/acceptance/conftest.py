"""Running servers and clients for them."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import httpx
import pytest

from tests.acceptance.processes import Client, Headgate, MakeClient


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
