"""Versions of a dataset are listed, read, brought back and watched over the API; deleting leaves a free name."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.acceptance.processes import Client
from tests.eventstreams import EventSource

VERSIONS = """
query ($name: String!, $version: BigInt, $first: Int, $after: String) {
  dataset(name: $name, version: $version) {
    version rowCount columns { name type }
    rows { records }
    versions(first: $first, after: $after) {
      edges {
        node {
          version mode rowsAdded rowsRemoved createdAt job { id } columns { name }
          dataset { name version rowCount }
        }
      }
      pageInfo { hasNextPage endCursor }
      totalCount
    }
  }
}
"""
RESTORE = """
mutation ($name: String!, $version: BigInt!) {
  restoreDataset(name: $name, version: $version) {
    dataset { version rowCount columns { name } rows { records } } errors { code path }
  }
}
"""
DELETE = "mutation ($name: String!) { deleteDataset(name: $name) { deletedId errors { code message path retryable } } }"
CHANGED = (
    "subscription ($name: String!) { datasetChanged(name: $name) { version rowsAdded dataset { rowCount } } }"
)
AUDIT = (
    "query ($action: String!) { auditLog(filter: {action: $action}) { edges { node { target details } } } }"
)


async def look(client: Client, name: str, **variables: Any) -> Any:
    return (await client.data(VERSIONS, name=name, **variables))["dataset"]


async def load(client: Client, name: str, *records: Any, **options: Any) -> str:
    job = (await client.ingest({"records": list(records)}, name, **options))["job"]
    assert job["status"] == "SUCCEEDED"
    return str(job["id"])


def nodes(dataset: Any) -> list[Any]:
    return [edge["node"] for edge in dataset["versions"]["edges"]]


async def test_versions_say_what_their_commits_did_and_are_paged(client: Client) -> None:
    appended = await load(client, "told", {"id": 1, "a": "x"}, {"id": 2, "a": "y"})
    upserted = await load(
        client, "told", {"id": 2, "a": "z"}, {"id": 3, "a": "z"}, mode="UPSERT", keys=["id"]
    )
    widened = await load(client, "told", {"id": 4, "a": "z", "b": 1.5})
    replaced = await load(client, "told", {"id": 9}, mode="REPLACE")
    found = await look(client, "told")
    told = {each["job"]["id"]: each for each in nodes(found) if each["job"]}
    assert list(told) == [replaced, widened, upserted, appended]
    assert [(each["mode"], each["rowsAdded"], each["rowsRemoved"]) for each in told.values()] == [
        ("REPLACE", 1, 4),
        ("APPEND", 1, 0),
        ("UPSERT", 2, 1),
        ("APPEND", 2, 0),
    ]
    assert [[column["name"] for column in each["columns"]] for each in told.values()] == [
        ["id"],
        ["id", "a", "b"],
        ["id", "a"],
        ["id", "a"],
    ]
    assert [each["dataset"]["rowCount"] for each in told.values()] == [1, 4, 3, 2]
    # New columns come with a version of their own, in which no row does.
    [others] = [each for each in nodes(found) if each["job"] is None]
    assert (others["rowsAdded"], others["rowsRemoved"]) == (0, 0)
    count = found["versions"]["totalCount"]
    assert [each["version"] for each in nodes(found)] == list(range(found["version"], -1, -1))

    paged, after = [], None
    while True:
        page = await look(client, "told", first=2, after=after)
        paged += nodes(page)
        after = page["versions"]["pageInfo"]["endCursor"]
        if not page["versions"]["pageInfo"]["hasNextPage"]:
            break
    assert (paged, len(paged)) == (nodes(found), count)
    assert await client.refusal(VERSIONS, name="told", first=1, after="x") == "INVALID_CURSOR"


async def test_an_old_version_is_brought_back_and_undone_again(client: Client) -> None:
    await load(client, "restored", {"a": 1}, {"a": 2})
    await load(client, "restored", {"b": "x"}, mode="REPLACE")
    newest = (await look(client, "restored"))["version"]

    async def restore(version: int) -> Any:
        return (await client.data(RESTORE, name="restored", version=version))["restoreDataset"]

    answers = await asyncio.gather(*(restore(0) for _ in range(4)))
    assert [each["errors"] for each in answers] == [[]] * 4
    assert {each["dataset"]["version"] for each in answers} == {newest + 1}
    assert answers[0]["dataset"]["rows"]["records"] == [{"a": 1}, {"a": 2}]
    assert answers[0]["dataset"]["columns"] == [{"name": "a"}]
    [top, *_] = nodes(await look(client, "restored"))
    assert (top["mode"], top["rowsAdded"], top["rowsRemoved"], top["job"]) == ("REPLACE", 2, 1, None)
    await load(client, "restored", {"a": 3})
    assert (await look(client, "restored"))["rows"]["records"] == [{"a": 1}, {"a": 2}, {"a": 3}]
    undone = await restore(newest)
    assert undone["dataset"]["rows"]["records"] == [{"b": "x"}]
    entries = (await client.data(AUDIT, action="restoreDataset"))["auditLog"]["edges"]
    mine = [each["node"] for each in entries if each["node"]["target"] == "restored"]
    assert (mine[0]["details"]["from"], len(mine)) == (newest, 5)

    assert (await restore(99))["errors"] == [{"code": "NOT_FOUND", "path": ["version"]}]
    unknown = await client.data(RESTORE, name="unheard", version=0)
    assert unknown["restoreDataset"]["errors"] == [{"code": "NOT_FOUND", "path": ["name"]}]


async def test_a_deleted_dataset_is_gone_and_its_name_is_free(client: Client) -> None:
    await load(client, "doomed", {"a": 1})
    before = (await client.data('{ dataset(name: "doomed") { id } }'))["dataset"]["id"]
    spec = {"source": {"records": {"records": [{"a": 1}]}}, "sinks": [{"dataset": {"name": "doomed"}}]}
    create = "mutation ($input: CreatePipelineInput!) { createPipeline(input: $input) { errors { code message } } }"
    made = await client.data(create, input={"name": "into_doomed", "spec": spec})
    assert made["createPipeline"]["errors"] == []
    [refusal] = (await client.data(DELETE, name="doomed"))["deleteDataset"]["errors"]
    assert (refusal["code"], refusal["path"]) == ("DATASET_IN_USE", ["name"])
    assert "the pipeline into_doomed" in refusal["message"]
    await client.data('mutation { deletePipeline(name: "into_doomed") { deletedId } }')

    assert (await client.data(DELETE, name="doomed"))["deleteDataset"] == {"deletedId": before, "errors": []}
    assert await look(client, "doomed") is None
    assert (await client.data("query ($id: ID!) { node(id: $id) { id } }", id=before))["node"] is None
    listed = await client.data('{ datasets(filter: {nameContains: "doomed"}) { totalCount } }')
    assert listed["datasets"]["totalCount"] == 0
    [again] = (await client.data(DELETE, name="doomed"))["deleteDataset"]["errors"]
    assert again["code"] == "NOT_FOUND"

    await load(client, "doomed", {"z": 1})
    fresh = await look(client, "doomed")
    assert (fresh["rows"]["records"], fresh["versions"]["totalCount"]) == ([{"z": 1}], 1)


@asynccontextmanager
async def over_websocket(client: Client, name: str) -> AsyncIterator[AsyncIterator[Any]]:
    async with client.subscribe(CHANGED, name=name) as results:
        yield results


@asynccontextmanager
async def over_event_stream(client: Client, name: str) -> AsyncIterator[AsyncIterator[Any]]:
    body = {"query": CHANGED, "variables": {"name": name}}
    headers = {"accept": "text/event-stream"}
    async with client.http.stream("POST", "/graphql", json=body, headers=headers) as response:
        events = EventSource().read(response.aiter_text())
        yield (event.result async for event in events if event.type == "next")


@pytest.mark.parametrize("follow", [over_websocket, over_event_stream])
async def test_each_version_is_told_once_until_the_dataset_is_deleted(client: Client, follow: Any) -> None:
    name = f"followed_{follow.__name__}"
    await load(client, name, {"a": 0})
    async with follow(client, name) as results:
        # The subscription has begun once what came behind it is told.
        first = asyncio.ensure_future(anext(results))
        while not first.done():
            await load(client, name, {"a": 1})
        await load(client, name, {"a": 1}, {"a": 2})
        newest = (await look(client, name))["version"]
        assert (await client.data(RESTORE, name=name, version=0))["restoreDataset"]["errors"] == []
        told = [(await first)["data"]["datasetChanged"]]
        while told[-1]["version"] <= newest:
            told.append((await anext(results))["data"]["datasetChanged"])
        numbers = [each["version"] for each in told]
        assert numbers == list(range(numbers[0], newest + 2))
        assert told[-2]["rowsAdded"] == 2
        assert told[-1] == {"version": newest + 1, "rowsAdded": 0, "dataset": {"rowCount": 1}}
        assert (await client.data(DELETE, name=name))["deleteDataset"]["errors"] == []
        assert [each async for each in results] == []


async def test_what_is_not_there_cannot_be_followed(client: Client) -> None:
    async with client.subscribe(CHANGED, name="unheard") as results:
        assert (await anext(results))["errors"][0]["extensions"]["code"] == "NOT_FOUND"
