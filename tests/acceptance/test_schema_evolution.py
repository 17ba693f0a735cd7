"""A dataset's columns grow with what comes in, as its contract allows, and old versions keep theirs."""

from typing import Any

import pytest

from tests.acceptance.processes import Client

LOOK = """
query ($name: String!, $version: BigInt) {
  dataset(name: $name, version: $version) { version columns { name type } rows { records } }
}
"""
CONTRACT = {"columns": [{"name": "id", "type": "INTEGER"}, {"name": "spend", "type": "INTEGER"}]}


async def load(client: Client, name: str, *records: Any, contract: Any = None, **options: Any) -> Any:
    if contract is not None:
        options["spec"] = {"contract": {**CONTRACT, **contract}}
    return (await client.ingest({"records": list(records)}, name, **options))["job"]


async def look(client: Client, name: str, version: int | None = None) -> Any:
    return (await client.data(LOOK, name=name, version=version))["dataset"]


async def test_new_columns_are_null_in_old_rows_and_old_versions_lack_them(client: Client) -> None:
    await load(client, "evolving", {"id": 1})
    await load(client, "evolving", {"id": 2, "name": "b", "spend": 1.5})
    await load(client, "evolving", {"spend": 2, "id": 3})
    found = await look(client, "evolving")
    assert [column["name"] for column in found["columns"]] == ["id", "name", "spend"]
    assert found["rows"]["records"] == [
        {"id": 1, "name": None, "spend": None},
        {"id": 2, "name": "b", "spend": 1.5},
        {"id": 3, "name": None, "spend": 2},
    ]
    old = await look(client, "evolving", 0)
    assert old == {
        "version": 0,
        "columns": [{"name": "id", "type": "INTEGER"}],
        "rows": {"records": [{"id": 1}]},
    }


@pytest.mark.parametrize(
    ("policy", "status", "columns", "read"),
    [
        ("EVOLVE", "SUCCEEDED", ["id", "spend", "clicks"], 3),
        ("DISCARD_VALUE", "SUCCEEDED", ["id", "spend"], 3),
        ("DISCARD_ROW", "PARTIAL", ["id", "spend"], 2),
        ("FREEZE", "FAILED", ["id", "spend"], 1),
    ],
)
async def test_a_column_that_the_contract_does_not_name_is_taken_or_refused(
    client: Client, policy: str, status: str, columns: list[str], read: int
) -> None:
    name = f"contract_{policy}"
    await load(client, name, {"id": 1, "spend": 1})
    rows = [{"id": 2, "spend": 2}, {"id": 3, "spend": 3, "clicks": 9}]
    job = await load(client, name, *rows, contract={"unknownColumns": policy})
    assert job["status"] == status, job
    found = await look(client, name)
    assert [column["name"] for column in found["columns"]] == columns
    assert len(found["rows"]["records"]) == read


async def test_a_column_gets_another_type_by_a_replacement_alone_and_old_versions_keep_theirs(
    client: Client,
) -> None:
    await load(client, "typed", {"spend": 1})
    rejected = await load(client, "typed", {"spend": 2}, {"spend": "much"})
    assert (rejected["status"], rejected["counts"]["rejected"]) == ("PARTIAL", 1)
    await load(client, "typed", {"spend": 1.5}, {"spend": "much"}, mode="REPLACE")
    found = await look(client, "typed")
    assert found["columns"] == [{"name": "spend", "type": "STRING"}]
    assert [row["spend"] for row in found["rows"]["records"]] == ["1.5", "much"]
    old = await look(client, "typed", 1)
    assert old["columns"] == [{"name": "spend", "type": "INTEGER"}]
    assert [row["spend"] for row in old["rows"]["records"]] == [1, 2]
