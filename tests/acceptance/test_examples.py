"""Each example of the catalog that needs something runs as it stands, where that is there under its name."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from copy import deepcopy
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.acceptance.endpoints import make_endpoint
from tests.acceptance.processes import Client, Headgate, MakeClient
from tests.buckets import KEY, SECRET, Store, new_bucket, s3_server
from tests.druid import Overlord, serving_druid
from tests.pipelines.databases import OutsideDatabase, made_in
from tests.restapi import Asked, Reply, RestApi, days, serving_api

CATALOG = """{
  catalog { sources { ...E } steps { ...E } checks { ...E } sinks { ...E } templates { ...E } }
}
fragment E on CatalogEntry { name needs example }
"""
INGEST = """
mutation ($input: IngestInput!) {
  ingest(input: $input) {
    job { id status counts { read accepted rejected } failure { code message } dataset { rows { records } } }
    errors { code path message }
  }
}
"""
ORDERS = [{"id": 1, "customer": "Ann Lee", "amount": 120.5}, {"id": 2, "customer": "Bob", "amount": 70.0}]
CSV = b"id;name\n1;Ann Lee\n2;Bob\n"
OFFERS = '<li class=offer><h2>Tea</h2><b class=price>3</b><a href="/o/1">more</a></li>'
MORE = '<a rel=next href="/offers?page=2">next</a>'
EXPECTED: dict[str, Any] = {
    "sources.dataset": [ORDERS[0]],
    "sources.file": [{"id": 1, "name": "Ann Lee"}, {"id": 2, "name": "Bob"}],
    "sources.http": days(7),
    "sources.object": [{"id": 1, "name": "Ann Lee"}, {"id": 2, "name": "Bob"}],
    "sources.scrape": 2,
    "sources.sql": [{"id": 2, "customer": "Bob", "amount": 7.5, "updated_at": "2026-02-01"}],
    "sources.url": [{"id": 1, "name": "Ann Lee"}, {"id": 2, "name": "Bob"}],
    "steps.join": [
        {"campaign_id": "7", "clicks": 50, "segment": "new"},
        {"campaign_id": "9", "clicks": 12, "segment": None},
    ],
    "steps.lookup": [
        {"customer_id": "7", "total": 12.5, "customer_path": "/customers/7"},
        {"customer_id": "9", "total": 3.0, "customer_path": None},
        {"customer_id": "7", "total": 7.5, "customer_path": "/customers/7"},
    ],
    "checks.reference": [{"campaign_id": "c-1"}],
    "sinks.druid": 2,
    "sinks.http": 1,
    "sinks.object": 2,
    "sinks.table": 2,
}
"""The rows that came into the dataset of each example; of those without one, how many were accepted."""


@pytest.fixture
def site() -> Iterator[RestApi]:
    """A web service that is everybody's: it has pages of records, offers, customers and contacts."""
    with serving_api(days(7)) as site:
        site.routes |= {
            "/insights": site.routes["/cursor"],
            "/offers": lambda asked: Reply(content=(OFFERS + ("" if asked.query else MORE)).encode()),
            "/orders.csv": lambda asked: Reply(content=CSV),
            "/customers/7": lambda asked: Reply(said={"path": asked.path}),
            "/contacts/batch": _take_contacts,
        }
        yield site


def _take_contacts(asked: Asked) -> Reply:
    refused = {"ok": False, "error": "Bob has left."}
    taken = [contact["name"] != "Bob" for contact in asked.json["contacts"]]
    return Reply(said={"results": [{"ok": True} if ok else refused for ok in taken]})


@pytest.fixture
def warehouse(postgresql_over_tcp: str, tmp_path: Path) -> OutsideDatabase:
    """A database with orders, one of which is new."""
    database = made_in(postgresql_over_tcp, tmp_path)
    database.sql("CREATE TABLE orders (id integer, customer text, amount float8, updated_at date)")
    database.sql("INSERT INTO orders VALUES (1, 'Ann Lee', 5, '2025-12-31'), (2, 'Bob', 7.5, '2026-02-01')")
    return database


@pytest.fixture
def store() -> Iterator[Store]:
    """A bucket with exports."""
    with s3_server() as url, new_bucket(url) as store:
        store.put("exports/2026/a.csv", CSV)
        yield store


@pytest.fixture
def druid() -> Iterator[Overlord]:
    with serving_druid() as overlord:
        yield overlord


@pytest.fixture
async def client(
    tmp_path: Path,
    make_client: MakeClient,
    site: RestApi,
    warehouse: OutsideDatabase,
    store: Store,
    druid: Overlord,
) -> AsyncIterator[Client]:
    """A client of a server that knows all these under the names that examples have for them."""
    settings = {"HEADGATE_ALLOWED_NETWORKS": "127.0.0.0/8", "HEADGATE_WORKERS": "1"}
    headgate = Headgate(tmp_path / "home", settings).start()
    client = await make_client(headgate)
    for name in ("api", "crm", "shop"):
        await make_endpoint(client, name, "HTTP", {"url": site.url})
    await make_endpoint(client, "warehouse", "SQL", {}, {"url": warehouse.url})
    secrets = {"accessKeyId": KEY, "secretAccessKey": SECRET}
    await make_endpoint(client, "store", "S3", {"bucket": store.bucket, "endpointUrl": store.url}, secrets)
    await make_endpoint(client, "druid", "DRUID", {"url": druid.url})
    await client.ingest({"records": ORDERS}, "orders")
    await client.ingest({"records": [{"id": "7", "segment": "new"}]}, "audiences")
    await client.ingest({"records": [{"id": "c-1"}]}, "campaigns")
    yield client
    headgate.stop()


async def _needing(client: Client) -> dict[str, Any]:
    catalog = (await client.data(CATALOG))["catalog"]
    return {
        f"{noun}.{entry['name']}": entry["example"]
        for noun, entries in catalog.items()
        for entry in entries
        if entry["needs"] is not None
    }


async def _run(client: Client, example: Any, **options: Any) -> Any:
    payload = (await client.data(INGEST, input={"spec": example, "waitSeconds": 30, **options}))["ingest"]
    assert payload["errors"] == [], example
    assert payload["job"]["failure"] is None, example
    return payload["job"]


async def test_each_example_runs_as_it_stands_where_what_it_needs_is_there(
    client: Client, site: RestApi, warehouse: OutsideDatabase, store: Store, druid: Overlord
) -> None:
    examples = await _needing(client)
    assert examples.keys() == EXPECTED.keys()
    given = {"sources.file": {"data": {"file": (await client.upload(CSV, "orders.csv"))["file"]["id"]}}}
    # No server of a test has a public name: of this one example the host is another one.
    url = deepcopy(examples["sources.url"])
    assert url["source"]["url"]["url"] == "https://example.org/orders.csv"
    url["source"]["url"]["url"] = f"{site.url}/orders.csv"
    jobs = {
        name: await _run(client, example, **given.get(name, {}))
        for name, example in (examples | {"sources.url": url}).items()
    }
    assert {
        name: job["dataset"]["rows"]["records"]
        if isinstance(EXPECTED[name], list)
        else job["counts"]["accepted"]
        for name, job in jobs.items()
    } == EXPECTED
    assert jobs["sinks.http"]["counts"] == {"read": 2, "accepted": 1, "rejected": 1}
    assert [row["link"] for row in jobs["sources.scrape"]["dataset"]["rows"]["records"]] == [
        f"{site.url}/o/1"
    ] * 2

    rows = await asyncio.to_thread(warehouse.rows, "campaigns", "campaign_id", "spend")
    assert rows == [("c1", 12.5), ("c2", 3.0)]
    written = store.get(f"exports/{jobs['sinks.object']['id']}/orders.parquet")
    assert pl.read_parquet(BytesIO(written))["amount"].to_list() == [12.5, 7.0]
    assert [row["spend"] for row in druid.tables["campaigns"]] == [12.5, 8.0]
