"""Templates on a running server: records go in with nothing set up, and come out with their figures."""

from typing import Any

import pytest

from headgate.pipelines.templates.registry import templates
from tests.acceptance.processes import Client

INGEST = """
mutation ($input: IngestInput!) {
  ingest(input: $input) {
    job { status counts { read accepted rejected filtered merged } failure { code message } }
    errors { code path message }
  }
}
"""
ROWS = "query ($name: String!) { dataset(name: $name) { rowCount rows(first: 10) { records } } }"
ALL_WENT_IN = {"read": 2, "accepted": 2, "rejected": 0, "filtered": 0, "merged": 0}


async def ingest(client: Client, name: str, records: list[dict[str, Any]]) -> Any:
    """The job that took records through a template."""
    given = {"template": name, "data": {"records": records}, "waitSeconds": 30}
    payload = (await client.data(INGEST, input=given))["ingest"]
    assert payload["errors"] == []
    return payload["job"]


@pytest.mark.parametrize("name", sorted(templates()))
async def test_records_go_through_a_template_twice_and_are_there_once(client: Client, name: str) -> None:
    records = [dict(record) for record in templates()[name].records]
    for _ in range(2):
        job = await ingest(client, name, records)
        assert (job["status"], job["failure"]) == ("SUCCEEDED", None)
        assert job["counts"] == ALL_WENT_IN
    dataset = (await client.data(ROWS, name=name.replace(".", "_")))["dataset"]
    assert dataset["rowCount"] == 2


async def test_later_rows_take_the_place_of_earlier_ones_and_their_figures(client: Client) -> None:
    name = "meta_ads.campaign_performance"
    row = {"campaign_id": "later", "date_start": "2024-05-01", "impressions": 100, "clicks": 10, "spend": 5}
    await ingest(client, name, [row])
    await ingest(client, name, [row | {"clicks": 0}])
    rows = (await client.data(ROWS, name="meta_ads_campaign_performance"))["dataset"]["rows"]["records"]
    (found,) = (each for each in rows if each["campaign_id"] == "later")
    assert (found["clicks"], found["ctr"], found["cpc"]) == (0, 0, None)
