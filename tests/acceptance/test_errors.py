"""What is wrong with a file is listed, counted and downloaded, over a real server."""

import csv
import io
from typing import Any

import httpx
import pytest

from tests.acceptance.processes import Client

FIRST = {"text": {"format": "CSV", "content": "name,age\nAda,36\n"}}
BAD = {"text": {"format": "CSV", "content": "name,age\nAda,37\n=cmd(),old\nBob,\nEve,young\nMax,1,2\n"}}
REPORT = """
query ($id: ID!) {
  job(id: $id) {
    errors { totalCount edges { node { row line column value code } } }
    errorSummary { code column count rows samples { row value job { id } } }
    errorsDownloadUrl
    rows: errorsDownloadUrl(content: ROWS)
    ofOneCode: errorsDownloadUrl(filter: {code: ["TYPE"]})
  }
  errorSummary(filter: {job: $id}, groupBy: [SEVERITY]) { severity count }
}
"""


@pytest.fixture
async def report(client: Client) -> Any:
    """What the server says of a job with three bad rows."""
    await client.ingest(FIRST, "ages")
    job = (await client.ingest(BAD, "ages"))["job"]
    assert (job["status"], job["counts"]["rejected"]) == ("PARTIAL", 3)
    return await client.data(REPORT, id=job["id"])


async def download(client: Client, link: str) -> list[list[str]]:
    """Follow a link as a browser does, which sends no token."""
    async with httpx.AsyncClient(base_url=client.url, trust_env=False) as http:
        response = await http.get(link)
    assert response.status_code == 200, response.text
    return list(csv.reader(io.StringIO(response.text)))


async def test_errors_are_listed_and_counted(report: Any) -> None:
    job = report["job"]
    found = [
        (edge["node"]["row"], edge["node"]["code"], edge["node"]["value"]) for edge in job["errors"]["edges"]
    ]
    assert found[:2] == [(2, "TYPE", "old"), (4, "TYPE", "young")]
    assert job["errors"]["totalCount"] == len(found) == 3
    [types, structure] = job["errorSummary"]
    assert (types["code"], types["column"], types["count"], types["rows"]) == ("TYPE", "age", 2, 2)
    assert [sample["value"] for sample in types["samples"]] == ["old", "young"]
    assert (structure["code"], structure["count"]) == ("STRUCTURE", 1)
    assert report["errorSummary"] == [{"severity": "ERROR", "count": 3}]


async def test_errors_and_rejected_rows_are_downloaded(client: Client, report: Any) -> None:
    job = report["job"]
    header, *errors = await download(client, job["errorsDownloadUrl"])
    assert header[:4] == ["row", "line", "column", "value"]
    assert [line[0] for line in errors] == ["2", "4", "5"]
    header, *rows = await download(client, job["rows"])
    assert header == ["headgate_row", "name", "age", "headgate_extra", "headgate_errors"]
    assert [line[:4] for line in rows] == [
        ["2", "'=cmd()", "old", ""],
        ["4", "Eve", "young", ""],
        ["5", "Max", "1", '["2"]'],
    ]
    assert [line[0] for line in await download(client, job["ofOneCode"])] == ["row", "2", "4"]


async def test_a_link_is_for_one_path_and_unchanged(client: Client, report: Any) -> None:
    link = report["job"]["errorsDownloadUrl"]
    path, _, query = link.partition("?")
    async with httpx.AsyncClient(base_url=client.url, trust_env=False) as http:
        for wrong in (
            path,
            f"{path}?token={client.token}",
            link + "x",
            f"/downloads/errors/job_1.csv?{query}",
        ):
            response = await http.get(wrong)
            assert response.status_code == 401
            assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
        head = await http.head(link)
    assert (head.status_code, head.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert head.headers["content-disposition"].startswith("attachment;")
