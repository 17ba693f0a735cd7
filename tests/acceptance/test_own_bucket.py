"""Headgate keeps all it has in a bucket: a real server, and the S3 server beside it."""

import asyncio
import csv
import io
import json
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from headgate.domain.leftovers import remove_leftovers
from headgate.storage.database import Database
from tests.acceptance.processes import Client, Headgate, MakeClient, MakeHeadgate
from tests.buckets import KEY, SECRET, Store
from tests.faulty_store import FaultyWay, Trouble, faulty_way
from tests.services import make_services
from tests.stores import bucket_store

pytestmark = pytest.mark.thorough

PART_BYTES = 5 << 20
LIMIT_S = 60
JOB_FIELDS = """
  id status counts { read accepted rejected } failure { code }
  errors { totalCount edges { node { row column code value } } } errorSummary { code count }
  errorsDownloadUrl
"""
CORRECT = f"""
mutation ($input: CorrectErrorsInput!) {{
  correctErrors(input: $input) {{ job {{ {JOB_FIELDS} }} errors {{ code message }} }}
}}
"""
RETRY = f"""
mutation ($input: RetryInput!) {{
  retry(input: $input) {{ job {{ {JOB_FIELDS} }} errors {{ code message }} }}
}}
"""
JOB = f"query ($id: ID!) {{ job(id: $id) {{ {JOB_FIELDS} }} }}"
FILE = "query ($id: ID!) { file(id: $id) { preview(first: 2) { records } suggestedChecks { kind } } }"
ROWS = "query ($name: String!) { dataset(name: $name) { version rows(first: 100) { records } } }"
ASKED = """
{ dataset(name: "days", version: 0) {
    rows(orderBy: [{ column: "n", direction: DESC }], columns: ["n"]) { records }
    statistics(columns: ["n"]) { column { name } }
    druidSpec(input: { timestampColumn: "day" })
} }
"""
WATCH = "subscription ($job: ID!) { jobProgress(jobId: $job) { status } }"
HEALTH = "{ health { status } }"
CHECKS = {"checks": [{"range": {"columns": ["age"], "min": 0, "max": 150}}]}
PEOPLE = b"name,age\nAda,36\nBob,old\nEve,200\nKay,300\n"


@pytest.fixture
def way(own_bucket: Store) -> Iterator[FaultyWay]:
    with faulty_way(own_bucket.url) as opened:
        yield opened


async def _job(client: Client, job_id: str) -> Any:
    return (await client.data(JOB, id=job_id))["job"]


async def _ended(client: Client, job_id: str) -> Any:
    async with asyncio.timeout(LIMIT_S), client.subscribe(WATCH, job=job_id) as results:
        async for _ in results:
            pass
    return await _job(client, job_id)


async def _rows(client: Client, dataset: str) -> tuple[int, list[tuple[Any, ...]]]:
    found = (await client.data(ROWS, name=dataset))["dataset"]
    return found["version"], [tuple(record.values()) for record in found["rows"]["records"]]


async def _csv(client: Client, link: str) -> list[list[str]]:
    async with httpx.AsyncClient(base_url=client.url, trust_env=False) as http:
        response = await http.get(link)
    assert response.status_code == 200, response.text
    return list(csv.reader(io.StringIO(response.text)))


def _shown(headgate: Headgate) -> str:
    """All that a server and its jobs have said and kept on this machine, as text."""
    kept = [headgate.home / "serve.log", *headgate.home.glob("headgate.db*")]
    return "".join(path.read_bytes().decode(errors="replace") for path in kept)


async def test_errors_of_a_file_are_corrected_and_retried_with_everything_in_a_bucket(
    make_headgate: MakeHeadgate, make_client: MakeClient, own_bucket: Store, way: FaultyWay
) -> None:
    headgate = make_headgate(**{**own_bucket.settings(), "s3_endpoint_url": way.url}).start()
    client = await make_client(headgate)

    file = (await client.upload(PEOPLE))["file"]
    assert (file["status"], own_bucket.get(f"main/files/{file['id']}")) == ("READY", PEOPLE)
    seen = (await client.data(FILE, id=file["id"]))["file"]
    assert seen["preview"]["records"] == [{"name": "Ada", "age": "36"}, {"name": "Bob", "age": "old"}]

    job = (await client.ingest({"file": file["id"]}, "people", spec=CHECKS))["job"]
    assert (job["status"], job["counts"]["accepted"], job["counts"]["rejected"]) == ("PARTIAL", 1, 3)
    job = await _job(client, job["id"])
    assert [edge["node"]["value"] for edge in job["errors"]["edges"]] == ["old", "200", "300"]
    assert sum(each["count"] for each in job["errorSummary"]) == 3
    assert [line[3] for line in await _csv(client, job["errorsDownloadUrl"])] == [
        "value",
        "old",
        "200",
        "300",
    ]

    given = [{"row": 2, "values": {"age": 20}}, {"row": 3, "values": {"age": 400}}]
    wanted = {"jobId": job["id"], "corrections": given, "waitSeconds": 30}
    corrected = (await client.data(CORRECT, input=wanted))["correctErrors"]["job"]
    assert (corrected["status"], corrected["counts"]["accepted"]) == ("PARTIAL", 1)
    assert (await _job(client, job["id"]))["errors"]["totalCount"] == 2
    wanted = {"jobId": job["id"], "strategy": "FAILED_ROWS", "waitSeconds": 30}
    retried = (await client.data(RETRY, input=wanted))["retry"]["job"]
    assert (retried["status"], retried["counts"]["read"]) == ("FAILED", 2)
    assert await _rows(client, "people") == (1, [("Ada", 36), ("Bob", 20)])

    assert (await client.data(HEALTH))["health"]["status"] == "HEALTHY"
    assert not list((headgate.home / "store").glob("scratch/*/*"))
    assert not [path for path in (headgate.home / "store").rglob("*") if path.is_file()]
    assert own_bucket.unfinished() == []
    await _is_told_that_the_store_is_gone(client, way)
    assert headgate.stop() == 0
    assert SECRET not in _shown(headgate)
    assert KEY not in _shown(headgate)
    assert SECRET not in headgate.run("settings").stdout


async def test_a_server_that_is_killed_in_the_middle_of_an_upload_leaves_no_object(
    make_headgate: MakeHeadgate, own_bucket: Store, tmp_path: Path
) -> None:
    headgate = make_headgate(**own_bucket.settings(), upload_part_bytes=str(PART_BYTES)).start()
    with socket.create_connection(("127.0.0.1", urlsplit(headgate.url).port or 0)) as sender:
        sender.sendall(_beginning_of_an_upload(headgate.token()))
        async with asyncio.timeout(LIMIT_S):
            while not own_bucket.unfinished():
                await asyncio.to_thread(sender.sendall, bytes(1 << 20))
        headgate.kill()
    assert not any("/files/" in key for key in own_bucket.contents())
    (left,) = own_bucket.unfinished()
    assert left.startswith("main/files/file_")

    database = Database.connect(f"sqlite:///{headgate.home / 'headgate.db'}")
    async with bucket_store(own_bucket, tmp_path) as store:
        # The server says of every upload that it is years old.
        assert await remove_leftovers(make_services(database, store, None)) == 1  # type: ignore[arg-type]
    await database.close()
    assert own_bucket.unfinished() == []


async def test_jobs_are_done_once_whose_processes_are_killed_before_and_after_their_commits(
    make_headgate: MakeHeadgate, make_client: MakeClient, own_bucket: Store, way: FaultyWay
) -> None:
    settings = {**own_bucket.settings(), "s3_endpoint_url": way.url, "reconcile_seconds": "0.2"}
    headgate = make_headgate(**settings, workers="2").start()
    client = await make_client(headgate)
    data = {"text": {"format": "CSV", "content": PEOPLE.decode()}}
    jobs = {}
    for dataset, trouble in {
        "before": Trouble("PUT", "/errors/", "hang"),
        "after": Trouble("PUT", "_delta_log/", "hang after"),
    }.items():
        way.has_hung.clear()
        way.troubles.append(trouble)
        jobs[dataset] = (await client.ingest(data, dataset, spec=CHECKS, waitSeconds=0))["job"]["id"]
        assert await asyncio.to_thread(way.has_hung.wait, LIMIT_S)
    headgate.kill()
    way.released.set()

    client = await make_client(headgate.start())
    for dataset, job_id in jobs.items():
        ended = await _ended(client, job_id)
        assert (ended["status"], ended["counts"]["accepted"], ended["counts"]["rejected"]) == (
            "PARTIAL",
            1,
            3,
        )
        assert await _rows(client, dataset) == (0, [("Ada", 36)])
        assert ended["errors"]["totalCount"] == 3


async def test_datasets_in_a_bucket_are_upserted_and_asked_in_every_way(
    make_headgate: MakeHeadgate, make_client: MakeClient, own_bucket: Store, way: FaultyWay
) -> None:
    headgate = make_headgate(**{**own_bucket.settings(), "s3_endpoint_url": way.url}).start()
    client = await make_client(headgate)
    for content in ("id,day,n\n1,mon,1\n2,tue,2\n", "id,day,n\n2,tue,20\n3,wed,3\n"):
        sink = {"mode": "UPSERT", "keys": ["id"]}
        data = {"text": {"format": "CSV", "content": content}}
        assert (await client.ingest(data, "days", **sink))["job"]["status"] == "SUCCEEDED"
    assert await _rows(client, "days") == (1, [(1, "mon", 1), (2, "tue", 20), (3, "wed", 3)])
    asked = (await client.data(ASKED))["dataset"]
    assert asked["rows"]["records"] == [{"n": 2}, {"n": 1}]
    assert asked["statistics"] == [{"column": {"name": "n"}}]
    assert asked["druidSpec"]["spec"]["dataSchema"]["dataSource"] == "days"

    way.troubles.append(Trouble("GET", "", "refuse", times=10_000))
    began = time.monotonic()
    assert await client.refusal(ASKED) == "STORE_UNAVAILABLE"
    assert time.monotonic() - began < LIMIT_S / 2
    way.troubles.clear()
    assert (await client.data(ASKED))["dataset"] == asked
    assert headgate.stop() == 0


async def _is_told_that_the_store_is_gone(client: Client, way: FaultyWay) -> None:
    """Use what needs the store while no call to it goes well, and then again."""
    way.troubles += [Trouble(method, "", "refuse", times=10_000) for method in ("GET", "HEAD", "PUT", "POST")]
    query = "mutation ($file: Upload!) { upload(file: $file) { file { id } } }"
    operations = {"query": query, "variables": {"file": None}}
    answer = await client.http.post(
        "/graphql",
        data={"operations": json.dumps(operations), "map": '{"0": ["variables.file"]}'},
        files={"0": ("a.csv", b"a\n1\n")},
        headers={"GraphQL-Require-Preflight": "1"},
    )
    told = answer.json()["errors"][0]["extensions"]
    assert (answer.status_code, told["code"], told["retryable"]) == (503, "STORE_UNAVAILABLE", True)
    ingest = "mutation ($i: IngestInput!) { ingest(input: $i) { job { id } } }"
    wanted = {"data": {"records": [{"id": 1}]}, "dataset": "d"}
    assert await client.refusal(ingest, i=wanted) == "STORE_UNAVAILABLE"
    ready = await client.http.get("/readyz")
    assert (ready.status_code, ready.json()["checks"]["store"]) == (503, "UNHEALTHY")
    way.troubles.clear()
    assert (await client.upload(PEOPLE))["file"]["status"] == "READY"


def _beginning_of_an_upload(token: str) -> bytes:
    """A multipart request up to where the content of its file begins, and a megabyte of that."""
    query = "mutation ($file: Upload!) { upload(file: $file) { file { id } } }"
    fields = {
        "operations": f'{{"query": "{query}", "variables": {{"file": null}}}}',
        "map": '{"0": ["variables.file"]}',
    }
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'
        for name, text in fields.items()
    ]
    parts.append('--x\r\nContent-Disposition: form-data; name="0"; filename="a.csv"\r\n\r\n')
    headers = [
        "POST /graphql HTTP/1.1",
        "host: 127.0.0.1",
        f"authorization: Bearer {token}",
        "graphql-require-preflight: 1",
        "content-type: multipart/form-data; boundary=x",
        "content-length: 1000000000",
    ]
    return "\r\n".join([*headers, "", "".join(parts)]).encode() + bytes(1 << 20)
