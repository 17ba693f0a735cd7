"""Jobs are watched live over WebSocket."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from tests.acceptance.processes import Client, Headgate, MakeClient, MakeHeadgate

WATCH = """
subscription ($job: ID!, $after: String, $interval: Int) {
  jobProgress(jobId: $job, after: $after, minIntervalMs: $interval) {
    cursor type at status message
    progress { stage fraction rowsRead rowsPerSecond etaSeconds message }
    job { id status counts { accepted } }
  }
}
"""
START = """
mutation ($input: IngestInput!) { ingest(input: $input) { job { id status } errors { message } } }
"""
UNKNOWN_JOB = "job_01h455vb4pex5vsknk084sn02q"


def _events(results: list[Any]) -> list[Any]:
    return [result["data"]["jobProgress"] for result in results]


async def _watch(client: Client, **variables: object) -> list[Any]:
    async with client.subscribe(WATCH, **variables) as results:
        return [result async for result in results]


async def _start(client: Client, dataset: str, rows: int = 3) -> str:
    text = {"format": "CSV", "content": "id,name\n" + "".join(f"{n},name{n}\n" for n in range(rows))}
    payload = (await client.data(START, input={"data": {"text": text}, "dataset": dataset}))["ingest"]
    assert payload["errors"] == []
    return str(payload["job"]["id"])


async def test_a_job_is_followed_to_its_last_event(client: Client) -> None:
    job = await _start(client, "followed", rows=50_000)
    events = _events(await _watch(client, job=job, interval=0))
    statuses = [event["status"] for event in events if event["type"] == "STATUS"]
    assert (statuses[0], statuses[-1]) == ("QUEUED", "SUCCEEDED")
    assert {event["job"]["id"] for event in events} == {job}
    seen = [event["progress"]["message"] for event in events if event["type"] == "PROGRESS"]
    assert set(seen) <= {"Reading the data", "Writing rows", "Committing the version"}
    last = events[-1]["progress"]
    assert (last["message"], last["fraction"], last["etaSeconds"]) == ("Done", 1, 0)
    assert last["rowsPerSecond"] > 0
    assert events[-1]["job"] == {"id": job, "status": "SUCCEEDED", "counts": {"accepted": 50_000}}


async def test_the_job_of_an_event_is_read_anew_each_time(client: Client) -> None:
    job = await _start(client, "read_anew")
    async with client.subscribe(WATCH, job=job) as results:
        statuses = [event["job"]["status"] async for event in _unwrapped(results)]
    assert statuses[-1] == "SUCCEEDED"


async def _unwrapped(results: AsyncIterator[Any]) -> AsyncIterator[Any]:
    async for result in results:
        yield result["data"]["jobProgress"]


async def test_a_watcher_resumes_from_any_cursor_without_gap_or_repeat(client: Client) -> None:
    job = await _start(client, "resumed")
    events = _events(await _watch(client, job=job, interval=0))
    for number, event in enumerate(events):
        rest = _events(await _watch(client, job=job, interval=0, after=event["cursor"]))
        assert [each["cursor"] for each in rest] == [each["cursor"] for each in events[number + 1 :]]


async def test_bad_questions_of_a_watcher_get_a_code(client: Client) -> None:
    job = await _start(client, "questioned")
    for variables, code in (
        ({"job": UNKNOWN_JOB}, "NOT_FOUND"),
        ({"job": "x"}, "INVALID_ID"),
        ({"job": job, "after": "?"}, "INVALID_CURSOR"),
        ({"job": job, "interval": -1}, "INVALID_ARGUMENT"),
        ({"job": job, "interval": 60_001}, "INVALID_ARGUMENT"),
    ):
        results = await _watch(client, **variables)
        assert [error["extensions"]["code"] for result in results for error in result["errors"]] == [code]


async def test_a_viewer_may_watch(client: Client, shared_headgate: Headgate, make_client: MakeClient) -> None:
    job = await _start(client, "viewed")
    viewer = await make_client(shared_headgate, "VIEWER")
    assert _events(await _watch(viewer, job=job))[-1]["job"]["status"] == "SUCCEEDED"


async def test_a_large_file_reports_its_progress_at_least_five_times_a_second(
    make_headgate: MakeHeadgate, make_client: MakeClient
) -> None:
    headgate = make_headgate().start()
    client = await make_client(headgate)
    rows = "".join(
        f"{n},customer {n % 977},{n / 4},2026-01-31,some text of row {n}\n" for n in range(1_000_000)
    )
    file = (await client.upload(f"id,customer,amount,day,note\n{rows}".encode()))["file"]
    payload = await client.ingest({"file": file["id"]}, "large", waitSeconds=0)
    events = _events(await _watch(client, job=payload["job"]["id"], interval=0))
    moments = [datetime.fromisoformat(event["at"]) for event in events]
    assert events[-1]["status"] == "SUCCEEDED"
    assert len(moments) / (moments[-1] - moments[0]).total_seconds() >= 5
    assert headgate.stop() == 0
