"""Groups of a dataset's rows are asked for over HTTP."""

from typing import Any

import pytest

from tests.acceptance.processes import Client

AGGREGATE = """
query (
  $name: String!, $version: BigInt, $metrics: [MetricInput!]!, $groupBy: [String!], $filter: RowFilter,
  $orderBy: [RowOrder!], $first: Int
) {
  dataset(name: $name, version: $version) {
    aggregate(metrics: $metrics, groupBy: $groupBy, filter: $filter, orderBy: $orderBy, first: $first) {
      columns { name type } records hasNextPage endCursor totalCount
    }
  }
}
"""
SALES = "region,units,price\n" + "".join(
    f"{'north' if row % 4 else 'south'},{row},{row}.10\n" for row in range(40)
)
COUNT = {"function": "COUNT", "as": "rows"}


async def aggregate(client: Client, name: str, metrics: list[Any], **query: Any) -> dict[str, Any]:
    found = (await client.data(AGGREGATE, name=name, metrics=metrics, **query))["dataset"]["aggregate"]
    return dict(found)


async def test_groups_are_counted_summed_and_ordered(client: Client) -> None:
    file = (await client.upload(SALES.encode(), "sales.csv"))["file"]["id"]
    await client.ingest({"file": file}, "aggregated")
    metrics = [COUNT, {"function": "SUM", "column": "units"}, {"function": "MEAN", "column": "units"}]
    order = [{"column": "sum_units", "direction": "DESC"}]
    found = await aggregate(client, "aggregated", metrics, groupBy=["region"], orderBy=order)
    assert found["records"] == [
        {"region": "north", "rows": 30, "sum_units": 600, "mean_units": 20},
        {"region": "south", "rows": 10, "sum_units": 180, "mean_units": 18},
    ]
    assert found["columns"][:2] == [
        {"name": "region", "type": "STRING"},
        {"name": "rows", "type": "INTEGER"},
    ]
    assert (found["hasNextPage"], found["endCursor"], found["totalCount"]) == (False, None, 2)
    one = await aggregate(client, "aggregated", [COUNT], groupBy=["region"], first=1)
    assert (len(one["records"]), one["hasNextPage"], one["totalCount"]) == (1, True, 2)
    few = await aggregate(client, "aggregated", [COUNT], filter={"column": "units", "lt": 5})
    assert few["records"] == [{"rows": 5}]


async def test_an_old_version_is_aggregated_as_it_was(client: Client) -> None:
    for value in (1, 2):
        await client.ingest({"records": [{"n": value}]}, "aggregated_twice")
    metrics = [{"function": "SUM", "column": "n"}]
    assert (await aggregate(client, "aggregated_twice", metrics, version=0))["records"] == [{"sum_n": 1}]
    assert (await aggregate(client, "aggregated_twice", metrics))["records"] == [{"sum_n": 3}]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"metrics": [{"function": "SUM", "column": "text"}]}, "NOT_NUMERIC"),
        ({"metrics": []}, "INVALID_ARGUMENT"),
        ({"first": 10_001}, "INVALID_ARGUMENT"),
        ({"groupBy": ["\0"]}, "UNKNOWN_COLUMN"),
    ],
    ids=["text", "nothing", "too_many", "nul"],
)
async def test_what_cannot_be_aggregated_is_refused(client: Client, query: dict[str, Any], code: str) -> None:
    await client.ingest({"records": [{"n": 1, "text": "a"}]}, "refusing")
    assert await client.refusal(AGGREGATE, name="refusing", **{"metrics": [COUNT], **query}) == code
