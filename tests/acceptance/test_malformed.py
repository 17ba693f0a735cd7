"""What people have comes as it is: packed, cut off, in dialects of its own."""

import gzip
from typing import Any

import pytest

from tests.acceptance.processes import Client

DIALECT = """
query ($id: ID!) {
  file(id: $id) {
    dialect { encoding delimiter quote escape newline hasHeader skipRows confidence }
    preview(first: 2) { records }
  }
}
"""
DESCRIBE = """
mutation ($id: ID!, $input: DescribeFileInput!) {
  describeFile(id: $id, input: $input) { file { columns { name } } errors { code path } }
}
"""
ROWS = "query ($name: String!) { dataset(name: $name) { rows(first: 10) { records } } }"
ERRORS = "query ($job: ID!) { errors(filter: {job: $job}) { edges { node { row line code message } } } }"
INGEST = "mutation ($input: IngestInput!) { ingest(input: $input) { job { id } errors { code path } } }"
PEOPLE = "id,name\n" + "".join(f"{number},name {number * 7919 % 104_729}\n" for number in range(1, 20_001))


async def test_a_gzip_file_is_ingested_and_one_that_is_cut_off_says_so(client: Client) -> None:
    packed = gzip.compress(PEOPLE.encode(), mtime=0)
    whole = (await client.upload(packed, "people.csv.gz"))["file"]
    assert (whole["format"], whole["byteSize"]) == ("CSV", len(packed))
    job = (await client.ingest({"file": whole["id"]}, "packed"))["job"]
    assert (job["status"], job["counts"]["accepted"]) == ("SUCCEEDED", 20_000)

    cut = (await client.upload(packed[: len(packed) // 2], "people.csv.gz"))["file"]
    job = (await client.ingest({"file": cut["id"]}, "cut_off"))["job"]
    accepted = job["counts"]["accepted"]
    assert (job["status"], job["counts"]["read"], job["counts"]["rejected"]) == ("PARTIAL", accepted + 1, 1)
    error = (await client.data(ERRORS, job=job["id"]))["errors"]["edges"][0]["node"]
    assert (error["row"], error["line"], error["code"]) == (accepted + 1, accepted + 2, "STRUCTURE")
    assert "Send it again" in error["message"]


async def test_an_unusual_dialect_is_found_and_shown(client: Client) -> None:
    content = "Sales of May\nid; name\n1; 'Smith; \\'Ann\\''\n2; 'Bob'\n3; 'Cy'\n".replace("; ", ";")
    file = (await client.upload(content.encode("utf-16"), "sales.csv"))["file"]
    shown = (await client.data(DIALECT, id=file["id"]))["file"]
    assert shown["dialect"].pop("confidence") > 0
    assert shown["dialect"] == {
        "encoding": "utf-16-le",
        "delimiter": ";",
        "quote": "'",
        "escape": "\\",
        "newline": "\n",
        "hasHeader": True,
        "skipRows": 1,
    }
    assert shown["preview"]["records"] == [{"id": 1, "name": "Smith;'Ann'"}, {"id": 2, "name": "Bob"}]


async def test_a_dialect_that_is_given_counts_for_files_and_texts(client: Client) -> None:
    content = "no;table\n1,5;a|b\n2,5;c|d\n"
    known = {"delimiter": "|", "skipRows": 1, "hasHeader": False}
    file = (await client.upload(content.encode(), "odd.csv", dialect=known))["file"]
    shown = (await client.data(DIALECT, id=file["id"]))["file"]
    assert (shown["dialect"]["delimiter"], shown["dialect"]["skipRows"], shown["dialect"]["hasHeader"]) == (
        "|",
        1,
        False,
    )
    records = [{"column_1": "1,5;a", "column_2": "b"}, {"column_1": "2,5;c", "column_2": "d"}]
    assert shown["preview"]["records"] == records
    await client.ingest({"file": file["id"]}, "odd_file")
    await client.ingest({"text": {"format": "CSV", "content": content, "dialect": known}}, "odd_text")
    for name in ("odd_file", "odd_text"):
        assert (await client.data(ROWS, name=name))["dataset"]["rows"]["records"] == records


async def test_a_file_is_read_anew_with_another_dialect_and_stays_where_that_is_no_way_to_read_it(
    client: Client,
) -> None:
    file = (await client.upload(b"a,b|c\n1,2|3\n", "odd.csv"))["file"]
    assert len(file["columns"]) == 2
    again = (await client.data(DESCRIBE, id=file["id"], input={"dialect": {"delimiter": "|"}}))[
        "describeFile"
    ]
    assert [column["name"] for column in again["file"]["columns"]] == ["a,b", "c"]
    for wrong, fault in [
        ({"dialect": {"delimiter": "abc"}}, ("INVALID_DIALECT", ["input", "dialect", "delimiter"])),
        ({"format": "PARQUET"}, ("FORMAT_MISMATCH", ["id"])),
    ]:
        refused = (await client.data(DESCRIBE, id=file["id"], input=wrong))["describeFile"]
        assert [(each["code"], each["path"]) for each in refused["errors"]] == [fault]
    await client.ingest({"file": file["id"]}, "read_anew")
    rows = (await client.data(ROWS, name="read_anew"))["dataset"]["rows"]["records"]
    assert rows == [{"a,b": "1,2", "c": 3}]


@pytest.mark.parametrize(
    ("dialect", "field"),
    [
        ({"delimiter": "xyz"}, "delimiter"),
        ({"encoding": "nonsense"}, "encoding"),
        ({"skipRows": -1}, "skipRows"),
    ],
)
async def test_a_dialect_that_makes_no_sense_is_refused_with_its_place(
    client: Client, dialect: dict[str, Any], field: str
) -> None:
    refused = await client.upload(b"a,b\n1,2\n", dialect=dialect)
    assert refused["file"] is None
    assert [(e["code"], e["path"]) for e in refused["errors"]] == [
        ("INVALID_DIALECT", ["input", "dialect", field])
    ]
    wanted = {
        "data": {"text": {"format": "CSV", "content": "a\n1\n", "dialect": dialect}},
        "dataset": "never",
    }
    payload = (await client.data(INGEST, input=wanted))["ingest"]
    path = ["input", "data", "text", "dialect", field]
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [("INVALID_DIALECT", path)]


async def test_only_delimited_text_has_a_dialect(client: Client) -> None:
    refused = await client.upload(b'{"a": 1}\n', "a.ndjson", dialect={"delimiter": ";"})
    assert [error["code"] for error in refused["errors"]] == ["INVALID_DIALECT"]
    text = {"format": "NDJSON", "content": '{"a": 1}', "dialect": {"delimiter": ";"}}
    payload = (await client.data(INGEST, input={"data": {"text": text}, "dataset": "never"}))["ingest"]
    assert [error["path"] for error in payload["errors"]] == [["input", "data", "text", "dialect"]]
