"""SQL-based ingestion: an INSERT or a REPLACE statement for Druid's multi-stage query engine."""

import json
from collections.abc import Mapping
from typing import Any

from headgate.pipelines.druid.table import TIME, DruidType, Layout, Metric, SegmentGranularity
from headgate.pipelines.druid.task import DruidMode, Reading, TimestampFormat, Writing
from headgate.pipelines.steps.aggregate import AggregateFunction

TASKS = 2
"""The fewest that a query can have: one that leads and one that works."""
PARTITIONS = {
    SegmentGranularity.WEEK: f"TIME_FLOOR({TIME}, 'P1W')",
    SegmentGranularity.QUARTER: f"TIME_FLOOR({TIME}, 'P3M')",
}
"""For those that have no word of their own."""
INDENT = "  "


def sql_statement(
    layout: Layout, reading: Reading, writing: Writing, query_id: str | None = None
) -> dict[str, Any]:
    """The request that loads rows: a query and its context. `query_id` becomes part of the task's name."""
    context = {
        "maxParseExceptions": 0,
        # A REPLACE without rows would empty what it is to fill.
        "failOnEmptyInsert": True,
        "finalizeAggregations": not layout.metrics,
        "maxNumTasks": TASKS,
        "waitUntilSegmentsLoad": False,
        **({"sqlQueryId": query_id} if query_id else {}),
    }
    return {"query": _query(layout, reading, writing), "context": context}


def _query(layout: Layout, reading: Reading, writing: Writing) -> str:
    columns = [
        f"{_time(layout, reading)} AS {_name(TIME)}",
        *(_name(column.name) for column in layout.dimensions),
        *(f"{_aggregate(metric)} AS {_name(metric.name)}" for metric in layout.metrics),
    ]
    lines = [
        *_head(writing),
        "SELECT",
        ",\n".join(INDENT + column for column in columns),
        "FROM TABLE(",
        f"{INDENT}EXTERN(",
        ",\n".join(
            INDENT * 2 + _text(_json(each))
            for each in (reading.source, reading.format, _signature(layout, reading))
        ),
        f"{INDENT})",
        ")",
    ]
    if layout.metrics:
        lines.append(f"GROUP BY {', '.join(str(place + 1) for place in range(len(layout.dimensions) + 1))}")
    partition = PARTITIONS.get(layout.granularity, layout.granularity.value)
    return "\n".join([*lines, f"PARTITIONED BY {partition}"])


def _head(writing: Writing) -> list[str]:
    table = _name(writing.datasource)
    if writing.mode is DruidMode.APPEND:
        return [f"INSERT INTO {table}"]
    if writing.span is None:
        return [f"REPLACE INTO {table}", "OVERWRITE ALL"]
    begin, end = (
        f"TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S}'" for moment in (writing.span.begin, writing.span.end)
    )
    return [f"REPLACE INTO {table}", f"OVERWRITE WHERE {_name(TIME)} >= {begin} AND {_name(TIME)} < {end}"]


def _time(layout: Layout, reading: Reading) -> str:
    convert = "MILLIS_TO_TIMESTAMP" if reading.timestamp is TimestampFormat.MILLIS else "TIME_PARSE"
    return f"{convert}({_name(layout.timestamp.name)})"


def _aggregate(metric: Metric) -> str:
    if metric.column is None:
        return "COUNT(*)"
    if metric.function is AggregateFunction.COUNT_DISTINCT:
        return f"APPROX_COUNT_DISTINCT_BUILTIN({_name(metric.column.name)})"
    return f"{metric.function.value}({_name(metric.column.name)})"


def _signature(layout: Layout, reading: Reading) -> list[Mapping[str, str]]:
    """The columns that are read, with their types."""
    is_number = reading.timestamp is TimestampFormat.MILLIS
    types = {layout.timestamp.name: DruidType.LONG if is_number else DruidType.STRING}
    types |= {column.name: DruidType.of(column) for column in layout.values}
    return [{"name": name, "type": dtype.value} for name, dtype in types.items()]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _name(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
