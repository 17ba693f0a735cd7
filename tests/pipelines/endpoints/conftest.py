"""What the tests of calls share."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from ipaddress import ip_network
from typing import Any

import pytest

from headgate.pipelines.endpoints import retrying
from headgate.pipelines.endpoints.client import Client, open_client
from headgate.pipelines.endpoints.outside import Endpoint, Outside
from tests.restapi import RestApi, serving_api

Open = Callable[..., Client]


def unwatched(stage: str, **figures: Any) -> None:
    """Hears nothing."""


@pytest.fixture
def api() -> Iterator[RestApi]:
    with serving_api() as api:
        yield api


@pytest.fixture
def open_api(api: RestApi, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Open clients of the API, given their settings and secrets."""
    monkeypatch.setattr(retrying, "FIRST_WAIT_S", 0.001)
    with ExitStack() as stack:

        def opened(
            settings: dict[str, Any] | None = None,
            secrets: dict[str, str] | None = None,
            *,
            kind: str = "HTTP",
            timeout_s: float = 20,
            watch: Callable[..., None] = unwatched,
            networks: tuple[str, ...] = ("127.0.0.0/8",),
            **further: Any,
        ) -> Client:
            base = {} if kind == "SIMULATED" else {"url": api.url}
            endpoint = Endpoint("ads", kind, {**base, **(settings or {})}, secrets or {})
            outside = Outside({}, [ip_network(each) for each in networks], timeout_s)
            return stack.enter_context(open_client(endpoint, outside, watch, **further))

        yield opened
