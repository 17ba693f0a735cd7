"""Mappings go from one web service to another, through a real server: each is accounted for, whatever dies."""

import asyncio
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.processes import Client, Headgate, MakeClient, MakeHeadgate
from tests.restapi import Asked, Reply, RestApi, serving_api, unavailable

START = """
mutation ($input: IngestMappingsInput!) {
  ingestMappings(input: $input) {
    job { id kind status counts { read accepted rejected } result { kind name data } failure { code } }
    replayed errors { code path }
  }
}
"""
ITEMS = """
query ($id: ID!, $status: ItemStatus, $after: String) {
  job(id: $id) {
    status attempts { status } retryOf { id }
    items(status: $status, first: 5, after: $after) {
      totalCount pageInfo { hasNextPage endCursor }
      edges { node { id source target status attempts response failure { code category details } } }
    }
  }
}
"""
RETRY = """
mutation ($id: ID!) {
  retry(input: {jobId: $id, strategy: FAILED_ROWS, waitSeconds: 30}) {
    job { id status counts { read accepted rejected } } errors { code }
  }
}
"""
WATCH = """
subscription ($job: ID!) { jobProgress(jobId: $job, minIntervalMs: 0) { status progress { rowsRead } } }
"""
ENDPOINT = "mutation ($input: EndpointInput!) { createEndpoint(input: $input) { errors { code message } } }"
KEY = "idempotency-key"


@pytest.fixture
def api() -> Iterator[RestApi]:
    with serving_api() as api:
        api.routes["/people"] = lambda asked: Reply(said={"data": {"name": f"Person {asked.query['id']}"}})
        api.routes["/contacts"] = lambda asked: Reply(201, {"created": asked.json["full_name"]})
        yield api


@pytest.fixture
def headgate(make_headgate: MakeHeadgate) -> Headgate:
    return make_headgate(allowed_networks="127.0.0.0/8").start()


async def connected(make_client: MakeClient, headgate: Headgate, api: RestApi) -> Client:
    client = await make_client(headgate)
    for name in ("crm", "ads"):
        settings = {"url": api.url, "maxAttempts": 2}
        done = await client.data(ENDPOINT, input={"name": name, "kind": "HTTP", "settings": settings})
        assert done["createEndpoint"]["errors"] == []
    return client


def mapping(id: str) -> dict[str, Any]:
    change = {
        "sourcePath": "/people?id={id}",
        "targetPath": "/contacts",
        "recordPath": "data",
        "rename": [{"from": "name", "to": "full_name"}],
    }
    return {"id": id, "source": "crm", "target": "ads", "transformation": change}


def written(api: RestApi) -> Counter[str]:
    """How often the target was called under each key."""
    return Counter(asked.headers[KEY] for asked in api.asked if asked.path == "/contacts")


async def test_mappings_are_carried_out_and_what_failed_is_tried_again(
    headgate: Headgate, make_client: MakeClient, api: RestApi
) -> None:
    client = await connected(make_client, headgate, api)
    down = {"Person 2", "Person 4"}
    fine = api.routes["/contacts"]
    api.routes["/contacts"] = lambda asked: unavailable() if asked.json["full_name"] in down else fine(asked)
    asked = {
        "mappings": [mapping(str(number)) for number in range(7)],
        "waitSeconds": 30,
        "idempotencyKey": "k",
    }

    started = (await client.data(START, input=asked))["ingestMappings"]
    job = started["job"]
    assert (job["kind"], job["status"], job["failure"]) == ("MAPPING", "PARTIAL", None)
    assert job["counts"] == {"read": 7, "accepted": 5, "rejected": 2}
    assert (job["result"]["kind"], job["result"]["data"]["items"]) == ("MAPPING", 7)
    again = (await client.data(START, input=asked))["ingestMappings"]
    assert (again["replayed"], again["job"]["id"]) == (True, job["id"])

    listed = (await client.data(ITEMS, id=job["id"]))["job"]["items"]
    assert (listed["totalCount"], listed["pageInfo"]["hasNextPage"]) == (7, True)
    first, _, failed, *_ = (edge["node"] for edge in listed["edges"])
    assert first == {
        **{"id": "0", "source": "crm", "target": "ads", "status": "SUCCEEDED", "attempts": 1},
        **{"response": {"created": "Person 0"}, "failure": None},
    }
    assert (failed["status"], failed["attempts"], failed["failure"]["code"]) == ("FAILED", 2, "HTTP_STATUS")
    rest = (await client.data(ITEMS, id=job["id"], after=listed["pageInfo"]["endCursor"]))["job"]["items"]
    assert [edge["node"]["id"] for edge in rest["edges"]] == ["5", "6"]

    down.clear()
    retried = (await client.data(RETRY, id=job["id"]))["retry"]["job"]
    assert (retried["status"], retried["counts"]) == ("SUCCEEDED", {"read": 2, "accepted": 2, "rejected": 0})
    found = (await client.data(ITEMS, id=retried["id"]))["job"]
    assert [edge["node"]["id"] for edge in found["items"]["edges"]] == ["2", "4"]
    assert found["retryOf"] == {"id": job["id"]}


async def test_a_server_that_is_killed_midway_repeats_no_item_that_it_had_recorded(
    headgate: Headgate, make_client: MakeClient, api: RestApi
) -> None:
    client = await connected(make_client, headgate, api)
    recorded, go, count = 4, threading.Event(), 12
    answered = threading.Semaphore(recorded)

    def held(asked: Asked) -> Reply:
        if not answered.acquire(blocking=False):
            go.wait(60)
        return Reply(said={})

    api.routes["/contacts"] = held
    asked = {"mappings": [mapping(str(number)) for number in range(count)], "batchSize": 2}
    job = (await client.data(START, input=asked))["ingestMappings"]["job"]["id"]
    async with client.subscribe(WATCH, job=job) as results:
        async for result in results:
            progress = result["data"]["jobProgress"]["progress"]
            if progress and progress["rowsRead"] >= recorded:
                break
    before = (await client.data(ITEMS, id=job, status="SUCCEEDED"))["job"]["items"]
    assert before["totalCount"] == recorded

    await asyncio.to_thread(headgate.kill)
    go.set()
    await asyncio.to_thread(headgate.start)

    client = await make_client(headgate)
    async with client.subscribe(WATCH, job=job) as results:
        statuses = [result["data"]["jobProgress"]["status"] async for result in results]
    assert statuses[-1] == "SUCCEEDED"
    ended = (await client.data(ITEMS, id=job, status="SUCCEEDED"))["job"]
    assert ended["items"]["totalCount"] == count
    assert len(ended["attempts"]) == 2
    calls = written(api)
    done_before = {f"{job}:{edge['node']['id']}" for edge in before["edges"]}
    assert calls.keys() == {f"{job}:{number}" for number in range(count)}
    assert {calls[key] for key in done_before} == {1}
    # Two were under way, and came again under the same keys.
    assert sum(calls.values()) == count + 2


async def test_what_cannot_be_carried_out_is_refused_with_its_place(
    headgate: Headgate, make_client: MakeClient, api: RestApi
) -> None:
    client = await connected(make_client, headgate, api)
    asked = {"mappings": [mapping("a"), {**mapping("a"), "target": "nowhere", "transformation": {"x": 1}}]}
    refused = (await client.data(START, input=asked))["ingestMappings"]
    assert refused["job"] is None
    assert [(error["code"], ".".join(error["path"])) for error in refused["errors"]] == [
        ("INVALID_MAPPING", "input.mappings.0.id"),
        ("INVALID_MAPPING", "input.mappings.1.id"),
        ("NOT_FOUND", "input.mappings.1.target"),
        ("INVALID_SPEC", "input.mappings.1.transformation.x"),
    ]
    viewer = await make_client(headgate, "VIEWER")
    assert await viewer.refusal(START, input={"mappings": [mapping("a")]}) == "FORBIDDEN"
