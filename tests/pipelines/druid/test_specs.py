"""What Druid is told is what was asked for, in both of its languages."""

from datetime import datetime
from typing import Any

import polars as pl
import pytest
import sqlglot

from headgate.pipelines.druid.native import native_spec
from headgate.pipelines.druid.sql import sql_statement
from headgate.pipelines.druid.table import DruidTable, Layout
from headgate.pipelines.druid.task import DruidMode, Reading, Span, TimestampFormat, Writing
from headgate.storage.columns import Column

COLUMNS = [
    Column("date", pl.Date()),
    Column("campaign", pl.String()),
    Column("age", pl.Int64()),
    Column("spend", pl.Float64()),
    Column("clicks", pl.Int64()),
    Column("ctr", pl.Float64()),
]
READING = Reading(
    {"type": "s3", "objects": [{"bucket": "b", "path": "it's/rows.parquet"}]}, {"type": "parquet"}
)
SPAN = Span(datetime(2026, 1, 1), datetime(2026, 2, 1))
METRICS = [
    {"function": "COUNT", "as": "rows"},
    {"function": "SUM", "column": "spend"},
    {"function": "MAX", "column": "clicks", "as": "most"},
    {"function": "COUNT_DISTINCT", "column": "age", "as": "ages"},
]


def layout(**settings: Any) -> Layout:
    return DruidTable.model_validate({"timestampColumn": "date", **settings}).laid_out(COLUMNS)


def test_a_native_spec_loads_every_row_or_none() -> None:
    assert native_spec(layout(), READING, Writing("ads")) == {
        "type": "index_parallel",
        "spec": {
            "dataSchema": {
                "dataSource": "ads",
                "timestampSpec": {"column": "date", "format": "millis"},
                "dimensionsSpec": {
                    "dimensions": [
                        {"type": "string", "name": "campaign"},
                        {"type": "long", "name": "age"},
                        {"type": "double", "name": "spend"},
                        {"type": "long", "name": "clicks"},
                        {"type": "double", "name": "ctr"},
                    ]
                },
                "metricsSpec": [],
                "granularitySpec": {
                    "type": "uniform",
                    "segmentGranularity": "DAY",
                    "queryGranularity": "NONE",
                    "rollup": False,
                },
            },
            "ioConfig": {
                "type": "index_parallel",
                "inputSource": READING.source,
                "inputFormat": {"type": "parquet"},
                "appendToExisting": True,
                "dropExisting": False,
            },
            "tuningConfig": {
                "type": "index_parallel",
                "partitionsSpec": {"type": "dynamic"},
                "maxParseExceptions": 0,
                "maxSavedParseExceptions": 100,
                "logParseExceptions": True,
            },
        },
    }


def test_a_native_spec_replaces_an_interval() -> None:
    writing = Writing("ads", DruidMode.REPLACE, SPAN)
    spec = native_spec(layout(segmentGranularity="MONTH"), READING, writing)["spec"]
    granularity = spec["dataSchema"]["granularitySpec"]
    assert granularity["intervals"] == ["2026-01-01T00:00:00.000Z/2026-02-01T00:00:00.000Z"]
    assert granularity["segmentGranularity"] == "MONTH"
    assert (spec["ioConfig"]["appendToExisting"], spec["ioConfig"]["dropExisting"]) == (False, True)


def test_a_native_spec_rolls_up_by_metrics() -> None:
    schema = native_spec(layout(metrics=METRICS), READING, Writing("ads"))["spec"]["dataSchema"]
    assert schema["granularitySpec"]["rollup"] is True
    assert schema["dimensionsSpec"]["dimensions"] == [{"type": "string", "name": "campaign"}]
    assert schema["metricsSpec"] == [
        {"type": "count", "name": "rows"},
        {"type": "doubleSum", "name": "sum_spend", "fieldName": "spend"},
        {"type": "longMax", "name": "most", "fieldName": "clicks"},
        {"type": "hyperUnique", "name": "ages", "fieldName": "age"},
    ]


def test_a_statement_inserts_every_row_or_none() -> None:
    said = sql_statement(layout(dimensions=["campaign", "spend"]), READING, Writing("my ads"), "job-1")
    assert said["query"] == "\n".join(
        [
            'INSERT INTO "my ads"',
            "SELECT",
            '  MILLIS_TO_TIMESTAMP("date") AS "__time",',
            '  "campaign",',
            '  "spend"',
            "FROM TABLE(",
            "  EXTERN(",
            """    '{"type":"s3","objects":[{"bucket":"b","path":"it''s/rows.parquet"}]}',""",
            """    '{"type":"parquet"}',""",
            """    '[{"name":"date","type":"long"},{"name":"campaign","type":"string"},"""
            """{"name":"spend","type":"double"}]'""",
            "  )",
            ")",
            "PARTITIONED BY DAY",
        ]
    )
    assert said["context"] == {
        "maxParseExceptions": 0,
        "failOnEmptyInsert": True,
        "finalizeAggregations": True,
        "maxNumTasks": 2,
        "waitUntilSegmentsLoad": False,
        "sqlQueryId": "job-1",
    }


def test_a_statement_replaces_an_interval_and_rolls_up() -> None:
    writing = Writing("ads", DruidMode.REPLACE, SPAN)
    said = sql_statement(layout(metrics=METRICS, segmentGranularity="WEEK"), READING, writing)
    lines = said["query"].splitlines()
    assert lines[:2] == [
        'REPLACE INTO "ads"',
        """OVERWRITE WHERE "__time" >= TIMESTAMP '2026-01-01 00:00:00' """
        """AND "__time" < TIMESTAMP '2026-02-01 00:00:00'""",
    ]
    assert lines[3:9] == [
        '  MILLIS_TO_TIMESTAMP("date") AS "__time",',
        '  "campaign",',
        '  COUNT(*) AS "rows",',
        '  SUM("spend") AS "sum_spend",',
        '  MAX("clicks") AS "most",',
        '  APPROX_COUNT_DISTINCT_BUILTIN("age") AS "ages"',
    ]
    assert lines[-2:] == ["GROUP BY 1, 2", "PARTITIONED BY TIME_FLOOR(__time, 'P1W')"]
    assert said["context"]["finalizeAggregations"] is False
    assert "sqlQueryId" not in said["context"]


def test_a_statement_replaces_all_where_no_interval_is_said() -> None:
    query = sql_statement(layout(), READING, Writing("ads", DruidMode.REPLACE))["query"]
    assert query.startswith('REPLACE INTO "ads"\nOVERWRITE ALL\n')


@pytest.mark.parametrize("name", ['a"; DROP', "it's", "a\\b", "名"])
def test_names_can_not_leave_their_quotes(name: str) -> None:
    table = DruidTable.model_validate({"timestampColumn": "date"})
    laid_out = table.laid_out([COLUMNS[0], Column(name, pl.String())])
    query = sql_statement(laid_out, READING, Writing(name))["query"]
    select = query.split("\n", 1)[1].rpartition("\n")[0]
    parsed = sqlglot.parse_one(select, dialect="druid")
    assert {column.name for column in parsed.find_all(sqlglot.exp.Column)} == {"date", name}


def test_text_is_read_as_time_where_it_lies_as_text() -> None:
    reading = Reading(READING.source, READING.format, TimestampFormat.AUTO)
    spec = native_spec(layout(), reading, Writing("ads"))["spec"]
    assert spec["dataSchema"]["timestampSpec"] == {"column": "date", "format": "auto"}
    query = sql_statement(layout(), reading, Writing("ads"))["query"]
    assert 'TIME_PARSE("date") AS "__time"' in query
    assert '{"name":"date","type":"string"}' in query
