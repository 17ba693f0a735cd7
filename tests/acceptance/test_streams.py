"""Jobs are watched live over Server-Sent Events."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.acceptance.processes import Client, MakeClient, MakeHeadgate
from tests.eventstreams import Event, EventSource

WATCH = """
subscription ($job: ID!, $after: String) {
  jobProgress(jobId: $job, after: $after, minIntervalMs: 0) { cursor type status }
}
"""
LONG = "id,name\n" + "".join(f"{number},name{number}\n" for number in range(1_000_000))
"""Keeps a server's one worker busy while the next job waits."""


async def _start(client: Client, dataset: str, content: str = "id\n1\n") -> str:
    file = (await client.upload(content.encode()))["file"]
    payload = await client.ingest({"file": file["id"]}, dataset, waitSeconds=0)
    return str(payload["job"]["id"])


@asynccontextmanager
async def _watching(
    client: Client, last_id: str = "", **variables: object
) -> AsyncIterator[AsyncIterator[Event]]:
    headers = {"accept": "text/event-stream", **({"last-event-id": last_id} if last_id else {})}
    body = {"query": WATCH, "variables": variables}
    async with client.http.stream("POST", "/graphql", json=body, headers=headers) as response:
        assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
        yield EventSource().read(response.aiter_text())


async def _watch(client: Client, last_id: str = "", **variables: object) -> list[Event]:
    async with _watching(client, last_id, **variables) as events:
        return [event async for event in events]


def _cursors(events: list[Event]) -> list[Any]:
    return [event.result["data"]["jobProgress"]["cursor"] for event in events if event.type == "next"]


async def test_a_watcher_that_is_cut_off_resumes_at_another_server_without_gap_or_repeat(
    make_headgate: MakeHeadgate, make_client: MakeClient
) -> None:
    headgate = make_headgate().start()
    client = await make_client(headgate)
    await _start(client, "first", LONG)
    job = await _start(client, "next")
    async with _watching(client, job=job) as events:
        seen = [await anext(events)]
    async with _watching(client, seen[-1].last_id, job=job) as events:
        assert headgate.stop() == 0
        assert [event async for event in events] == []
    assert "timeout graceful shutdown exceeded" not in (headgate.home / "serve.log").read_text()

    client = await make_client(headgate.start())
    seen += await _watch(client, seen[-1].last_id, job=job)
    whole = await _watch(client, job=job)
    assert [event.last_id for event in whole[:-1]] == _cursors(whole)
    assert _cursors(seen) == _cursors(whole)
    assert whole[-1].type == "complete"
    assert whole[-2].result["data"]["jobProgress"]["status"] == "SUCCEEDED"


async def test_an_argument_goes_before_the_last_event_that_a_client_names(client: Client) -> None:
    job = await _start(client, "argued")
    cursors = _cursors(await _watch(client, job=job))
    assert _cursors(await _watch(client, cursors[2], job=job)) == cursors[3:]
    assert _cursors(await _watch(client, cursors[2], job=job, after=cursors[0])) == cursors[1:]
    [refused, _] = await _watch(client, "?", job=job)
    assert refused.result["errors"][0]["extensions"]["code"] == "INVALID_CURSOR"
