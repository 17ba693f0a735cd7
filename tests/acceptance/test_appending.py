"""Records that are appended as they come: checked at once, durable, and committed in their order."""

import json
from typing import Any

from tests.acceptance.processes import Client

APPEND = """
mutation ($input: AppendRecordsInput!) {
  appendRecords(input: $input) {
    accepted rejected replayed
    rowErrors { row column value code check message record job { id } }
    job { id kind status dataset { name } }
    errors { code message path retryable }
  }
}
"""
JOB = """
query ($id: ID!) {
  job(id: $id) {
    status counts { read accepted rejected } failure { code message }
    errors { edges { node { row code } } }
  }
}
"""
ENDED = "subscription ($job: ID!) { jobProgress(jobId: $job, minIntervalMs: 0) { status } }"
ROWS = """
query ($name: String!) {
  dataset(name: $name) { version rowCount rows(first: 10000) { records } }
}
"""
NDJSON = {"content-type": "application/x-ndjson"}


async def append(client: Client, dataset: str, records: list[Any], **more: Any) -> Any:
    """Append by GraphQL; answers the payload."""
    wanted = {"dataset": dataset, "records": records, **more}
    return (await client.data(APPEND, input=wanted))["appendRecords"]


async def stream(client: Client, path: str, *records: Any, **headers: str) -> Any:
    """Append by the stream; answers the response."""
    body = "".join(json.dumps(record) + "\n" for record in records)
    return await client.http.post(f"/streams/{path}", content=body, headers={**NDJSON, **headers})


async def ended(client: Client, job_id: str) -> Any:
    """Wait for a batch to end."""
    async with client.subscribe(ENDED, job=job_id) as results:
        async for _ in results:
            pass
    return (await client.data(JOB, id=job_id))["job"]


async def rows(client: Client, dataset: str) -> list[Any]:
    """The records of a dataset, in their order."""
    found = (await client.data(ROWS, name=dataset))["dataset"]
    records: list[Any] = found["rows"]["records"]
    return records


async def test_records_are_checked_at_once_and_committed_soon(client: Client) -> None:
    payload = await append(client, "appended_first", [{"a": 1}, 5, {"a": 2}])
    assert (payload["accepted"], payload["rejected"], payload["errors"]) == (2, 1, [])
    assert [(error["row"], error["code"]) for error in payload["rowErrors"]] == [(2, "STRUCTURE")]
    assert payload["job"]["kind"] == "INGEST"
    done = await ended(client, payload["job"]["id"])
    assert (done["status"], done["counts"]) == ("SUCCEEDED", {"read": 2, "accepted": 2, "rejected": 0})
    assert await rows(client, "appended_first") == [{"a": 1}, {"a": 2}]


async def test_a_stream_takes_newline_delimited_records(client: Client) -> None:
    response = await stream(client, "streamed_first", {"a": 1}, {"a": "x"}, {"b": None})
    answer = response.json()
    assert response.status_code == 200, answer
    assert (answer["accepted"], answer["rejected"], answer["rowErrors"]) == (3, 0, [])
    assert (await ended(client, answer["jobId"]))["status"] == "SUCCEEDED"
    assert len(await rows(client, "streamed_first")) == 3
