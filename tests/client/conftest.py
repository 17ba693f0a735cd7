"""Clients of both kinds, for one suite: each test is run with either."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from headgate.client import AsyncHeadgate, Headgate
from tests.acceptance import processes
from tests.faulty_store import FaultyWay, faulty_way

MakeHeadgateClient = Callable[..., Headgate]


class Driven:
    """An AsyncHeadgate with the face of a Headgate: whatever is called runs on an event loop to its end."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._runner = asyncio.Runner()
        self._client = AsyncHeadgate(*arguments, **options)

    def __getattr__(self, name: str) -> Any:
        operation: Any = getattr(self._client, name)

        def call(*arguments: Any, **options: Any) -> Any:
            answer: Any = operation(*arguments, **options)
            return self._each(answer) if hasattr(answer, "__anext__") else self._runner.run(answer)

        return call

    def _each(self, results: AsyncGenerator[Any, None]) -> Iterator[Any]:
        async def following() -> Any:
            return await anext(results)

        try:
            while True:
                yield self._runner.run(following())
        except StopAsyncIteration:
            return
        finally:
            self._runner.run(results.aclose())

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        with self._runner:
            self._runner.run(self._client.close())


@pytest.fixture(params=[Headgate, Driven], ids=["sync", "async"])
def connect(request: pytest.FixtureRequest) -> Iterator[MakeHeadgateClient]:
    """Make clients of one kind, which are closed after the test."""
    with ExitStack() as stack:
        yield lambda *arguments, **options: stack.enter_context(request.param(*arguments, **options))


@pytest.fixture
def headgate(shared_headgate: processes.Headgate, connect: MakeHeadgateClient) -> Headgate:
    """An administrator's client of the shared server."""
    return connect(shared_headgate.url, shared_headgate.token())


@pytest.fixture
def way(shared_headgate: processes.Headgate) -> Iterator[FaultyWay]:
    """A bad way to the shared server."""
    with faulty_way(shared_headgate.url) as way:
        yield way


@pytest.fixture
def far_headgate(
    way: FaultyWay, shared_headgate: processes.Headgate, connect: MakeHeadgateClient
) -> Headgate:
    """An administrator's client at the end of the bad way."""
    return connect(way.url, shared_headgate.token())
