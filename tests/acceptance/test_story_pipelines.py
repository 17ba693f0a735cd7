"""The story of a pipeline from a web service to a dataset, a database, a bucket and Druid."""

import asyncio
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.acceptance.people import Person, counts, faults
from tests.acceptance.processes import MakeClient, MakeHeadgate
from tests.buckets import KEY, SECRET, Store, new_bucket, s3_server
from tests.druid import Overlord, serving_druid
from tests.pipelines.databases import OutsideDatabase, made_in
from tests.restapi import TOKEN, RestApi, busy, serving_api, unavailable

CAMPAIGNS = """\
description: What each campaign brings in, day by day.
source:
  http:
    endpoint: ads
    path: /insights
    recordPath: data
    pagination: {cursor: {path: paging.cursors.after, param: after}}
    incremental: {column: date, param: since, start: 2026-01-01}
contract:
  columns:
  - {name: date, type: DATE, nullable: false}
  - {name: campaign, type: STRING, nullable: false}
  - {name: market, type: STRING}
  - {name: impressions, type: INTEGER}
  - {name: clicks, type: INTEGER, aliases: [link_clicks]}
  - {name: spend, type: FLOAT}
  typeMismatch: DISCARD_ROW
steps:
- fill: {columns: [market], method: CONSTANT, value: unknown}
- derive: {columns: [{name: market, sql: LOWER(market)}]}
- adMetrics: {metrics: [CTR, CPC]}
checks:
- range: {columns: [spend], min: 0}
- expression: {sql: clicks <= impressions}
sinks:
- dataset: {name: campaigns, mode: UPSERT, keys: [campaign, date]}
- table: {endpoint: warehouse, table: campaigns, mode: UPSERT, keys: [campaign, date]}
- object: {endpoint: lake, path: "campaigns/{job}.parquet"}
- druid:
    endpoint: druid
    datasource: campaigns
    timestampColumn: date
    metrics: [{function: SUM, column: spend, as: spend}]
"""
MISTAKEN = """\
source: {http: {endpoint: ads, url: "https://example.org"}}
steps:
- derive: {columns: [{name: ratio, sql: clicks / }]}
- adMetricks: {metrics: [CTR]}
checks:
- range: {columns: [spend], min: 5, max: 1}
sinks:
- dataset: {name: campaigns, mode: UPSERT}
"""


def day(number: int, **values: Any) -> dict[str, Any]:
    """What the service says of a campaign on a day of January."""
    usual = {
        "campaign": "spring",
        "market": "DE",
        "impressions": 100 * number,
        "link_clicks": 10,
        "spend": 5.0,
    }
    return {"date": f"2026-01-{number:02}", **usual, **values}


JANUARY = [
    day(1),
    day(2, market=None),
    day(3, impressions=0, link_clicks=0),
    day(4, spend=-1),
    day(5, link_clicks="ten"),
    day(6, impressions=4),
    day(7),
]


@pytest.fixture
def ads() -> Iterator[RestApi]:
    """A service that wants a token, has pages of three records, and is not always well."""
    with serving_api(JANUARY) as api:
        api.guard = api.wants_bearer
        api.routes["/insights"] = api.routes["/cursor"]
        api.troubles = [unavailable(), None, busy(0)]
        yield api


@pytest.fixture
def warehouse(postgresql_over_tcp: str, tmp_path: Path) -> OutsideDatabase:
    return made_in(postgresql_over_tcp, tmp_path)


@pytest.fixture
def lake() -> Iterator[Store]:
    with s3_server() as url, new_bucket(url) as store:
        yield store


@pytest.fixture
def druid() -> Iterator[Overlord]:
    with serving_druid() as overlord:
        yield overlord


def since(ads: RestApi) -> list[str]:
    """From which days on the service was asked, page by page."""
    return [asked.query["since"] for asked in ads.asked if asked.path == "/insights"]


async def test_a_marketer_brings_campaigns_from_a_flaky_service_to_everywhere_they_are_needed(
    make_headgate: MakeHeadgate,
    make_client: MakeClient,
    ads: RestApi,
    warehouse: OutsideDatabase,
    lake: Store,
    druid: Overlord,
) -> None:
    headgate = make_headgate(allowed_networks="127.0.0.0/8").start()
    ada = Person(await make_client(headgate))

    # The four systems outside are made known, with their secrets.
    await ada.has_endpoint("ads", "HTTP", {"token": TOKEN}, url=ads.url, requestsPerSecond=50)
    await ada.has_endpoint("warehouse", "SQL", {"url": warehouse.url})
    keys = {"accessKeyId": KEY, "secretAccessKey": SECRET}
    await ada.has_endpoint("lake", "S3", keys, bucket=lake.bucket, endpointUrl=lake.url)
    await ada.has_endpoint("druid", "DRUID", url=druid.url)

    # What is mistaken is refused, all of it at once; then the pipeline is there.
    assert await ada.is_refused_pipeline("createPipeline", name="campaigns", yaml=MISTAKEN) == {
        ("INVALID_SPEC", "input.yaml.source.http"),
        ("INVALID_SPEC", "input.yaml.steps.0.derive.columns.0.sql"),
        ("INVALID_SPEC", "input.yaml.steps.1.adMetricks"),
        ("INVALID_SPEC", "input.yaml.checks.0.range"),
        ("INVALID_SPEC", "input.yaml.sinks.0.dataset"),
    }
    made = await ada.creates_pipeline("campaigns", yaml=CAMPAIGNS)
    assert (made["version"], made["status"]) == (1, None)

    # It runs, however the service stumbles; bad days are told, and all others are everywhere.
    job = await ada.runs("campaigns")
    assert (job["status"], job["failure"]) == ("PARTIAL", None)
    assert counts(job) == {"read": 7, "accepted": 4, "rejected": 3}
    assert job["result"]["kind"] == "DATASET"
    assert [(column, code) for _, column, code, _ in faults(job)] == [
        ("spend", "RANGE"),
        ("clicks", "TYPE"),
        (None, "EXPRESSION"),
    ]
    rows = await ada.sees_rows("campaigns", orderBy=[{"column": "date"}])
    assert [row["date"][-2:] for row in rows] == ["01", "02", "03", "07"]
    assert [(row["market"], row["ctr"], row["cpc"]) for row in rows[:3]] == [
        ("de", 0.1, 0.5),
        ("unknown", 0.05, 0.5),
        ("de", None, None),
    ]
    stored = await asyncio.to_thread(warehouse.rows, "campaigns", "campaign", "clicks")
    assert stored == [("spring", 0), *[("spring", 10)] * 3]
    parquet = pl.read_parquet(BytesIO(lake.get(f"campaigns/{job['id']}.parquet")))
    assert parquet["market"].to_list() == ["de", "unknown", "de", "de"]
    assert sum(row["spend"] for row in druid.tables["campaigns"]) == 20

    # A week later only what is new is asked for. A day that comes again takes its own place.
    ads.records = [*JANUARY, day(8), day(9)]
    del ads.asked[:]
    events = await ada.watches(await ada.starts("campaigns"))
    again = events[-1]["job"]
    assert [event for event in events if event["progress"] and not event["progress"]["message"]] == []
    assert set(since(ads)) == {"2026-01-07"}
    assert (again["status"], again["counts"]["read"]) == ("SUCCEEDED", 3)
    assert (await ada.sees_page("campaigns"))["totalCount"] == 6
    assert len(await asyncio.to_thread(warehouse.rows, "campaigns", "date")) == 6

    # Spending may be negative after all. Of two who change that, the second one is told.
    changed = await ada.updates_pipeline(
        "campaigns", yaml=CAMPAIGNS.replace("min: 0", "min: -5"), expectedVersion=1, comment="Refunds."
    )
    assert changed["version"] == 2
    late = {"name": "campaigns", "yaml": CAMPAIGNS, "expectedVersion": 1}
    assert await ada.is_refused_pipeline("updatePipeline", **late) == {("CONFLICT", "input.expectedVersion")}
    refund = {"records": [day(10, spend=-4.0)]}
    assert counts(await ada.runs("campaigns", data=refund)) == {"read": 1, "accepted": 1}

    # What has become of it all.
    seen = await ada.sees_pipeline("campaigns")
    assert [edge["node"]["comment"] for edge in seen["versions"]["edges"]] == ["Refunds.", None]
    assert seen["statistics"] == {
        **{"jobs": 3, "succeeded": 2, "partial": 1, "failed": 0, "successRate": 1},
        **{"rowsRead": 11, "rowsAccepted": 8, "rowsRejected": 3},
    }
    assert {"ctr", "cpc"} <= {column["name"] for column in seen["columns"]}
    assert seen["dataset"]["rowCount"] == 7
    filter = {"and": [{"column": "date", "gte": "2026-01-08"}, {"column": "spend", "gt": 0}]}
    assert [row["date"] for row in await ada.sees_rows("campaigns", filter=filter)] == [
        "2026-01-08",
        "2026-01-09",
    ]
