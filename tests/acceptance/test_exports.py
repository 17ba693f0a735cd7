"""Rows of a dataset go out to sinks as jobs do: durable, exactly once, whatever dies."""

import io
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.acceptance.endpoints import make_endpoint
from tests.acceptance.processes import Client, Headgate, MakeClient, MakeHeadgate
from tests.buckets import Store

pytestmark = pytest.mark.thorough

EXPORT = """
mutation ($input: ExportDatasetInput!) {
  exportDataset(input: $input) {
    job {
      id kind status failure { code message } counts { read accepted rejected } dataset { name }
      result { kind name data datasetVersion dataset { name } }
    }
    replayed
    errors { code message path }
  }
}
"""
JOB = """query ($id: ID!) { job(id: $id) { status attempts { number } counts { read accepted } failure { code } } }"""
WATCH = "subscription ($id: ID!) { jobProgress(jobId: $id, minIntervalMs: 0) { type status } }"
TEXT = "id,name,amount\n1,a,1.5\n2,b,2.5\n3,c,\n"
MANY = 60_000


async def export(client: Client, name: str, sink: Any, **options: Any) -> Any:
    wanted = {"name": name, "sink": sink, "waitSeconds": 30, **options}
    return (await client.data(EXPORT, input=wanted))["exportDataset"]


@pytest.fixture
async def sales(client: Client) -> str:
    """A dataset of two versions, the newer one with more rows."""
    data = {"text": {"format": "CSV", "content": TEXT}}
    await client.ingest(data, "export.sales", mode="REPLACE")
    await client.ingest({"records": [{"id": 4, "name": "d", "amount": 4.5}]}, "export.sales")
    return "export.sales"


async def test_rows_and_columns_of_a_version_go_to_another_dataset(client: Client, sales: str) -> None:
    sink = {"dataset": {"name": "export.copy", "mode": "REPLACE"}}
    wanted: Any = {"filter": {"column": "id", "gte": 2}, "columns": ["amount", "id"]}
    payload = await export(client, sales, sink, **wanted)
    job = payload["job"]
    assert (job["kind"], job["status"], job["counts"]["accepted"]) == ("EXPORT", "SUCCEEDED", 3), job
    rows = await client.data('{ dataset(name: "export.copy") { columns { name } rows { records } } }')
    assert [column["name"] for column in rows["dataset"]["columns"]] == ["amount", "id"]
    assert rows["dataset"]["rows"]["records"][-1] == {"amount": 4.5, "id": 4}
    newest = (await client.data("query ($n: String!) { dataset(name: $n) { version } }", n=sales))["dataset"]
    older = await export(client, sales, sink, version=newest["version"] - 1)
    assert older["job"]["counts"]["accepted"] == 3


async def test_an_export_is_started_once_for_each_key(client: Client, sales: str) -> None:
    sink = {"dataset": {"name": "export.once"}}
    first = await export(client, sales, sink, idempotencyKey="export once")
    again = await export(client, sales, sink, idempotencyKey="export once")
    assert (again["replayed"], again["job"]["id"]) == (True, first["job"]["id"])
    other = await export(client, sales, sink, idempotencyKey="export once", columns=["id"])
    assert other["errors"][0]["code"] == "IDEMPOTENCY_MISMATCH"


@pytest.mark.parametrize(
    ("changed", "code", "path"),
    [
        ({"name": "none"}, "NOT_FOUND", ["name"]),
        ({"version": 99}, "NOT_FOUND", ["version"]),
        ({"columns": []}, "INVALID_ARGUMENT", ["columns"]),
        ({"columns": ["id", "none"]}, "UNKNOWN_COLUMN", ["columns", "1"]),
        ({"filter": {"column": "none", "eq": 1}}, "UNKNOWN_COLUMN", ["column"]),
        ({"filter": {"column": "id", "eq": "x"}}, "INVALID_FILTER", ["filter"]),
        ({"sink": {"dataset": {"name": "1st"}}}, "INVALID_SPEC", ["sink", "dataset", "name"]),
        (
            {"sink": {"object": {"path": "a", "endpoint": "none"}}},
            "NOT_FOUND",
            ["sink", "object", "endpoint"],
        ),
    ],
    ids=range(8),
)
async def test_what_cannot_be_exported_is_refused_at_once(
    client: Client, sales: str, changed: Any, code: str, path: list[str]
) -> None:
    wanted = {"name": sales, "sink": {"dataset": {"name": "export.none"}}, **changed}
    payload = (await client.data(EXPORT, input=wanted))["exportDataset"]
    assert payload["job"] is None
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [(code, ["input", *path])]


@pytest.fixture
def headgate(make_headgate: MakeHeadgate, tmp_path: Path) -> Headgate:
    """A server that may reach a bucket and a folder."""
    return make_headgate(allowed_networks="127.0.0.0/8", local_folders=str(tmp_path)).start()


async def test_exports_end_exactly_once_in_a_bucket_and_in_a_table(
    headgate: Headgate, make_client: MakeClient, own_bucket: Store, tmp_path: Path
) -> None:
    client = await make_client(headgate)
    file = (await client.upload(("id,text\n" + "".join(f"{n},row {n}\n" for n in range(MANY))).encode()))[
        "file"
    ]
    await client.ingest({"file": file["id"]}, "many")
    known = {"bucket": own_bucket.bucket, "endpointUrl": own_bucket.url, "accessKeyId": "AKIATESTING"}
    await make_endpoint(client, "lake", "S3", known, {"secretAccessKey": "not-a-secret-but-a-key"})
    await make_endpoint(client, "base", "SQL", {"url": f"sqlite:///{tmp_path}/out.db"})

    sink = {"object": {"endpoint": "lake", "path": "out/rows.parquet"}}
    job = (await export(client, "many", sink, columns=["text"]))["job"]
    assert (job["status"], job["result"]["kind"], job["result"]["name"]) == (
        "SUCCEEDED",
        "EXPORT",
        "object",
    ), job
    assert (job["result"]["dataset"]["name"], job["result"]["datasetVersion"]) == ("many", 0)
    written = pl.read_parquet(io.BytesIO(own_bucket.get("out/rows.parquet")))
    assert (written.columns, written.height) == (["text"], MANY)

    into = {"table": {"endpoint": "base", "table": "rows", "mode": "APPEND"}}
    with held(tmp_path / "out.db"):
        started = (await export(client, "many", into, waitSeconds=0))["job"]["id"]
        async with client.subscribe(WATCH, id=started) as events:
            async for event in events:
                if event["data"]["jobProgress"]["type"] == "PROGRESS":
                    break
        for process in headgate.engine:
            process.kill()
    async with client.subscribe(WATCH, id=started) as events:
        async for _ in events:
            pass
    job = (await client.data(JOB, id=started))["job"]
    assert (job["status"], job["counts"]) == ("SUCCEEDED", {"read": MANY, "accepted": MANY}), job
    assert len(job["attempts"]) == 2
    with sqlite3.connect(tmp_path / "out.db") as connection:
        counted = connection.execute("SELECT count(*), count(DISTINCT id), sum(id) FROM rows").fetchone()
    assert counted == (MANY, MANY, MANY * (MANY - 1) // 2)


@contextmanager
def held(database: Path) -> Iterator[None]:
    """Keep everybody else from a database: what writes into it waits."""
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")
