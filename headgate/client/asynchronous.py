"""The client for programs that run on asyncio."""

from types import TracebackType
from typing import Self

from headgate.client.datasets import Datasets
from headgate.client.jobs import Jobs
from headgate.client.pipelines import Pipelines
from headgate.client.servers import Server
from headgate.client.transport import AsyncTransport


class Operations(Pipelines, Jobs, Datasets):
    """All that a client does."""


class AsyncHeadgate(Operations):
    """Asks one Headgate server, on asyncio's event loop; close it, or use it in `async with`.

    `url` and `token` come from HEADGATE_URL (http://127.0.0.1:8000 by default) and HEADGATE_TOKEN where they are not
    given. An answer is waited for `timeout_s`; what fails on its way, or comes too often, is asked for again with
    growing delays for up to `retry_for_s`: a minute by default, and five seconds where the server has never answered.
    Every method raises HeadgateError; `headgate.client.errors` draws the tree.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        timeout_s: float = 60.0,
        retry_for_s: float | None = None,
    ) -> None:
        server = Server.named(url, token, timeout_s=timeout_s, retry_for_s=retry_for_s)
        super().__init__(AsyncTransport(server), server)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
