"""Data is held against rules over a real server: what is wrong is told, and nothing is kept."""

from typing import Any

import pytest

from tests.acceptance.processes import Client, Headgate, MakeClient
from tests.acceptance.validations import AGES, CSV, RETRY, WATCH, validated

BATCH = """
mutation ($input: IngestBatchInput!) {
  ingestBatch(input: $input) { job { id } results { job { id } errors { code path } } errors { code path } }
}
"""
ERRORS = "query ($id: ID!) { job(id: $id) { errors(first: 200) { edges { node { id row } } } } }"
PEOPLE = [
    {"name": "Ada", "age": 36},
    {"name": None, "age": 40},
    {"name": "Eve", "age": 400},
    {"name": "Bob", "age": "old"},
]
DATASETS = "{ datasets(first: 1) { totalCount } }"


def text(content: str = CSV) -> dict[str, Any]:
    return {"text": {"format": "CSV", "content": content}}


async def faults(client: Client, data: Any, **options: Any) -> list[tuple[str, list[str]]]:
    """The codes and paths of why a validation was not started."""
    payload = await validated(client, data, **options)
    assert payload["job"] is None
    return [(error["code"], error["path"]) for error in payload["errors"]]


async def test_a_viewer_learns_in_one_call_what_is_wrong_and_nothing_is_kept(
    client: Client, shared_headgate: Headgate, make_client: MakeClient
) -> None:
    before = await client.data(DATASETS)
    viewer = await make_client(shared_headgate, "VIEWER")
    job = (await validated(viewer, text()))["job"]
    assert (job["kind"], job["status"], job["dataset"]) == ("VALIDATE", "PARTIAL", None)
    assert job["counts"] == {"read": 4, "accepted": 2, "rejected": 2}
    result = job["result"]
    assert (result["kind"], result["job"]["id"]) == ("VALIDATION", job["id"])
    assert (result["data"]["passed"], result["data"]["issues"]) == (False, 3)
    assert result["data"]["counts"]["warnings"] == 1
    assert {
        rule["code"]: (rule["check"], rule["count"], rule["rows"]) for rule in result["data"]["rules"]
    } == {
        "RANGE": ("range", 1, 1),
        "TYPE": ("range", 1, 1),
        "REQUIRED": ("required", 1, 1),
    }
    found = [edge["node"] for edge in job["errors"]["edges"]]
    assert [(each["row"], each["line"], each["value"], each["severity"]) for each in found] == [
        (2, 3, None, "WARNING"),
        (3, 4, "400", "ERROR"),
        (4, 5, "old", "ERROR"),
    ]
    assert found[1]["record"] == {"name": "Eve", "age": "400"}
    assert await client.data(DATASETS) == before


async def test_files_records_and_datasets_are_validated_alike(client: Client) -> None:
    file = (await client.upload(CSV.encode()))["file"]["id"]
    await client.ingest(text(), "to_validate")
    await client.ingest({"records": [{"name": "Max", "age": "90"}]}, "to_validate", mode="REPLACE")
    sources = [{"file": file}, {"records": PEOPLE}, {"dataset": {"name": "to_validate", "version": 0}}]
    for source in sources:
        job = (await validated(client, source))["job"]
        found = [(edge["node"]["row"], edge["node"]["value"]) for edge in job["errors"]["edges"]]
        assert found == [(2, None), (3, "400"), (4, "old")], source
    newest = (await validated(client, {"dataset": {"name": "to_validate"}}))["job"]
    assert (newest["status"], newest["result"]["data"]["passed"]) == ("SUCCEEDED", True)


async def test_the_rows_of_a_filter_alone_are_validated(client: Client) -> None:
    await client.ingest(text(), "to_filter")
    for wanted, rows in [
        ({"column": "name", "eq": "Eve"}, 1),
        ({"or": [{"column": "name", "isNull": True}, {"column": "age", "in": ["36"]}]}, 2),
        ({"column": "name", "eq": "Nobody"}, 0),
    ]:
        job = (await validated(client, {"dataset": {"name": "to_filter", "filter": wanted}}))["job"]
        assert job["counts"]["read"] == rows
    job = (await validated(client, {"dataset": {"name": "to_filter", "filter": {"column": "z", "eq": 1}}}))[
        "job"
    ]
    assert job["failure"] == {"code": "UNKNOWN_COLUMN", "category": "CONFIG"}


async def test_a_contract_is_held_against_the_data(client: Client) -> None:
    columns = [
        {"name": "age", "type": "INTEGER", "aliases": ["Alter"]},
        {"name": "name", "type": "STRING", "nullable": False},
    ]
    given = {"columns": columns, "unknownColumns": "DISCARD_ROW"}
    content = "Alter,name,x\n36,Ada,\n40,,\nold,Bob,\n50,Eve,1\n"
    job = (await validated(client, text(content), contract=given, checks=None))["job"]
    found = [edge["node"] for edge in job["errors"]["edges"]]
    assert [(each["row"], each["column"], each["code"], each["check"]) for each in found] == [
        (2, "name", "REQUIRED", "contract"),
        (3, "age", "TYPE", "contract"),
        (4, "x", "UNKNOWN_COLUMN", "contract"),
    ]
    assert found[1]["record"] == {"age": "old", "name": "Bob", "x": None}


@pytest.mark.parametrize(
    ("spec", "path", "message"),
    [
        (
            {"checks": [{"range": {"columns": ["a"], "min": "soon"}}]},
            ["checks", "0", "range", "min"],
            "no date such as",
        ),
        (
            {"checks": [AGES[0], {"oneOf": {"columns": [], "values": [1]}}]},
            ["checks", "1", "oneOf", "columns"],
            "at least 1",
        ),
        (
            {"contract": {"columns": [{"name": "a", "type": "DATE", "format": "%H"}]}},
            ["contract", "columns", "0"],
            "'%H' is no",
        ),
        ({"contract": {"columns": []}}, ["contract", "columns"], "at least 1"),
    ],
)
async def test_rules_that_make_no_sense_are_refused_wherever_they_are_given(
    client: Client, spec: Any, path: list[str], message: str
) -> None:
    payload = await validated(client, text(), **spec)
    assert [(error["code"], error["path"]) for error in payload["errors"]] == [
        ("INVALID_SPEC", ["input", *path])
    ]
    assert message in payload["errors"][0]["message"]

    [error] = (await client.ingest(text(), "never", spec=spec))["errors"]
    assert (error["code"], error["path"]) == ("INVALID_SPEC", ["input", "spec", *path])

    items = [{"data": text(), "dataset": "never", "spec": spec}]
    batch = (await client.data(BATCH, input={"items": items}))["ingestBatch"]
    [fault] = batch["results"][0]["errors"]
    assert (fault["code"], fault["path"][-len(path) - 1 :]) == ("INVALID_SPEC", ["spec", *path])

    job = (await validated(client, text()))["job"]
    again = (await client.data(RETRY, input={"jobId": job["id"], "spec": spec}))["retry"]
    assert [error["path"] for error in again["errors"]] == [["input", "spec", *path]]


async def test_what_an_acceptance_can_not_be_is_refused(client: Client) -> None:
    for field, value in [("maxRejectedPercent", 101), ("maxRejectedRows", -1)]:
        acceptance = {field: value}
        [error] = (await client.ingest(text(), "never", spec={"acceptance": acceptance}))["errors"]
        assert (error["code"], error["path"]) == ("INVALID_SPEC", ["input", "spec", "acceptance", field])


@pytest.mark.parametrize(
    ("data", "options", "code", "path"),
    [
        ({"dataset": {"name": "nowhere"}}, {}, "NOT_FOUND", ["data", "dataset", "name"]),
        (
            text(),
            {"checks": [{"reference": {"columns": ["age"], "dataset": "nowhere"}}]},
            "NOT_FOUND",
            ["checks", "0", "reference", "dataset"],
        ),
        ({"url": ""}, {}, "INVALID_URL", ["data", "url"]),
        ({"url": "file:///etc/passwd"}, {}, "INVALID_URL", ["data", "url"]),
        ({"file": "file_01h455vb4pex5vsknk084sn02q"}, {}, "NOT_FOUND", ["data", "file"]),
        ({"records": []}, {}, "EMPTY_DATA", ["data", "records"]),
        (text(" "), {}, "EMPTY_DATA", ["data", "text", "content"]),
        (text(), {"waitSeconds": 31}, "INVALID_ARGUMENT", ["waitSeconds"]),
    ],
)  # fmt: skip
async def test_a_validation_of_what_is_not_there_is_refused_with_its_place(
    client: Client, data: Any, options: Any, code: str, path: list[str]
) -> None:
    assert await faults(client, data, **options) == [(code, ["input", *path])]


async def test_a_column_that_is_not_there_is_an_issue_and_no_failure(client: Client) -> None:
    job = (await validated(client, text(), checks=[{"required": {"columns": ["z"]}}]))["job"]
    assert (job["status"], job["result"]["data"]["passed"]) == ("SUCCEEDED", False)
    [edge] = job["errors"]["edges"]
    assert (edge["node"]["row"], edge["node"]["column"], edge["node"]["code"]) == (
        None,
        "z",
        "MISSING_COLUMN",
    )


async def test_a_validation_sent_again_with_its_key_answers_the_first(client: Client) -> None:
    first, again = [await validated(client, text(), idempotencyKey="validations/once") for _ in range(2)]
    assert (again["job"], again["replayed"]) == (first["job"], True)
    other = await faults(client, text(), checks=None, idempotencyKey="validations/once")
    assert [code for code, _ in other] == ["IDEMPOTENCY_MISMATCH"]


async def test_the_first_errors_of_each_kind_are_told_before_the_end_as_the_ledger_has_them(
    client: Client,
) -> None:
    content = "name,age\n" + "Eve,400\n" * 9 + "Bob,old\n" * 9 + "a,1,2\n"
    job = (await validated(client, text(content), waitSeconds=0))["job"]["id"]
    async with client.subscribe(WATCH, job=job) as results:
        events = [result["data"]["jobProgress"] async for result in results]
    ledger = (await client.data(ERRORS, id=job))["job"]["errors"]["edges"]
    *live, summary = [event["errors"] for event in events if event["type"] == "ERRORS"]
    told = [error for errors in live for error in errors]
    kinds = [error["code"] for error in told]
    assert {kind: kinds.count(kind) for kind in kinds} == {"RANGE": 3, "TYPE": 3, "STRUCTURE": 1}
    assert len(ledger) == 19
    assert {error["id"] for error in [*told, *summary]} <= {edge["node"]["id"] for edge in ledger}
    assert events[-1]["status"] == "PARTIAL"
