"""Counts are found in what Druid reports of every kind of task, and never made up."""

from typing import Any

import pytest

from headgate.pipelines.druid.reports import Counted, counted, fault_in

STATS = {"processed": 5, "processedBytes": 70, "processedWithError": 1, "thrownAway": 2, "unparseable": 3}


def of_ingestion(**payload: Any) -> dict[str, Any]:
    return {"ingestionStatsAndErrors": {"taskId": "t", "payload": payload}}


def of_query(**payload: Any) -> dict[str, Any]:
    return {"multiStageQuery": {"taskId": "t", "payload": payload}}


def test_a_native_task_reports_its_rows() -> None:
    report = of_ingestion(rowStats={"determinePartitions": {}, "buildSegments": STATS})
    assert counted(report) == Counted(5, 1, 2, 3)


def test_a_native_task_with_subtasks_reports_totals() -> None:
    assert counted(of_ingestion(rowStats={"totals": {"buildSegments": STATS}})) == Counted(5, 1, 2, 3)


def test_a_query_reports_what_its_workers_read() -> None:
    workers = {"0": {"input0": {"rows": [2, 3]}}, "1": {"input0": {"rows": [4]}, "input1": {"rows": [9]}}}
    report = of_query(counters={"0": workers, "1": {}}, status={"warnings": [{}, {}]})
    assert counted(report) == Counted(processed=9, unparseable=2)


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"ingestionStatsAndErrors": None},
        of_ingestion(),
        of_ingestion(rowStats={}),
        of_ingestion(rowStats={"buildSegments": {}}),
        of_query(),
        of_query(counters={}),
        of_query(counters={"0": []}),
    ],
    ids=str,
)
def test_a_report_without_counts_has_none(report: dict[str, Any]) -> None:
    assert counted(report) is None


def test_a_report_says_what_went_wrong() -> None:
    assert fault_in(of_ingestion(errorMsg="too bad")) == "too bad"
    said = of_query(status={"errorReport": {"error": {"errorMessage": "too sad"}}})
    assert fault_in(said) == "too sad"
    assert fault_in({}) == ""
