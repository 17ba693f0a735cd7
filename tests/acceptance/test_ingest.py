"""Data goes in over HTTP, and what came of it is read back."""

import hashlib
import io
from typing import Any

import polars as pl
import pytest

from tests.acceptance.processes import MAX_UPLOAD_BYTES, Client, Headgate, MakeClient

PEOPLE = b"id,name,joined\n1,Ann,2026-01-31\n2,Bob,2026-02-01\n3,Cy,2026-02-02\n"
ROWS = """
query ($name: String!, $version: BigInt, $filter: RowFilter, $orderBy: [RowOrder!], $columns: [String!],
       $first: Int, $after: String) {
  dataset(name: $name, version: $version) {
    version rowCount columns { name type }
    rows(filter: $filter, orderBy: $orderBy, columns: $columns, first: $first, after: $after) {
      columns { name } records totalCount hasNextPage endCursor
    }
  }
}
"""
ERRORS = """
query ($job: ID!, $first: Int, $after: String) {
  errors(filter: {job: $job}, first: $first, after: $after) {
    edges { cursor node { id row line column value code severity message record job { id } } }
    pageInfo { hasNextPage endCursor }
    totalCount
  }
}
"""
INGEST_ONLY = "mutation ($input: IngestInput!) { ingest(input: $input) { job { id } errors { code path } } }"
FAILURE = "query ($job: ID!) { job(id: $job) { failure { code step } } }"
UNKNOWN_FILE = "file_01h455vb4pex5vsknk084sn02q"
UNKNOWN_JOB = "job_01h455vb4pex5vsknk084sn02q"


async def _rows(client: Client, name: str, **arguments: object) -> Any:
    return (await client.data(ROWS, name=name, **arguments))["dataset"]


async def test_a_file_is_uploaded_ingested_and_read_back(client: Client) -> None:
    uploaded = await client.upload(PEOPLE)
    assert uploaded["errors"] == []
    file = uploaded["file"]
    assert (file["status"], file["format"], file["byteSize"]) == ("READY", "CSV", len(PEOPLE))
    assert file["sha256"] == hashlib.sha256(PEOPLE).hexdigest()
    assert [column["type"] for column in file["columns"]] == ["INTEGER", "STRING", "DATE"]

    payload = await client.ingest({"file": file["id"]}, "people_of_file")
    assert payload["job"]["status"] == "SUCCEEDED"
    assert payload["job"]["counts"] == {"read": 3, "accepted": 3, "rejected": 0, "filtered": 0, "merged": 0}

    dataset = await _rows(client, "people_of_file", first=2)
    assert dataset["rowCount"] == 3
    assert dataset["rows"]["records"] == [
        {"id": 1, "name": "Ann", "joined": "2026-01-31"},
        {"id": 2, "name": "Bob", "joined": "2026-02-01"},
    ]
    assert dataset["rows"]["totalCount"] == 3
    rest = await _rows(client, "people_of_file", first=2, after=dataset["rows"]["endCursor"])
    assert [record["id"] for record in rest["rows"]["records"]] == [3]
    assert not rest["rows"]["hasNextPage"]


async def test_a_parquet_file_keeps_its_types(client: Client) -> None:
    content = io.BytesIO()
    pl.DataFrame({"big": [2**60], "price": [1.5], "tags": [["a", "b"]]}).write_parquet(content)
    file = (await client.upload(content.getvalue(), "prices.parquet"))["file"]
    assert [column["type"] for column in file["columns"]] == ["INTEGER", "FLOAT", "LIST"]
    assert (await client.ingest({"file": file["id"]}, "prices"))["job"]["status"] == "SUCCEEDED"
    rows = (await _rows(client, "prices"))["rows"]
    assert rows["records"] == [{"big": str(2**60), "price": 1.5, "tags": ["a", "b"]}]


async def test_records_and_text_are_ingested_without_a_file(client: Client) -> None:
    records = [{"id": 1, "note": None}, {"id": 2, "note": "two"}]
    assert (await client.ingest({"records": records}, "pushed"))["job"]["counts"]["accepted"] == 2
    text = {"format": "NDJSON", "content": '{"id": 3, "note": "three"}\n'}
    assert (await client.ingest({"text": text}, "pushed"))["job"]["status"] == "SUCCEEDED"
    dataset = await _rows(client, "pushed", filter={"column": "note", "eq": None})
    assert [record["id"] for record in dataset["rows"]["records"]] == [1]
    dataset = await _rows(client, "pushed", filter={"column": "note"})
    assert [record["id"] for record in dataset["rows"]["records"]] == [1, 2, 3]


async def test_each_load_is_a_version_that_stays_readable(client: Client) -> None:
    await client.ingest({"records": [{"id": 1, "name": "Ann"}, {"id": 2, "name": "Bob"}]}, "versioned")
    payload = await client.ingest(
        {"records": [{"id": 2, "name": "Bea"}, {"id": 3, "name": "Cy"}]},
        "versioned",
        mode="UPSERT",
        keys=["id"],
    )
    assert payload["job"]["status"] == "SUCCEEDED"
    newest = await _rows(client, "versioned", orderBy=[{"column": "id"}], columns=["name"])
    assert newest["rows"]["records"] == [{"name": "Ann"}, {"name": "Bea"}, {"name": "Cy"}]
    oldest = await _rows(client, "versioned", version=0)
    assert (oldest["version"], oldest["rowCount"]) == (0, 2)
    assert [record["name"] for record in oldest["rows"]["records"]] == ["Ann", "Bob"]
    assert (await client.data(ROWS, name="versioned", version=99))["dataset"] is None


async def test_a_dataset_is_partitioned_by_its_values_and_stays_so(client: Client) -> None:
    def spec(*columns: str, mode: str = "APPEND") -> dict[str, Any]:
        return {"sinks": [{"dataset": {"name": "parted", "mode": mode, "partitionBy": list(columns)}}]}

    rows = [{"k": "b/%41", "n": 1}, {"k": None, "n": 2}, {"k": "ä", "n": 3}, {"k": "", "n": 4}]
    job = (await client.ingest({"records": rows}, "parted", spec=spec("K")))["job"]
    assert (job["status"], job["counts"]["accepted"], job["counts"]["rejected"]) == ("PARTIAL", 3, 1)
    await client.ingest({"records": [{"k": "b/%41", "n": 5}]}, "parted")
    found = await _rows(client, "parted", filter={"column": "k", "eq": "b/%41"})
    assert found["rows"]["records"] == [{"k": "b/%41", "n": 1}, {"k": "b/%41", "n": 5}]
    assert (await _rows(client, "parted"))["rowCount"] == 4

    failed = (await client.ingest({"records": rows[:2]}, "parted", spec=spec("n")))["job"]
    failure = (await client.data(FAILURE, job=failed["id"]))["job"]["failure"]
    assert (failure["code"], failure["step"]) == ("PARTITIONS_DIFFER", "sinks.0.dataset")
    again = (await client.ingest({"records": rows[:2]}, "parted", spec=spec("n", mode="REPLACE")))["job"]
    assert again["status"] == "SUCCEEDED"
    assert (await _rows(client, "parted"))["rowCount"] == 2
    refused = await client.ingest({"records": rows}, "parted", spec=spec("n", "n"))
    assert [(error["code"], error["path"]) for error in refused["errors"]] == [
        ("INVALID_SPEC", ["input", "spec", "sinks", "0", "dataset", "partitionBy"])
    ]


async def test_bad_rows_are_explained_and_the_good_ones_ingested(client: Client) -> None:
    lines = [f"{number},name{number}" for number in range(1, 31)]
    lines[4] += ",one,too,many"
    lines[9] += ",again"
    file = (await client.upload(("id,name\n" + "\n".join(lines) + "\n").encode()))["file"]
    job = (await client.ingest({"file": file["id"]}, "with_errors"))["job"]
    assert job["status"] == "PARTIAL"
    assert (job["counts"]["read"], job["counts"]["accepted"], job["counts"]["rejected"]) == (30, 28, 2)

    page = (await client.data(ERRORS, job=job["id"], first=1))["errors"]
    assert page["totalCount"] == 2
    assert page["pageInfo"]["hasNextPage"]
    error = page["edges"][0]["node"]
    assert (error["row"], error["line"], error["code"], error["severity"]) == (5, 6, "STRUCTURE", "ERROR")
    assert error["job"]["id"] == job["id"]
    rest = (await client.data(ERRORS, job=job["id"], after=page["pageInfo"]["endCursor"]))["errors"]
    assert [edge["node"]["row"] for edge in rest["edges"]] == [10]
    assert not rest["pageInfo"]["hasNextPage"]


@pytest.mark.parametrize(
    ("content", "name", "code"),
    [
        (b"", "empty.csv", "EMPTY_FILE"),
        (bytes(range(256)) * 8, "picture.bin", "UNSUPPORTED_FORMAT"),
        (b"id,name\n1,Ann\n", "people.parquet", "FORMAT_MISMATCH"),
    ],
)
async def test_an_unusable_file_is_kept_as_failed(
    client: Client, content: bytes, name: str, code: str
) -> None:
    payload = await client.upload(content, name)
    assert [error["code"] for error in payload["errors"]] == [code]
    assert payload["file"]["status"] == "FAILED"
    assert payload["file"]["failure"]["code"] == code
    refused = await client.ingest({"file": payload["file"]["id"]}, "never")
    assert refused["errors"][0]["code"] == "FILE_NOT_READY"


async def test_a_file_whose_checksum_differs_is_refused(client: Client) -> None:
    payload = await client.upload(PEOPLE, sha256="0" * 64)
    assert payload["errors"][0]["code"] == "CHECKSUM_MISMATCH"
    assert payload["errors"][0]["path"] == ["input", "sha256"]


async def test_a_file_over_the_limit_leaves_nothing(client: Client, shared_headgate: Headgate) -> None:
    stored = shared_headgate.home / "store" / "files"
    before = set(stored.iterdir())
    payload = await client.upload(b"a" * (MAX_UPLOAD_BYTES + 1))
    assert payload["file"] is None
    assert payload["errors"][0]["code"] == "FILE_TOO_LARGE"
    assert str(MAX_UPLOAD_BYTES) in payload["errors"][0]["message"]
    assert set(stored.iterdir()) == before


@pytest.mark.parametrize(
    ("changes", "code", "path"),
    [
        ({"data": {"file": UNKNOWN_FILE}}, "NOT_FOUND", ["input", "data", "file"]),
        ({"data": {"file": UNKNOWN_JOB}}, "INVALID_ID", ["input", "data", "file"]),
        ({"data": {"file": ""}}, "INVALID_ID", ["input", "data", "file"]),
        ({"data": None}, "INVALID_DATA", ["input", "data"]),
        ({"data": {"records": []}}, "EMPTY_DATA", ["input", "data", "records"]),
        ({"data": {"records": [1]}}, "INVALID_RECORDS", ["input", "data", "records", "0"]),
        (
            {"data": {"text": {"format": "CSV", "content": " "}}},
            "EMPTY_DATA",
            ["input", "data", "text", "content"],
        ),
        (
            {"data": {"text": {"format": "PARQUET", "content": "a"}}},
            "UNSUPPORTED_FORMAT",
            ["input", "data", "text", "format"],
        ),
        ({"dataset": "../../etc"}, "INVALID_NAME", ["input", "dataset"]),
        ({"dataset": None}, "DATASET_REQUIRED", ["input", "dataset"]),
        ({"mode": "UPSERT"}, "KEYS_REQUIRED", ["input", "keys"]),
        ({"keys": ["id"]}, "KEYS_NOT_ALLOWED", ["input", "keys"]),
        ({"waitSeconds": 31}, "INVALID_ARGUMENT", ["input", "waitSeconds"]),
        ({"waitSeconds": -1}, "INVALID_ARGUMENT", ["input", "waitSeconds"]),
    ],
)
async def test_a_bad_ingest_is_refused_with_its_place(
    client: Client, changes: dict[str, object], code: str, path: list[str]
) -> None:
    count = "{ jobs { totalCount } }"
    before = await client.data(count)
    wanted = {"data": {"records": [{"id": 1}]}, "dataset": "never", **changes}
    payload = (await client.data(INGEST_ONLY, input=wanted))["ingest"]
    assert payload["job"] is None
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [(code, path)]
    assert await client.data(count) == before


@pytest.mark.parametrize("data", ['{file: "x", records: []}', "{}", "{file: null}"])
async def test_data_is_exactly_one_kind(client: Client, data: str) -> None:
    query = f'mutation {{ ingest(input: {{data: {data}, dataset: "never"}}) {{ job {{ id }} }} }}'
    assert (await client.ask(query))["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ files(first: 0) { totalCount } }", "INVALID_ARGUMENT"),
        ("{ jobs(first: 201) { totalCount } }", "INVALID_ARGUMENT"),
        ('{ jobs(after: "???") { totalCount } }', "INVALID_CURSOR"),
        ('{ datasets(after: "am9i") { totalCount } }', "INVALID_CURSOR"),
        ('{ errors(filter: {job: "x"}) { totalCount } }', "INVALID_ID"),
        (f'{{ file(id: "{UNKNOWN_JOB}") {{ id }} }}', "INVALID_ID"),
        ('{ job(id: "") { id } }', "INVALID_ID"),
        ('{ dataset(name: "plain") { rows(first: 10001) { records } } }', "INVALID_ARGUMENT"),
        ('{ dataset(name: "plain") { rows(after: "x") { records } } }', "INVALID_CURSOR"),
        ('{ dataset(name: "plain") { rows(columns: ["no"]) { records } } }', "UNKNOWN_COLUMN"),
        ('{ dataset(name: "plain") { rows(filter: {column: "no", eq: 1}) { records } } }', "UNKNOWN_COLUMN"),
        ('{ dataset(name: "plain") { rows(filter: {eq: 1}) { records } } }', "INVALID_FILTER"),
    ],
)
async def test_a_bad_question_gets_a_code(client: Client, query: str, code: str) -> None:
    await client.ingest({"records": [{"id": 1}]}, "plain")
    assert await client.refusal(query) == code


@pytest.mark.parametrize(
    "field", [f'job(id: "{UNKNOWN_JOB}")', f'file(id: "{UNKNOWN_FILE}")', 'node(id: "x")']
)
async def test_what_is_not_there_is_null(client: Client, field: str) -> None:
    assert list((await client.data(f"{{ {field} {{ id }} }}")).values()) == [None]


async def test_a_viewer_reads_but_moves_no_data(shared_headgate: Headgate, make_client: MakeClient) -> None:
    viewer = await make_client(shared_headgate, "VIEWER")
    assert (await viewer.data("{ viewer { role user { role } } }"))["viewer"]["role"] == "VIEWER"
    assert await viewer.refusal(INGEST_ONLY, input={}) == "FORBIDDEN"
