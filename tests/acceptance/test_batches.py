"""Many ingests are one job, which sums them up."""

from typing import Any

import pytest

from tests.acceptance.processes import Client

BATCH = """
mutation ($input: IngestBatchInput!) {
  ingestBatch(input: $input) {
    job {
      id kind status priority progress { stage fraction message } failure { code message }
      counts { ...all }
      children(first: 200) {
        totalCount
        edges { node { id status priority counts { ...all } parent { id } } }
      }
    }
    results { index job { id status } errors { code message path } }
    replayed
    errors { code message path }
  }
}
fragment all on RowCounts { read accepted rejected filtered merged warnings }
"""
COUNT = "{ jobs { totalCount } }"
UNKNOWN_FILE = "file_01h455vb4pex5vsknk084sn02q"
GOOD = {"data": {"records": [{"id": 1}, {"id": 2}]}, "dataset": "batched"}
FAULTY = {"data": {"file": UNKNOWN_FILE}, "dataset": "batched"}
FAULT = {
    "code": "NOT_FOUND",
    "message": f"There is no file {UNKNOWN_FILE}.",
    "path": ["input", "items", "1", "data", "file"],
}


async def _batch(client: Client, items: list[Any], **options: object) -> Any:
    wanted = {"items": items, "waitSeconds": 30, **options}
    return (await client.data(BATCH, input=wanted))["ingestBatch"]


def _text(*lines: str) -> Any:
    return {"text": {"format": "CSV", "content": "\n".join(("id,name", *lines)) + "\n"}}


async def test_a_batch_has_the_sums_of_its_children(client: Client) -> None:
    bad = [f"{number},name" for number in range(30)]
    bad[7] += ",too,many"
    merged = {"data": _text("1,a", "1,b", "2,c"), "dataset": "keyed", "mode": "UPSERT", "keys": ["id"]}
    payload = await _batch(client, [GOOD, {"data": _text(*bad), "dataset": "with_bad"}, merged])
    batch = payload["job"]
    children = [edge["node"] for edge in batch["children"]["edges"]]

    assert payload["errors"] == []
    assert (batch["kind"], batch["status"], batch["failure"]) == ("BATCH", "PARTIAL", None)
    assert batch["progress"] == {"stage": "done", "fraction": 1, "message": "Done"}
    assert [child["status"] for child in children] == ["SUCCEEDED", "PARTIAL", "SUCCEEDED"]
    assert [result["job"] for result in payload["results"]] == [
        {"id": child["id"], "status": child["status"]} for child in children
    ]
    assert {child["parent"]["id"] for child in children} == {batch["id"]}
    sums = {name: sum(child["counts"][name] for child in children) for name in batch["counts"]}
    assert batch["counts"] == sums
    assert (sums["read"], sums["accepted"], sums["rejected"], sums["merged"]) == (35, 33, 1, 1)


async def test_a_faulty_item_does_not_keep_the_others_from_being_ingested(client: Client) -> None:
    payload = await _batch(client, [GOOD, FAULTY, GOOD])
    assert payload["errors"] == []
    assert [result["errors"] for result in payload["results"]] == [[], [FAULT], []]
    assert [result["job"] and result["job"]["status"] for result in payload["results"]] == [
        "SUCCEEDED", None, "SUCCEEDED",
    ]  # fmt: skip
    assert (payload["job"]["status"], payload["job"]["children"]["totalCount"]) == ("PARTIAL", 2)


async def test_a_faulty_item_keeps_all_from_being_ingested_where_that_is_asked_for(client: Client) -> None:
    before = await client.data(COUNT)
    payload = await _batch(client, [GOOD, FAULTY, GOOD], errorPolicy="REJECT_ALL")
    assert payload["job"] is None
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [
        ("BATCH_REJECTED", ["input", "items"])
    ]
    assert "1 of 3 items" in payload["errors"][0]["message"]
    assert [(result["job"], result["errors"]) for result in payload["results"]] == [
        (None, []), (None, [FAULT]), (None, []),
    ]  # fmt: skip
    assert await client.data(COUNT) == before


async def test_a_batch_whose_items_are_all_at_fault_is_refused(client: Client) -> None:
    payload = await _batch(client, [FAULTY | {"dataset": "1st"}, FAULTY])
    assert (payload["job"], payload["errors"][0]["code"]) == (None, "BATCH_REJECTED")
    assert [result["errors"][0]["code"] for result in payload["results"]] == ["INVALID_NAME", "NOT_FOUND"]


@pytest.mark.parametrize(("policy", "status"), [("REJECT_ALL", "FAILED"), ("REJECT_FAILED", "PARTIAL")])
async def test_an_item_that_fails_counts_as_its_policy_has_it(
    client: Client, policy: str, status: str
) -> None:
    unfit = {"data": {"records": [{"id": [1]}, {"id": [2]}]}, "dataset": f"unfit_{policy}"}
    fit = {**GOOD, "dataset": f"unfit_{policy}"}
    job = (await _batch(client, [fit, unfit], errorPolicy=policy))["job"]
    assert [edge["node"]["status"] for edge in job["children"]["edges"]] == ["SUCCEEDED", "FAILED"]
    assert job["status"] == status
    assert (job["failure"] and job["failure"]["code"]) == ("BATCH_FAILED" if status == "FAILED" else None)


@pytest.mark.parametrize(("name", "value"), [("waitSeconds", 5), ("idempotencyKey", "of an item")])
async def test_an_item_with_a_wait_or_a_key_of_its_own_is_at_fault(
    client: Client, name: str, value: object
) -> None:
    payload = await _batch(client, [GOOD, GOOD | {name: value}], idempotencyKey=f"batches/{name}")
    assert payload["results"][0]["job"]["status"] == "SUCCEEDED"
    [error] = payload["results"][1]["errors"]
    assert (error["code"], error["path"]) == ("INVALID_ARGUMENT", ["input", "items", "1", name])


async def test_a_batch_sent_again_with_its_key_answers_the_first(client: Client) -> None:
    first = await _batch(client, [GOOD, FAULTY], idempotencyKey="batches/repeated")
    again = await _batch(client, [GOOD, FAULTY], idempotencyKey="batches/repeated", waitSeconds=0)
    other = await _batch(client, [GOOD, GOOD], idempotencyKey="batches/repeated")
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert {**again, "replayed": False} == first
    assert (other["job"], other["results"], other["errors"][0]["code"]) == (None, [], "IDEMPOTENCY_MISMATCH")


async def test_items_take_the_priority_of_their_batch_unless_they_have_their_own(client: Client) -> None:
    items = [GOOD, GOOD | {"priority": "HIGH"}, GOOD | {"priority": "MEDIUM"}]
    job = (await _batch(client, items, priority="LOW"))["job"]
    assert job["priority"] == "LOW"
    assert [edge["node"]["priority"] for edge in job["children"]["edges"]] == ["LOW", "HIGH", "LOW"]


@pytest.mark.parametrize("count", [0, 1001])
async def test_a_batch_has_one_to_a_thousand_items(client: Client, count: int) -> None:
    payload = await _batch(client, [GOOD] * count)
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [
        ("INVALID_ARGUMENT", ["input", "items"])
    ]
