"""Native batch ingestion: a task of the type index_parallel."""

from typing import Any

from headgate.pipelines.druid.table import DruidType, Layout, Metric
from headgate.pipelines.druid.task import DruidMode, Reading, Span, Writing
from headgate.pipelines.steps.aggregate import AggregateFunction
from headgate.storage.columns import Column

KIND = "index_parallel"
SAVED_FAULTS = 100


def native_spec(layout: Layout, reading: Reading, writing: Writing) -> dict[str, Any]:
    """The spec of a task that loads rows: one bad row fails it, so that none is lost unseen."""
    return {
        "type": KIND,
        "spec": {
            "dataSchema": {
                "dataSource": writing.datasource,
                "timestampSpec": {"column": layout.timestamp.name, "format": reading.timestamp.value},
                "dimensionsSpec": {"dimensions": [_dimension(column) for column in layout.dimensions]},
                "metricsSpec": [_metric(metric) for metric in layout.metrics],
                "granularitySpec": _granularity(layout, writing),
            },
            "ioConfig": {
                "type": KIND,
                "inputSource": dict(reading.source),
                "inputFormat": dict(reading.format),
                "appendToExisting": writing.mode is DruidMode.APPEND,
                # Within the intervals nothing old stays, not even where there is nothing new.
                "dropExisting": writing.mode is DruidMode.REPLACE and writing.span is not None,
            },
            "tuningConfig": {
                "type": KIND,
                "partitionsSpec": {"type": "dynamic"},
                "maxParseExceptions": 0,
                "maxSavedParseExceptions": SAVED_FAULTS,
                "logParseExceptions": True,
            },
        },
    }


def _dimension(column: Column) -> dict[str, Any]:
    return {"type": DruidType.of(column).value, "name": column.name}


def _metric(metric: Metric) -> dict[str, Any]:
    if metric.column is None:
        return {"type": "count", "name": metric.name}
    field = {"name": metric.name, "fieldName": metric.column.name}
    if metric.function is AggregateFunction.COUNT_DISTINCT:
        return {"type": "hyperUnique", **field}
    return {"type": f"{DruidType.of(metric.column)}{metric.function.capitalize()}", **field}


def _granularity(layout: Layout, writing: Writing) -> dict[str, Any]:
    granularity: dict[str, Any] = {
        "type": "uniform",
        "segmentGranularity": layout.granularity.value,
        "queryGranularity": "NONE",
        "rollup": bool(layout.metrics),
    }
    if writing.mode is DruidMode.REPLACE and writing.span is not None:
        granularity["intervals"] = [_interval(writing.span)]
    return granularity


def _interval(span: Span) -> str:
    return "/".join(f"{moment:%Y-%m-%dT%H:%M:%S}.000Z" for moment in (span.begin, span.end))
