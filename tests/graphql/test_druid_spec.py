"""A dataset says what Druid has to be told to load it, and not where it lies."""

import datetime as dt
import json
from collections.abc import Awaitable, Callable
from typing import Any

import polars as pl
import pytest
from strawberry.types import ExecutionResult

from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.graphql.context import Context
from headgate.graphql.schema import HeadgateSchema
from headgate.storage import commits
from headgate.storage.columns import Column
from headgate.storage.datasets import Part, WriteMode
from headgate.storage.ids import new_id
from headgate.storage.tablefolders import LocalFolder
from headgate.storage.tables import Dataset
from tests.graphql.conftest import Ask
from tests.services import path_of

SPEC = """
query Spec($name: String!, $input: DruidSpecInput!) { dataset(name: $name) { druidSpec(input: $input) } }
"""
ROWS = pl.DataFrame({"date": [dt.date(2026, 1, 1)], "campaign": ["spring"], "clicks": [3], "ctr": [0.5]})
AddDataset = Callable[..., Awaitable[None]]


@pytest.fixture
def add_dataset(services: Services) -> AddDataset:
    async def add(name: str = "ads", rows: pl.DataFrame | None = ROWS) -> None:
        row = Dataset(id=new_id("dataset"), name=name, storage_key=f"datasets/{name}")
        if rows is not None:
            path = path_of(services, row.storage_key)
            path.mkdir(parents=True)
            rows.write_parquet(path / "part.parquet")
            columns = [Column(column, dtype) for column, dtype in rows.schema.items()]
            part = Part("part.parquet", rows.height, 1, 0)
            version = commits.commit(
                LocalFolder(path),
                job="job",
                mode=WriteMode.APPEND,
                base=None,
                columns=columns,
                parts=[part],
                note={},
            )
            row.version = version.version
        async with services.database.transaction() as session:
            session.add(row)

    return add


async def test_a_native_spec_loads_a_version(ask: Ask, add_dataset: AddDataset, services: Services) -> None:
    await add_dataset()
    metrics = [{"function": "SUM", "column": "clicks", "as": "clicks"}]
    wanted = {"timestampColumn": "date", "segmentGranularity": "month", "metrics": metrics}
    spec = (await ask(SPEC, name="ads", input=wanted))["dataset"]["druidSpec"]
    assert spec["type"] == "index_parallel"
    data, io = spec["spec"]["dataSchema"], spec["spec"]["ioConfig"]
    assert data["dataSource"] == "ads"
    assert data["timestampSpec"] == {"column": "date", "format": "millis"}
    assert data["dimensionsSpec"]["dimensions"] == [{"type": "string", "name": "campaign"}]
    assert data["metricsSpec"] == [{"type": "longSum", "name": "clicks", "fieldName": "clicks"}]
    assert data["granularitySpec"]["segmentGranularity"] == "MONTH"
    assert io["inputSource"] == {"type": "local", "files": ["DATASET_FOLDER/part.parquet"]}
    assert io["appendToExisting"] is False
    assert str(path_of(services, "datasets/ads")) not in json.dumps(spec)


async def test_a_statement_loads_a_version(ask: Ask, add_dataset: AddDataset) -> None:
    await add_dataset()
    wanted = {"timestampColumn": "date", "dialect": "SQL", "dimensions": ["campaign"]}
    said = (await ask(SPEC, name="ads", input=wanted))["dataset"]["druidSpec"]
    assert said["query"].startswith(
        'REPLACE INTO "ads"\nOVERWRITE ALL\nSELECT\n  MILLIS_TO_TIMESTAMP("date")'
    )
    assert "DATASET_FOLDER/part.parquet" in said["query"]
    assert said["context"]["failOnEmptyInsert"] is True


async def test_a_text_column_may_hold_the_time(ask: Ask, add_dataset: AddDataset) -> None:
    await add_dataset(rows=pl.DataFrame({"at": ["2026-01-01"]}))
    spec = (await ask(SPEC, name="ads", input={"timestampColumn": "at"}))["dataset"]["druidSpec"]
    assert spec["spec"]["dataSchema"]["timestampSpec"] == {"column": "at", "format": "auto"}


def _codes(result: ExecutionResult) -> list[str]:
    faults = [error.original_error for error in result.errors or ()]
    return [fault.code for fault in faults if isinstance(fault, UserFault)]


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"timestampColumn": "nothing"}, "UNKNOWN_COLUMN"),
        ({"timestampColumn": "ctr"}, "WRONG_TYPE"),
        ({"timestampColumn": ""}, "INVALID_ARGUMENT"),
        ({"timestampColumn": "date", "segmentGranularity": "MINUTELY"}, "INVALID_ARGUMENT"),
        ({"timestampColumn": "date", "dimensions": ["nothing"]}, "UNKNOWN_COLUMN"),
        (
            {"timestampColumn": "date", "metrics": [{"function": "MEAN", "column": "clicks"}]},
            "INVALID_ARGUMENT",
        ),
        ({"timestampColumn": "date", "metrics": [{"function": "SUM", "column": "ctr"}]}, "INVALID_ARGUMENT"),
        ({"timestampColumn": "date", "metrics": [{"function": "SUM", "column": "campaign"}]}, "NOT_NUMERIC"),
    ],
    ids=str,
)
async def test_a_table_that_can_not_be_is_told(
    schema: HeadgateSchema,
    make_context: Callable[..., Context],
    add_dataset: AddDataset,
    wanted: dict[str, Any],
    code: str,
) -> None:
    await add_dataset()
    variables = {"name": "ads", "input": wanted}
    result = await schema.execute(SPEC, variable_values=variables, context_value=make_context())
    assert _codes(result) == [code]


async def test_a_dataset_without_a_version_has_no_columns(
    schema: HeadgateSchema, make_context: Callable[..., Context], add_dataset: AddDataset
) -> None:
    await add_dataset(rows=None)
    variables = {"name": "ads", "input": {"timestampColumn": "date"}}
    result = await schema.execute(SPEC, variable_values=variables, context_value=make_context())
    assert _codes(result) == ["UNKNOWN_COLUMN"]
