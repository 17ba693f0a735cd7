"""The rows of a dataset come out as one file, over real HTTP, whatever breaks in between."""

import asyncio
import io
import json
import re
from typing import Any
from urllib.parse import urlsplit

import httpx
import polars as pl
import pytest

from tests.acceptance.processes import Client, Headgate, MakeClient, MakeHeadgate
from tests.buckets import Store

pytestmark = pytest.mark.thorough

LINK = """
query ($name: String!, $version: BigInt, $format: FileFormat!, $filter: RowFilter, $columns: [String!]) {
  dataset(name: $name, version: $version) {
    id version downloadUrl(format: $format, filter: $filter, columns: $columns)
  }
}
"""
ROWS = "id,name,amount\n1,=SUM(A1),1.5\n2,,2.25\n3,plain,\n"
MANY = 150_000


async def link_to(client: Client, name: str, format: str = "CSV", **wanted: Any) -> str:
    dataset = (await client.data(LINK, name=name, format=format, **wanted))["dataset"]
    link: str = dataset["downloadUrl"]
    return link


async def download(client: Client, name: str, format: str = "CSV", **wanted: Any) -> httpx.Response:
    response = await client.http.get(await link_to(client, name, format, **wanted))
    assert response.status_code == 200, response.text
    return response


def many_rows() -> str:
    return "id,text\n" + "".join(f"{n},row number {n} of many more\n" for n in range(MANY))


@pytest.fixture
async def sales(client: Client) -> str:
    """A dataset with a few rows."""
    await client.ingest({"text": {"format": "CSV", "content": ROWS}}, "down.sales", mode="REPLACE")
    return "down.sales"


@pytest.fixture
async def many(client: Client) -> str:
    """A dataset with many rows."""
    found = await client.data('{ dataset(name: "down.many") { rowCount } }')
    if found["dataset"] is None:
        file = (await client.upload(many_rows()[:1_900_000].rpartition("\n")[0].encode() + b"\n"))["file"]
        await client.ingest({"file": file["id"]}, "down.many", mode="REPLACE")
    return "down.many"


async def test_every_format_holds_the_rows(client: Client, sales: str) -> None:
    csv = await download(client, sales, "CSV")
    assert csv.text == "id,name,amount\n1,'=SUM(A1),1.5\n2,,2.25\n3,plain,\n"
    assert csv.headers["content-type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(r'attachment; filename="down\.sales-v\d+\.csv"', csv.headers["content-disposition"])
    tsv = await download(client, sales, "TSV")
    assert tsv.text.splitlines()[1] == "1\t'=SUM(A1)\t1.5"
    rows = [
        {"id": 1, "name": "=SUM(A1)", "amount": 1.5},
        {"id": 2, "name": None, "amount": 2.25},
        {"id": 3, "name": "plain", "amount": None},
    ]
    ndjson = await download(client, sales, "NDJSON")
    assert [json.loads(line) for line in ndjson.text.splitlines()] == rows
    assert pl.read_parquet((await download(client, sales, "PARQUET")).content).to_dicts() == rows
    assert pl.read_ipc((await download(client, sales, "ARROW")).content).to_dicts() == rows
    sheet = (await download(client, sales, "EXCEL")).content
    excel = pl.read_excel(io.BytesIO(sheet), engine="openpyxl")
    assert excel.to_dicts() == rows


async def test_filter_and_columns_choose(client: Client, sales: str) -> None:
    wanted: Any = {"filter": {"column": "id", "gte": 2}, "columns": ["amount", "id", "amount"]}
    assert (await download(client, sales, **wanted)).text == "amount,id\n2.25,2\n,3\n"
    nothing: Any = {"filter": {"column": "id", "gt": 3}}
    assert (await download(client, sales, **nothing)).text == "id,name,amount\n"
    assert pl.read_parquet((await download(client, sales, "PARQUET", **nothing)).content).height == 0


@pytest.mark.parametrize(
    ("format", "wanted", "code"),
    [
        ("JSON", {}, "INVALID_ARGUMENT"),
        ("CSV", {"columns": []}, "INVALID_ARGUMENT"),
        ("CSV", {"columns": ["none"]}, "UNKNOWN_COLUMN"),
        ("CSV", {"filter": {"column": "none", "eq": 1}}, "UNKNOWN_COLUMN"),
        ("CSV", {"filter": {"column": "id", "eq": "x"}}, "INVALID_FILTER"),
        ("CSV", {"filter": {"column": "name", "in": ["x" * 100] * 60}}, "INVALID_ARGUMENT"),
    ],
    ids=range(6),
)
async def test_what_cannot_be_made_is_refused_before_there_is_a_link(
    client: Client, sales: str, format: str, wanted: Any, code: str
) -> None:
    assert await client.refusal(LINK, name=sales, format=format, **wanted) == code


async def test_a_version_stays_what_it_was_while_others_come(client: Client) -> None:
    data = {"text": {"format": "CSV", "content": "a\n1\n"}}
    await client.ingest(data, "down.growing", mode="REPLACE")
    before = await client.data(LINK, name="down.growing", format="CSV")
    await client.ingest(data, "down.growing")
    link = before["dataset"]["downloadUrl"]
    assert (await client.http.get(link)).text == "a\n1\n"
    old = await download(client, "down.growing", version=before["dataset"]["version"])
    assert (old.text, (await download(client, "down.growing")).text) == ("a\n1\n", "a\n1\n1\n")


async def test_a_download_that_broke_off_is_resumed_byte_exactly(client: Client, many: str) -> None:
    for format in ("CSV", "PARQUET", "EXCEL"):
        link = await link_to(client, many, format)
        async with client.http.stream("GET", link) as answer:
            head = await anext(answer.aiter_raw(50_000))
            tag = answer.headers["etag"]
            assert answer.headers["accept-ranges"] == "bytes"
        # A new link to the same leads to the same.
        headers = {"range": f"bytes={len(head)}-", "if-range": tag}
        rest = await client.http.get(await link_to(client, many, format), headers=headers)
        whole = await client.http.get(link)
        size = len(whole.content)
        assert rest.status_code == 206
        assert rest.headers["content-range"] == f"bytes {len(head)}-{size - 1}/{size}"
        assert head + rest.content == whole.content
        assert whole.headers["content-length"] == str(size)
        assert whole.headers["etag"] == rest.headers["etag"] == tag


async def test_ranges_are_answered_as_http_has_them(client: Client, many: str) -> None:
    link = await link_to(client, many)
    whole = await client.http.get(link)
    size, content = len(whole.content), whole.content

    async def part(range: str, **headers: str) -> tuple[int, bytes]:
        response = await client.http.get(link, headers={"range": range, **headers})
        return response.status_code, response.content

    assert await part("bytes=0-9") == (206, content[:10])
    assert await part("bytes=-10") == (206, content[-10:])
    assert await part(f"bytes={size - 1}-{size + 100}") == (206, content[-1:])
    assert await part("bytes=5-9", **{"if-range": whole.headers["etag"]}) == (206, content[5:10])
    for other in ("bytes=0-1,3-4", "bytes=9-5", "items=0-1", "bytes=-", "bytes=x-"):
        assert await part(other) == (200, content)
    for condition in ('"other"', "Sun, 22 Nov 2026 00:00:00 GMT", f"W/{whole.headers['etag']}"):
        assert await part("bytes=5-9", **{"if-range": condition}) == (200, content)
    for beyond in (f"bytes={size}-", "bytes=9999999999999999999-", "bytes=-0"):
        refused = await client.http.get(link, headers={"range": beyond})
        assert (refused.status_code, refused.headers["content-range"]) == (416, f"bytes */{size}")
    head = await client.http.head(link)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, str(size), b"")


async def test_those_who_ask_at_once_get_the_same_file(client: Client, many: str) -> None:
    link = await link_to(client, many, "NDJSON", columns=["id"])
    answers = await asyncio.gather(*(client.http.get(link) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({(answer.content, answer.headers["etag"]) for answer in answers}) == 1
    assert answers[0].content.endswith(b"}\n")


async def test_a_result_about_a_version_leads_to_its_rows(client: Client, sales: str) -> None:
    found = await client.data(
        """query ($name: String!) { results(filter: {dataset: $name, kind: [DATASET]}, first: 1) { edges { node {
        downloadUrl parquet: downloadUrl(format: PARQUET) } } } }""",
        name=sales,
    )
    result = found["results"]["edges"][0]["node"]
    assert (await client.http.get(result["downloadUrl"])).text.startswith("id,name,amount\n1,'=SUM")
    assert pl.read_parquet((await client.http.get(result["parquet"])).content).height == 3


async def test_a_viewer_may_download_and_nobody_without_a_link(
    shared_headgate: Headgate, make_client: MakeClient, sales: str
) -> None:
    viewer = await make_client(shared_headgate, "VIEWER")
    link = await link_to(viewer, sales)
    async with httpx.AsyncClient(base_url=viewer.url, trust_env=False) as anybody:
        assert (await anybody.get(link)).status_code == 200
        other = link.replace(".csv", ".parquet")
        for wrong in (urlsplit(link).path, f"{link}x", other):
            assert (await anybody.get(wrong)).status_code == 401


@pytest.mark.parametrize("store", ["folder", "bucket"])
async def test_a_download_outlives_the_server(
    make_headgate: MakeHeadgate, make_client: MakeClient, own_bucket: Store, store: str
) -> None:
    headgate = make_headgate(**(own_bucket.settings() if store == "bucket" else {})).start()
    client = await make_client(headgate)
    file = (await client.upload(many_rows().encode()))["file"]
    await client.ingest({"file": file["id"]}, "many", mode="REPLACE")
    kept = await download(client, "many", "PARQUET")
    async with client.http.stream("GET", await link_to(client, "many", "NDJSON")) as answer:
        tag, parts = answer.headers["etag"], answer.aiter_raw()
        head = await anext(parts)
        headgate.kill()
        with pytest.raises(httpx.RemoteProtocolError):
            async for _ in parts:
                pass
    assert head.startswith(b'{"id":0,')
    again = await make_client(headgate.start())
    headers = {"range": "bytes=1000-", "if-range": kept.headers["etag"]}
    rest = await again.http.get(await link_to(again, "many", "PARQUET"), headers=headers)
    assert (rest.status_code, rest.content) == (206, kept.content[1000:])
    # What was not whole when the server died is made anew, and told apart.
    headers = {"range": f"bytes={len(head)}-", "if-range": tag}
    whole = await again.http.get(await link_to(again, "many", "NDJSON"), headers=headers)
    assert whole.status_code == 200
    assert [json.loads(line)["id"] for line in whole.text.splitlines()] == list(range(MANY))


async def test_what_a_format_cannot_hold_is_said_and_never_half_sent(client: Client) -> None:
    await client.ingest({"records": [{"a": "x" * 40_000}]}, "down.long", mode="REPLACE")
    response = await client.http.get(await link_to(client, "down.long", "EXCEL"))
    [error] = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (422, "CELL_TOO_LONG")
    assert len((await download(client, "down.long")).text) == 40_003


async def test_where_there_is_no_room_a_download_is_refused_for_now(
    make_headgate: MakeHeadgate, make_client: MakeClient
) -> None:
    headgate = make_headgate(download_cache_bytes="1000").start()
    client = await make_client(headgate)
    await client.ingest({"records": [{"n": n} for n in range(1000)]}, "some")
    small = await download(client, "some", filter={"column": "n", "lt": 10})
    assert small.text.count("\n") == 11
    full = await client.http.get(await link_to(client, "some", "EXCEL"))
    [error] = full.json()["errors"]
    assert (full.status_code, error["extensions"]["code"]) == (503, "NO_ROOM")
    assert (error["extensions"]["retryable"], int(full.headers["retry-after"]) > 0) == (True, True)
    deleted = await link_to(client, "some")
    await client.data('mutation { deleteDataset(name: "some") { deletedId errors { code } } }')
    assert (await client.http.get(deleted)).status_code == 404
