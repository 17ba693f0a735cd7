"""A running server puts small files together, on each kind of store, and old versions can be brought back then."""

import asyncio
from typing import Any

import pytest

from tests.acceptance.processes import Client, Headgate, MakeClient, MakeHeadgate

pytestmark = pytest.mark.thorough

LOADS = 10
LOOK = """
{ dataset(name: "drops") {
    version rowCount rows(first: 100) { records }
    versions(first: 100) { edges { node { version rowsAdded rowsRemoved job { id } } } }
} }
"""
AT_FIRST = """
{ dataset(name: "drops", version: 3) { rows { records } aggregate(metrics: [{function: COUNT}]) { records } } }
"""


@pytest.fixture(params=["local", "bucket"])
def headgate(request: pytest.FixtureRequest, make_headgate: MakeHeadgate) -> Headgate:
    """A server on each kind of store that puts files together every other second."""
    kept = {} if request.param == "local" else request.getfixturevalue("own_bucket").settings()
    return make_headgate(compaction_minutes="0.03", **kept)


async def look(client: Client) -> Any:
    return (await client.data(LOOK))["dataset"]


async def test_small_files_are_put_together_and_nobody_sees_another_row(
    headgate: Headgate, make_client: MakeClient
) -> None:
    client = await make_client(headgate.start())
    for number in range(LOADS):
        loaded = await client.ingest({"records": [{"n": number}]}, "drops")
        assert loaded["job"]["status"] == "SUCCEEDED"
    async with asyncio.timeout(120):
        found = await look(client)
        while all(edge["node"]["job"] for edge in found["versions"]["edges"]):
            await asyncio.sleep(0.1)
            found = await look(client)
    assert found["rows"]["records"] == [{"n": number} for number in range(LOADS)]
    made = [edge["node"] for edge in found["versions"]["edges"] if edge["node"]["job"] is None]
    assert {(each["rowsAdded"], each["rowsRemoved"]) for each in made} == {(0, 0)}
    old = (await client.data(AT_FIRST))["dataset"]
    assert old["rows"]["records"] == [{"n": number} for number in range(4)]
    assert old["aggregate"]["records"] == [{"count": 4}]
    restored = await client.data(
        'mutation { restoreDataset(name: "drops", version: 3) { dataset { rowCount } errors { code } } }'
    )
    assert restored["restoreDataset"] == {"dataset": {"rowCount": 4}, "errors": []}
    await client.ingest({"records": [{"n": 99}]}, "drops")
    assert [row["n"] for row in (await look(client))["rows"]["records"]] == [0, 1, 2, 3, 99]
