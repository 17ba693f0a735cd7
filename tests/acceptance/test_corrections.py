"""Rejected rows are corrected over a real server: by their cells, or as a table that was downloaded and edited."""

import asyncio
import csv
import io
from typing import Any

import httpx
import pytest

from tests.acceptance.processes import Client, Headgate, MakeClient

JOB_FIELDS = """
  id kind status counts { read accepted rejected filtered merged } failure { code }
  retryOf { id } errors { totalCount edges { node { row column code value } } } errorSummary { code count }
  errorsDownloadUrl rows: errorsDownloadUrl(content: ROWS)
"""
CORRECT = f"""
mutation ($input: CorrectErrorsInput!) {{
  correctErrors(input: $input) {{ job {{ {JOB_FIELDS} }} replayed errors {{ code path }} }}
}}
"""
JOB = f"query ($id: ID!) {{ job(id: $id) {{ {JOB_FIELDS} }} }}"
ROWS = "query ($name: String!) { dataset(name: $name) { rows(first: 100) { records } } }"
FEED = "subscription { jobs { type status job { id } } }"
CHECKS = {"checks": [{"range": {"columns": ["age"], "min": 0, "max": 150}}]}
PEOPLE = "name,age\nAda,36\nBob,old\nEve,200\n"


async def _correct(client: Client, job: Any, *given: tuple[int, Any], **options: Any) -> Any:
    values = {"corrections": [{"row": row, "values": each} for row, each in given]} if given else {}
    wanted = {"jobId": job["id"], "waitSeconds": 30, **values, **options}
    return (await client.data(CORRECT, input=wanted))["correctErrors"]


async def _job(client: Client, job: Any) -> Any:
    return (await client.data(JOB, id=job["id"]))["job"]


async def _people(client: Client, dataset: str, text: str = PEOPLE, **options: Any) -> Any:
    data = {"text": {"format": "CSV", "content": text}}
    return (await client.ingest(data, dataset, spec=CHECKS, **options))["job"]


async def _records(client: Client, dataset: str) -> list[tuple[Any, ...]]:
    found = (await client.data(ROWS, name=dataset))["dataset"]["rows"]["records"]
    return [tuple(record.values()) for record in found]


async def _download(client: Client, link: str) -> list[list[str]]:
    async with httpx.AsyncClient(base_url=client.url, trust_env=False) as http:
        response = await http.get(link)
    assert response.status_code == 200, response.text
    return list(csv.reader(io.StringIO(response.text)))


def _table(lines: list[list[str]]) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerows(lines)
    return written.getvalue().encode()


async def test_corrected_cells_are_checked_and_their_job_succeeds_with_the_last(client: Client) -> None:
    job = await _people(client, "corrected")
    async with client.subscribe(FEED) as feed:
        first = (await _correct(client, job, (2, {"age": 20}), (3, {"age": 300})))["job"]
        last = (
            await _correct(
                client,
                first,
                (3, {"age": "30"}),
            )
        )["job"]
        assert await _next_status(feed, job) == "SUCCEEDED"
    assert (first["kind"], first["status"], first["retryOf"]) == ("CORRECTION", "PARTIAL", {"id": job["id"]})
    assert [edge["node"] for edge in first["errors"]["edges"]] == [
        {"row": 3, "column": "age", "code": "RANGE", "value": "300"}
    ]
    for each, read in ((job, 3), (first, 2), (last, 1)):
        now = await _job(client, each)
        counts = {"read": read, "accepted": read, "rejected": 0, "filtered": 0, "merged": 0}
        assert (now["status"], now["counts"]) == ("SUCCEEDED", counts)
        assert (now["errors"]["totalCount"], now["errorSummary"]) == (0, [])
        assert len(await _download(client, now["rows"])) == 1
    assert await _records(client, "corrected") == [("Ada", 36), ("Bob", 20), ("Eve", 30)]


async def test_a_table_of_rejected_rows_is_edited_and_sent_back(client: Client) -> None:
    text = 'name,age\nAda,36\n=1+1,x\n"+Bob, ""b""\nC.",200\nMax,1,2\nEve,y\n-5,z\n'
    uploaded = await client.upload(text.encode())
    job = (await client.ingest({"file": uploaded["file"]["id"]}, "sent_back", spec=CHECKS))["job"]
    assert job["counts"]["rejected"] == 5
    header, *lines = await _download(client, (await _job(client, job))["rows"])
    assert header == ["headgate_row", "name", "age", "headgate_extra", "headgate_errors"]
    rows = {line[0]: line for line in lines}
    for row, age in (("2", "20"), ("3", "21"), ("6", "22")):
        rows[row][2] = age
    edited = [header, rows["6"], rows["4"], rows["2"], rows["3"]]
    # As a spreadsheet may: the columns in another order.
    table = await client.upload(_table([[line[at] for at in (4, 2, 0, 3, 1)] for line in edited]))
    assert table["file"]["status"] == "READY"
    later = (await _correct(client, job, file=table["file"]["id"]))["job"]
    assert (later["status"], later["counts"]["accepted"], later["counts"]["rejected"]) == ("PARTIAL", 3, 1)
    [error] = [edge["node"] for edge in later["errors"]["edges"]]
    assert error == {"row": 4, "column": "headgate_extra", "code": "STRUCTURE", "value": '["2"]'}
    assert await _records(client, "sent_back") == [
        ("Ada", 36),
        ("-5", 22),
        ("=1+1", 20),
        ('+Bob, "b"\nC.', 21),
    ]
    now = await _job(client, job)
    assert (now["status"], now["counts"]["rejected"]) == ("PARTIAL", 2)
    assert [line[0] for line in await _download(client, now["rows"])][1:] == ["4", "5"]
    assert {line[0] for line in (await _download(client, now["errorsDownloadUrl"]))[1:]} == {"4", "5"}
    again = (await _correct(client, job, file=table["file"]["id"]))["job"]
    assert (again["status"], again["failure"]) == ("FAILED", {"code": "ALL_ROWS_REJECTED"})
    assert (await _job(client, job))["counts"] == now["counts"]


@pytest.mark.parametrize(
    ("table", "code"),
    [
        (b"name,age\nBob,20\n", "INVALID_CORRECTIONS"),
        (b"headgate_row,age\n2,20\n3,30,4\n", "INVALID_CORRECTIONS"),
    ],
)
async def test_a_table_that_is_none_of_corrections_fails_its_job_alone(
    client: Client, table: bytes, code: str
) -> None:
    job = await _people(client, "untouched")
    uploaded = await client.upload(table)
    later = (await _correct(client, job, file=uploaded["file"]["id"]))["job"]
    assert (later["status"], later["failure"]) == ("FAILED", {"code": code})
    assert (await _job(client, job))["counts"]["rejected"] == 2


async def test_corrections_are_refused_with_their_place(
    client: Client, shared_headgate: Headgate, make_client: MakeClient
) -> None:
    job = await _people(client, "refused")
    refused = [
        (await _correct(client, job, *given, **options))["errors"]
        for given, options in (
            (((1, {"age": 1}),), {}),
            (((2, [1]),), {}),
            (((2, {"age": 1}), (2, {"age": 1})), {}),
            ((), {}),
            (((2, {"age": 1}),), {"waitSeconds": 31}),
        )
    ]
    assert [(error["code"], error["path"]) for errors in refused for error in errors] == [
        ("ROW_NOT_OPEN", ["input", "corrections", "0", "row"]),
        ("INVALID_CORRECTIONS", ["input", "corrections", "0", "values"]),
        ("INVALID_CORRECTIONS", ["input", "corrections", "1", "row"]),
        ("INVALID_DATA", ["input", "corrections"]),
        ("INVALID_ARGUMENT", ["input", "waitSeconds"]),
    ]
    viewer = await make_client(shared_headgate, "VIEWER")
    wanted = {"jobId": job["id"], "corrections": [{"row": 2, "values": {"age": 1}}]}
    assert await viewer.refusal(CORRECT, input=wanted) == "FORBIDDEN"


async def test_the_rows_of_a_killed_correction_are_ingested_once(
    client: Client, shared_headgate: Headgate
) -> None:
    count = 5_000
    text = "name,age\nAda,36\n" + "".join(f"name {number},x\n" for number in range(count))
    job = await _people(client, "killed", text)
    assert job["counts"]["rejected"] == count
    header, *lines = await _download(client, (await _job(client, job))["rows"])
    table = await client.upload(_table([header, *([*line[:2], "20", ""] for line in lines)]))
    async with client.subscribe(FEED) as feed:
        later = (await _correct(client, job, file=table["file"]["id"], waitSeconds=0))["job"]
        assert await _next_status(feed, later) == "QUEUED"
        assert await _next_status(feed, later) == "RUNNING"
        for process in shared_headgate.engine:
            process.kill()
        while (status := await _next_status(feed, later)) != "SUCCEEDED":
            assert status in ("RETRYING", "RUNNING")
        assert await _next_status(feed, job) == "SUCCEEDED"
    now = await _job(client, job)
    assert (now["counts"]["accepted"], now["counts"]["rejected"]) == (count + 1, 0)
    dataset = await client.data('{ dataset(name: "killed") { rowCount } }')
    assert dataset["dataset"]["rowCount"] == count + 1


async def _next_status(feed: Any, job: Any) -> str:
    """Wait for the next STATUS event of a job."""
    async with asyncio.timeout(30):
        async for result in feed:
            event = result["data"]["jobs"]
            if event["type"] == "STATUS" and event["job"]["id"] == job["id"]:
                return str(event["status"])
    raise AssertionError("the feed has ended")
