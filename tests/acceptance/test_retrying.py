"""Jobs are tried again by hand: as a whole, or for the rows that were rejected."""

from typing import Any

import pytest

from tests.acceptance.processes import Client

RETRY = """
mutation ($input: RetryInput!) {
  retry(input: $input) {
    job {
      id status priority counts { read accepted rejected } failure { code }
      retryOf { id retries { totalCount edges { node { id } } } availableActions { action allowed reason } }
      children { edges { node { retryOf { id } status } } }
    }
    replayed
    errors { code path message }
  }
}
"""
BATCH = """
mutation ($input: IngestBatchInput!) {
  ingestBatch(input: $input) { job { id status } results { job { id status } } }
}
"""
ROWS = "query ($name: String!) { dataset(name: $name) { version rows(first: 100) { records } } }"


async def _retry(client: Client, job: Any, **options: object) -> Any:
    return (await client.data(RETRY, input={"jobId": job["id"], "waitSeconds": 30, **options}))["retry"]


async def _records(client: Client, dataset: str) -> Any:
    return (await client.data(ROWS, name=dataset))["dataset"]["rows"]["records"]


async def _failed(client: Client, dataset: str) -> Any:
    """Ingest what does not fit into a dataset; answers the job."""
    await client.ingest({"records": [{"id": 1}]}, dataset)
    job = (await client.ingest({"records": [{"id": "x"}]}, dataset))["job"]
    assert (job["status"], job["failure"]["code"]) == ("FAILED", "ALL_ROWS_REJECTED")
    return job


async def test_a_failed_job_is_tried_again_and_linked_both_ways(client: Client) -> None:
    job = await _failed(client, "tried_again")
    await client.ingest({"records": [{"id": "now text"}]}, "tried_again", mode="REPLACE")

    payload = await _retry(client, job, priority="HIGH")

    again = payload["job"]
    assert (payload["errors"], payload["replayed"]) == ([], False)
    assert (again["status"], again["priority"]) == ("SUCCEEDED", "HIGH")
    assert again["counts"] == {"read": 1, "accepted": 1, "rejected": 0}
    assert again["retryOf"]["id"] == job["id"] != again["id"]
    assert again["retryOf"]["retries"] == {"totalCount": 1, "edges": [{"node": {"id": again["id"]}}]}
    assert await _records(client, "tried_again") == [{"id": "now text"}, {"id": "x"}]


async def test_a_retry_sent_again_with_its_key_answers_the_first(client: Client) -> None:
    job = await _failed(client, "retried_once")
    first, again = [await _retry(client, job, idempotencyKey="retries/once") for _ in range(2)]
    other = await _retry(client, job, idempotencyKey="retries/once", spec={"timeoutSeconds": 5})
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["job"] == first["job"]
    assert first["job"]["retryOf"]["retries"]["totalCount"] == 1
    assert other["errors"][0]["code"] == "IDEMPOTENCY_MISMATCH"


async def test_a_list_says_the_same_of_what_can_be_done_as_the_job_itself(client: Client) -> None:
    data = {"text": {"format": "CSV", "content": "id\n1\nx\n"}}
    contract = {"contract": {"columns": [{"name": "id", "type": "INTEGER"}]}}
    job = (await client.ingest(data, "partly", spec=contract))["job"]
    query = """
    query ($id: ID!) {
      job(id: $id) { ...actions } jobs(filter: {ids: [$id]}) { edges { node { ...actions } } }
    }
    fragment actions on Job { status availableActions { action allowed reason } }
    """
    found = await client.data(query, id=job["id"])
    assert found["job"]["status"] == "PARTIAL"
    assert [edge["node"] for edge in found["jobs"]["edges"]] == [found["job"]]
    assert [each["allowed"] for each in found["job"]["availableActions"]] == [False, True, True]


async def test_what_could_only_be_done_twice_is_refused_and_said_beforehand(client: Client) -> None:
    job = (await client.ingest({"records": [{"id": 1}]}, "not_again"))["job"]
    refused = [await _retry(client, job, strategy=strategy) for strategy in ("ALL", "FAILED_ROWS")]
    query = "query ($id: ID!) { job(id: $id) { availableActions { action allowed reason } } }"
    actions = (await client.data(query, id=job["id"]))["job"]["availableActions"]
    assert [(each["job"], error["code"], error["path"]) for each in refused for error in each["errors"]] == [
        (None, "NOT_RETRYABLE", ["input", "jobId"])
    ] * 2
    assert actions == [
        {"action": "CANCEL", "allowed": False, "reason": "The job has ended: it is SUCCEEDED."},
        {"action": "RETRY", "allowed": False, "reason": refused[1]["errors"][0]["message"]},
        {"action": "CORRECT", "allowed": False, "reason": refused[1]["errors"][0]["message"]},
    ]


@pytest.mark.parametrize(
    ("options", "code", "path"),
    [
        ({"jobId": "job_01h455vb4pex5vsknk084sn02q"}, "NOT_FOUND", ["jobId"]),
        ({"jobId": "x"}, "INVALID_ID", ["jobId"]),
        ({"waitSeconds": 31}, "INVALID_ARGUMENT", ["waitSeconds"]),
        ({"spec": {"retry": {"maxAttempts": 101}}}, "INVALID_SPEC", ["spec", "retry", "maxAttempts"]),
    ],
)
async def test_a_bad_retry_is_refused_with_its_place(
    client: Client, options: dict[str, object], code: str, path: list[str]
) -> None:
    job = await _failed(client, "badly_retried")
    payload = await _retry(client, job, **options)
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [(code, ["input", *path])]


async def test_of_a_batch_the_items_are_tried_again_that_failed(client: Client) -> None:
    await client.ingest({"records": [{"id": 1}]}, "batch_again")
    items = [{"data": {"records": [{"id": value}]}, "dataset": "batch_again"} for value in (2, "x", 3, "y")]
    batch = (await client.data(BATCH, input={"items": items, "waitSeconds": 30}))["ingestBatch"]
    assert [result["job"]["status"] for result in batch["results"]] == ["SUCCEEDED", "FAILED"] * 2
    await client.ingest({"records": [{"id": "now text"}]}, "batch_again", mode="REPLACE")

    again = (await _retry(client, batch["job"], strategy="FAILED_ROWS"))["job"]

    assert again["retryOf"]["id"] == batch["job"]["id"]
    assert (again["status"], again["counts"]["accepted"]) == ("SUCCEEDED", 2)
    assert [edge["node"] for edge in again["children"]["edges"]] == [
        {"retryOf": {"id": result["job"]["id"]}, "status": "SUCCEEDED"} for result in batch["results"][1::2]
    ]
    texts = {record["id"] for record in await _records(client, "batch_again")}
    assert texts == {"now text", "x", "y"}


@pytest.mark.parametrize("mode", ["APPEND", "REPLACE"])
async def test_only_the_rejected_rows_are_tried_again(client: Client, mode: str) -> None:
    dataset = f"rejected_again_{mode}"
    lines = [f"{number},name{number}" for number in range(1, 31)]
    lines[4] += ",too,many"
    text = {"format": "CSV", "content": "id,name\n" + "\n".join(lines) + "\n"}
    job = (await client.ingest({"text": text}, dataset, mode=mode))["job"]
    assert (job["status"], job["counts"]["rejected"]) == ("PARTIAL", 1)

    again = (await _retry(client, job, strategy="FAILED_ROWS"))["job"]

    assert again["counts"] == {"read": 1, "accepted": 0, "rejected": 1}
    assert (again["status"], again["failure"]["code"]) == ("FAILED", "ALL_ROWS_REJECTED")
    assert len(await _records(client, dataset)) == 29


async def test_rejected_rows_that_fit_by_now_go_beside_the_good_ones(client: Client) -> None:
    await client.ingest({"records": [{"id": 1}]}, "fitting")
    records = [{"id": 2}, {"id": "x"}, {"id": 3}, {"id": "y"}]
    job = (await client.ingest({"records": records}, "fitting"))["job"]
    assert (job["status"], job["counts"]["rejected"]) == ("PARTIAL", 2)
    await client.ingest({"records": [{"id": "1"}, {"id": "2"}, {"id": "3"}]}, "fitting", mode="REPLACE")

    again = (await _retry(client, job, strategy="FAILED_ROWS"))["job"]

    assert (again["status"], again["counts"]["accepted"]) == ("SUCCEEDED", 2)
    assert [record["id"] for record in await _records(client, "fitting")] == ["1", "2", "3", "x", "y"]
