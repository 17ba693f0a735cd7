"""What the values of datasets and files are like is asked over HTTP."""

from typing import Any

import pytest

from headgate.pipelines.checks.registry import check_kinds
from tests.acceptance.processes import Client

SALES = "region,units,price,day\n" + "".join(
    f"{'north' if row % 4 else 'south'},{row},{row / 2},2026-01-{row % 28 + 1:02}\n" for row in range(40)
)
PROFILE = """
  statistics(columns: $columns) {
    column { name type } count nulls distinct min max mean standardDeviation
    quantiles { q value } histogram { from to count } topValues { value count }
  }
"""
OF_DATASET = "query ($name: String!, $columns: [String!]) { dataset(name: $name) {" + PROFILE + "} }"
OF_FILE = "query ($id: ID!, $columns: [String!]) { file(id: $id) {" + PROFILE + "} }"
CORRELATIONS = "correlations(columns: $columns) { x y pearson }"
PAIRS_OF_DATASET = OF_DATASET.replace(PROFILE, CORRELATIONS)
PAIRS_OF_FILE = OF_FILE.replace(PROFILE, CORRELATIONS)


@pytest.fixture
async def file(client: Client) -> Any:
    return (await client.upload(SALES.encode(), "sales.csv"))["file"]["id"]


async def test_statistics_of_a_dataset_and_of_its_file_are_the_same(client: Client, file: str) -> None:
    assert (await client.ingest({"file": file}, "profiled"))["job"]["status"] == "SUCCEEDED"
    found = (await client.data(OF_DATASET, name="profiled"))["dataset"]["statistics"]
    assert found == (await client.data(OF_FILE, id=file))["file"]["statistics"]
    region, units, price, day = found
    assert region["column"] == {"name": "region", "type": "STRING"}
    assert region["topValues"] == [{"value": "north", "count": 30}, {"value": "south", "count": 10}]
    assert (region["mean"], region["quantiles"], region["histogram"]) == (None, [], [])
    assert (units["count"], units["nulls"], units["distinct"]) == (40, 0, 40)
    assert (units["min"], units["max"], units["mean"]) == (0, 39, 19.5)
    assert units["histogram"][0] == {"from": 0, "to": 2, "count": 2}
    assert {"q": 0.5, "value": 9.75} in price["quantiles"]
    assert (day["min"], day["max"]) == ("2026-01-01", "2026-01-28")


async def test_correlations_are_told_pair_by_pair(client: Client, file: str) -> None:
    pairs = [{"x": "units", "y": "price", "pearson": pytest.approx(1)}]
    assert (await client.data(PAIRS_OF_FILE, id=file))["file"]["correlations"] == pairs
    await client.ingest({"file": file}, "correlated")
    assert (await client.data(PAIRS_OF_DATASET, name="correlated"))["dataset"]["correlations"] == pairs


async def test_an_old_version_is_profiled_as_it_was(client: Client) -> None:
    for value in (1, 2):
        await client.ingest({"records": [{"n": value}]}, "grown")
    query = '{ dataset(name: "grown", version: 0) { statistics { count } } }'
    assert (await client.data(query))["dataset"]["statistics"] == [{"count": 1}]


@pytest.mark.parametrize("query", [OF_DATASET, PAIRS_OF_DATASET])
async def test_columns_that_are_not_there_or_no_numbers_are_refused(client: Client, query: str) -> None:
    await client.ingest({"records": [{"n": 1, "text": "a"}]}, "narrow")
    assert await client.refusal(query, name="narrow", columns=["n", "m"]) == "UNKNOWN_COLUMN"
    assert await client.refusal(query, name="narrow", columns=["\0"]) == "UNKNOWN_COLUMN"
    assert await client.refusal(query, name="narrow", columns=[""]) == "UNKNOWN_COLUMN"
    if query is PAIRS_OF_DATASET:
        assert await client.refusal(query, name="narrow", columns=["n", "text"]) == "NOT_NUMERIC"


async def test_no_columns_have_no_statistics(client: Client, file: str) -> None:
    await client.ingest({"file": file}, "of_none")
    assert (await client.data(OF_DATASET, name="of_none", columns=[]))["dataset"]["statistics"] == []
    assert (await client.data(PAIRS_OF_DATASET, name="of_none", columns=[]))["dataset"]["correlations"] == []
    assert (await client.data(OF_FILE, id=file, columns=[]))["file"]["statistics"] == []
    assert (await client.data(PAIRS_OF_FILE, id=file, columns=[]))["file"]["correlations"] == []


async def test_a_file_that_was_refused_has_no_statistics(client: Client) -> None:
    refused = (await client.upload(b"\x89PNG\r\n\x1a\n", "picture.png"))["file"]["id"]
    assert await client.refusal(OF_FILE, id=refused) == "FILE_NOT_READY"


async def test_suggested_checks_of_a_file_can_be_given_back_as_they_are(client: Client, file: str) -> None:
    query = "query ($id: ID!) { file(id: $id) { suggestedChecks { kind severity settings reason } } }"
    found = (await client.data(query, id=file))["file"]["suggestedChecks"]
    assert {"kind": "range", "severity": "ERROR", "settings": {"columns": ["price"], "min": 0}} in [
        {key: value for key, value in each.items() if key != "reason"} for each in found
    ]
    assert all(each["reason"].endswith(".") for each in found)
    kinds = [(each["settings"]["columns"], each["kind"]) for each in found]
    assert (["region"], "oneOf") in kinds
    assert (["day"], "type") in kinds
    assert all(check_kinds()[each["kind"]].model_validate(each["settings"]) for each in found)
