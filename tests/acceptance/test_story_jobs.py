"""The story of jobs that wait, run, fail, recover and are stopped, on a worker behind Redis."""

import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from headgate.server.preparation import issue_administrator_token
from headgate.settings import Settings
from tests.acceptance.people import Person, counts
from tests.acceptance.processes import Client
from tests.fleet import Site, running
from tests.redis_server import RedisServer
from tests.restapi import Asked, Reply, RestApi, serving_api, unavailable

ORDERS = [{"id": number, "total": number * 2.5} for number in range(1, 7)]
POLICY = {"maxAttempts": 3, "initialDelaySeconds": 0.05}


class Shop:
    """A web service with orders; `door` is shut where its answers have to wait."""

    def __init__(self, api: RestApi) -> None:
        self.api = api
        self.door = threading.Event()
        self.came = threading.Event()
        api.routes["/slow"] = self._wait

    def _wait(self, asked: Asked) -> Reply:
        self.came.set()
        assert self.door.wait(60)
        return Reply(said=ORDERS)


@pytest.fixture
def shop() -> Iterator[Shop]:
    with serving_api(ORDERS) as api:
        shop = Shop(api)
        yield shop
        shop.door.set()


@pytest.fixture
async def ada(tmp_path: Path, redis_server: RedisServer) -> AsyncIterator[Person]:
    """Somebody who asks a server beside which one worker runs one job at a time."""
    url = f"sqlite:///{tmp_path / 'headgate.db'}"
    settings = {"ALLOWED_NETWORKS": "127.0.0.0/8"}
    site = Site(tmp_path, url, redis_server, lease_s=60, tick_s=0.5, slots=1, settings=settings)
    async with running(site, servers=1, workers=1) as fleet:
        token = await issue_administrator_token(Settings(home=tmp_path, database_url=url), "ADMIN")
        headers = {"authorization": f"Bearer {token}"}
        server = fleet.servers[0].url
        async with httpx.AsyncClient(base_url=server, headers=headers, timeout=60, trust_env=False) as http:
            yield Person(Client(http, server, token))


def fetching(path: str, dataset: str) -> dict[str, Any]:
    """A pipeline's spec: what the shop answers goes into a dataset."""
    source = {"http": {"endpoint": "shop", "path": path}}
    return {"source": source, "sinks": [{"dataset": {"name": dataset, "mode": "REPLACE"}}], "retry": POLICY}


def statuses(events: list[Any]) -> list[str]:
    """Where a job was, one after the other."""
    return [event["status"] for event in events if event["type"] == "STATUS"]


async def test_an_operator_sees_jobs_recover_wait_their_turn_and_stop_on_request(
    ada: Person, shop: Shop
) -> None:
    await ada.has_endpoint("shop", "HTTP", url=shop.api.url, maxAttempts=1)
    await ada.creates_pipeline("orders", spec=fetching("/all", "orders"))
    await ada.creates_pipeline("slow", spec=fetching("/slow", "slow"))

    # The shop is down twice, and the job recovers by itself, while it is watched.
    shop.api.troubles = [unavailable(), unavailable()]
    job = await ada.starts("orders")
    events = await ada.watches(job)
    assert statuses(events) == ["QUEUED", *["RUNNING", "RETRYING"] * 2, "RUNNING", "SUCCEEDED"]
    ended = events[-1]["job"]
    assert [attempt["status"] for attempt in ended["attempts"]] == ["FAILED", "FAILED", "SUCCEEDED"]
    assert [attempt["failure"]["code"] for attempt in ended["attempts"][:2]] == ["HTTP_STATUS"] * 2
    assert counts(ended) == {"read": 6, "accepted": 6}

    # It is down for longer: the job fails, says why, and succeeds when it is done again by hand.
    shop.api.troubles = [unavailable() for _ in range(3)]
    failed = await ada.runs("orders")
    assert (failed["status"], len(failed["attempts"])) == ("FAILED", 3)
    assert (failed["failure"]["category"], failed["failure"]["retryable"]) == ("DEPENDENCY", True)
    again = await ada.retries(failed)
    assert (again["status"], again["retryOf"]["id"]) == ("SUCCEEDED", failed["id"])

    # A slow job keeps the worker busy; of those that wait, one is stopped at once.
    slow = await ada.starts("slow")
    assert shop.came.wait(30)
    low, stopped, high = [await ada.starts("orders", priority=each) for each in ("LOW", "MEDIUM", "HIGH")]
    assert (await ada.cancels(stopped))["status"] == "CANCELED"
    assert (await ada.sees_job(high))["status"] == "QUEUED"

    # The slow one is stopped too, without effect; then the urgent one goes first.
    await ada.cancels(slow)
    assert statuses(await ada.watches(slow))[-1] == "CANCELED"
    done = [(await ada.watches(each))[-1]["job"] for each in (low, high)]
    assert [each["status"] for each in done] == ["SUCCEEDED", "SUCCEEDED"]
    assert done[1]["startedAt"] < done[0]["startedAt"]
    assert (await ada.sees_pipeline("slow"))["dataset"]["rowCount"] == 0

    # What was stopped is done again after all.
    shop.door.set()
    assert counts(await ada.retries(slow)) == {"read": 6, "accepted": 6}
    assert len(await ada.sees_rows("slow")) == 6
    assert (await ada.sees_pipeline("orders"))["statistics"]["successRate"] == pytest.approx(4 / 5)
