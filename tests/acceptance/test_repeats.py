"""A request that is sent again with its key starts nothing twice."""

import asyncio
from typing import Any

import pytest

from tests.acceptance.processes import Client, Headgate

CSV = b"id,name\n1,Ann\n2,Bob\n"
MISMATCH = [("IDEMPOTENCY_MISMATCH", ["input", "idempotencyKey"])]
RECORDS = {"records": [{"id": 1}]}


def _faults(payload: Any) -> list[tuple[str, list[str]]]:
    return [(error["code"], error["path"]) for error in payload["errors"]]


async def test_an_ingest_sent_again_with_its_key_answers_the_first_job(client: Client) -> None:
    key = "repeats/ingest"
    first = await client.ingest(RECORDS, "repeated", idempotencyKey=key)
    again = await client.ingest(RECORDS, "repeated", idempotencyKey=key, waitSeconds=0)
    other = await client.ingest({"records": [{"id": 2}]}, "repeated", idempotencyKey=key)
    without = await client.ingest(RECORDS, "repeated")

    assert (first["replayed"], again["replayed"], without["replayed"]) == (False, True, False)
    assert again["job"] == first["job"]
    assert (other["job"], _faults(other)) == (None, MISMATCH)
    dataset = (await client.data('{ dataset(name: "repeated") { rowCount } }'))["dataset"]
    assert dataset["rowCount"] == 2


async def test_ingests_sent_at_once_with_one_key_are_one_job(client: Client) -> None:
    payloads = await asyncio.gather(
        *(client.ingest(RECORDS, "at_once", idempotencyKey="repeats/at_once") for _ in range(10))
    )
    assert len({payload["job"]["id"] for payload in payloads}) == 1
    assert sum(not payload["replayed"] for payload in payloads) == 1
    assert (await client.data('{ dataset(name: "at_once") { rowCount } }'))["dataset"]["rowCount"] == 1


async def test_an_upload_sent_again_with_its_key_answers_the_first_file(
    client: Client, shared_headgate: Headgate
) -> None:
    key = "repeats/upload"
    stored = shared_headgate.home / "store" / "files"
    first = await client.upload(CSV, idempotencyKey=key)
    kept = set(stored.iterdir())
    again = await client.upload(CSV, idempotencyKey=key)
    others = [
        await client.upload(CSV + b"3,Cy\n", idempotencyKey=key),
        await client.upload(CSV, "other.csv", idempotencyKey=key),
        await client.upload(CSV, idempotencyKey=key, format="TSV"),
    ]

    assert (first["replayed"], again["replayed"]) == (False, True)
    assert again["file"] == first["file"]
    assert [(other["file"], _faults(other)) for other in others] == [(None, MISMATCH)] * 3
    assert set(stored.iterdir()) == kept


async def test_an_upload_that_was_refused_may_be_sent_again_with_its_key(client: Client) -> None:
    key = "repeats/refused"
    refused = await client.upload(CSV, idempotencyKey=key, sha256="0" * 64)
    sent = await client.upload(CSV, idempotencyKey=key)
    assert refused["file"]["status"] == "FAILED"
    assert (sent["file"]["status"], sent["replayed"]) == ("READY", False)


@pytest.mark.parametrize("key", ["", "k" * 201])
async def test_a_key_that_is_none_is_refused(client: Client, key: str) -> None:
    refused = [
        await client.ingest(RECORDS, "never", idempotencyKey=key),
        await client.upload(CSV, idempotencyKey=key),
    ]
    assert [_faults(each) for each in refused] == [[("INVALID_ARGUMENT", ["input", "idempotencyKey"])]] * 2


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"retry": {"maxAttempts": 0}}, ["retry", "maxAttempts"]),
        ({"retry": {"initialDelaySeconds": -1}}, ["retry", "initialDelaySeconds"]),
        ({"retry": {"factor": 0.5}}, ["retry", "factor"]),
        ({"retry": {"maxDelaySeconds": 1e9}}, ["retry", "maxDelaySeconds"]),
        ({"timeoutSeconds": 0}, ["timeoutSeconds"]),
    ],
)
async def test_a_spec_without_sense_is_refused_with_its_place(
    client: Client, spec: dict[str, Any], path: list[str]
) -> None:
    refused = await client.ingest(RECORDS, "never", spec=spec)
    assert _faults(refused) == [("INVALID_SPEC", ["input", "spec", *path])]
