"""Records that are appended as they come: checked at once, durable, and committed in their order."""

import asyncio
import json
from typing import Any

import pytest

from tests.acceptance.processes import Client, Headgate, MakeClient, MakeHeadgate
from tests.buckets import Store

pytestmark = pytest.mark.thorough

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


async def test_a_pipeline_checks_records_one_by_one_and_its_rejected_rows_can_be_corrected(
    client: Client,
) -> None:
    spec = {
        "source": {"dataset": {"name": "appended_orders"}},
        "contract": {"columns": [{"name": "id", "type": "INTEGER", "nullable": False}]},
        "checks": [{"range": {"columns": ["id"], "min": 1}}, {"unique": {"columns": ["id"]}}],
        "sinks": [{"dataset": {"name": "elsewhere"}}],
    }
    made = await client.data(
        'mutation ($yaml: String!) { createPipeline(input: {name: "appended", yaml: $yaml}) { errors { message } } }',
        yaml=json.dumps(spec),
    )
    assert made["createPipeline"]["errors"] == []
    path = "appended_orders?pipeline=appended"
    answer = (await stream(client, path, {"id": 1}, {"id": 0}, {"id": "x"}, {"id": 1})).json()
    # What takes two rows to see, the batch's job finds.
    assert [(error["row"], error["code"]) for error in answer["rowErrors"]] == [(2, "RANGE"), (3, "TYPE")]
    assert answer["rowErrors"][0]["record"] == {"id": "0"}
    done = await ended(client, answer["jobId"])
    assert (done["status"], done["counts"]) == ("PARTIAL", {"read": 2, "accepted": 1, "rejected": 1})
    assert done["errors"]["edges"] == [{"node": {"row": 2, "code": "UNIQUE"}}]
    corrected = await client.data(
        "mutation ($input: CorrectErrorsInput!) { correctErrors(input: $input) { job { id } errors { code } } }",
        input={"jobId": answer["jobId"], "corrections": [{"row": 2, "values": {"id": 7}}]},
    )
    await ended(client, corrected["correctErrors"]["job"]["id"])
    assert [row["id"] for row in await rows(client, "appended_orders")] == [1, 7]
    assert (await client.data(JOB, id=answer["jobId"]))["job"]["status"] == "SUCCEEDED"


async def test_a_key_appends_once_by_stream_too(client: Client) -> None:
    key = {"idempotency-key": "streamed once"}
    first = (await stream(client, "streamed_once", {"a": 1}, 2, **key)).json()
    again = (await stream(client, "streamed_once", {"a": 1}, 2, **key)).json()
    assert again == {**first, "replayed": True}
    other = await stream(client, "streamed_once", {"a": 2}, **key)
    assert (other.status_code, other.json()["errors"][0]["extensions"]["code"]) == (
        409,
        "IDEMPOTENCY_MISMATCH",
    )
    await ended(client, first["jobId"])
    assert await rows(client, "streamed_once") == [{"a": 1}]


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "code"),
    [
        ("refused", b"", NDJSON, 400, "EMPTY_DATA"),
        ("refused", b"{}", NDJSON, 400, "NO_COLUMNS"),
        ("refused", b'{"a":1}', {"content-type": "application/json"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("refused", b'{"a":1}', {}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        (
            "refused",
            '{"a":1}'.encode("utf-16"),
            {"content-type": "application/x-ndjson; charset=utf-16"},
            415,
            "UNSUPPORTED_MEDIA_TYPE",
        ),
        ("refused", b'{"a":1}', {**NDJSON, "content-encoding": "gzip"}, 415, "UNSUPPORTED_MEDIA_TYPE"),
        ("no%20name", b'{"a":1}', NDJSON, 400, "INVALID_NAME"),
        ("refused?pipeline=none", b'{"a":1}', NDJSON, 404, "NOT_FOUND"),
        ("refused?pipline=p", b'{"a":1}', NDJSON, 400, "BAD_REQUEST"),
        ("refused", b'{"a":1}', {**NDJSON, "idempotency-key": "k" * 201}, 400, "INVALID_ARGUMENT"),
        ("refused", b'{"a":1}', {**NDJSON, "authorization": "Bearer no"}, 401, "UNAUTHENTICATED"),
        ("refused", b'{"a":"' + b"x" * (16 << 20) + b'"}', NDJSON, 413, "BODY_TOO_LARGE"),
    ],
    ids=[
        "empty",
        "no-columns",
        "json",
        "untyped",
        "charset",
        "packed",
        "name",
        "pipeline",
        "parameter",
        "key",
        "stranger",
        "too-large",
    ],
)
async def test_what_is_no_stream_is_refused(
    client: Client, path: str, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    response = await client.http.post(f"/streams/{path}", content=body, headers=headers)
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (status, code)


@pytest.mark.parametrize(
    "body",
    [
        '{"a":1}'.encode("utf-16"),
        b"\xff\xfe\x00",
        b"\x00\x00\x00",
        b"[" * 100_000,
        b'{"a":' * 5_000,
        b'{"a":1',
        b'"' * 50_001,
        b'{"a":1e999}',
        b'{"a":' + b"9" * 5_000 + b"}",
        b"\n{}x\n\xef\xbb\xbf{}\n",
    ],
    ids=["utf-16", "mark", "nul", "deep", "deep-object", "cut", "quotes", "infinite", "digits", "trailing"],
)
async def test_garbage_is_told_record_by_record(client: Client, body: bytes) -> None:
    response = await client.http.post("/streams/garbage", content=body, headers=NDJSON)
    answer = response.json()
    if response.status_code == 200:
        assert (answer["accepted"], answer["rejected"]) in {(0, len(answer["rowErrors"])), (1, 0)}
    else:
        assert response.status_code == 400
        assert answer["errors"][0]["extensions"]["code"] != "INTERNAL"


async def test_a_viewer_is_refused_before_the_body_is_read(
    shared_headgate: Headgate, make_client: MakeClient
) -> None:
    viewer = await make_client(shared_headgate, "VIEWER")
    response = await stream(viewer, "forbidden", {"a": 1})
    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (403, "FORBIDDEN")


async def test_a_client_waits_where_too_much_does(
    make_headgate: MakeHeadgate, make_client: MakeClient
) -> None:
    settings = {"append_backlog_bytes": "10", "append_batch_bytes": "1000000"}
    headgate = make_headgate(append_seconds="1", **settings).start()
    client = await make_client(headgate)
    first = (await stream(client, "waiting", {"number": 1})).json()
    refused = await stream(client, "waiting", {"number": 2})
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["errors"][0]["extensions"]["retryable"] is True
    payload = await append(client, "waiting", [{"number": 2}])
    assert [(error["code"], error["retryable"]) for error in payload["errors"]] == [("BACKLOG_FULL", True)]
    await ended(client, first["jobId"])
    assert (await stream(client, "waiting", {"number": 2})).status_code == 200


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings that say where the store is."""
    if request.param == "folder":
        return {}
    bucket: Store = request.getfixturevalue("own_bucket")
    return bucket.settings()


async def test_what_was_accepted_outlives_the_server(
    make_headgate: MakeHeadgate, make_client: MakeClient, store: dict[str, str]
) -> None:
    headgate = make_headgate(append_seconds="3600", **store).start()
    client = await make_client(headgate)

    async def send(connection: int) -> None:
        for number in range(10):
            record = {"connection": connection, "number": number}
            response = await stream(
                client, "durable", record, **{"idempotency-key": f"{connection} {number}"}
            )
            assert response.json()["accepted"] == 1

    await asyncio.gather(*map(send, range(4)))
    headgate.kill()

    headgate.settings = {**headgate.settings, "HEADGATE_APPEND_SECONDS": "0.1"}
    headgate.start()
    client = await make_client(headgate)
    again = (
        await stream(client, "durable", {"connection": 3, "number": 9}, **{"idempotency-key": "3 9"})
    ).json()
    assert again["replayed"]
    assert (await ended(client, again["jobId"]))["counts"] == {"read": 40, "accepted": 40, "rejected": 0}
    found = await rows(client, "durable")
    for connection in range(4):
        numbers = [row["number"] for row in found if row["connection"] == connection]
        assert numbers == list(range(10))
