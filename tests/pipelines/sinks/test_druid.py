"""The sink `druid` loads every row once, or says why not."""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.druid import overlord as client
from headgate.pipelines.endpoints.outside import Endpoint, Outside
from headgate.pipelines.orders import Stopped
from headgate.pipelines.sinks import druid
from headgate.pipelines.sinks.druid import DruidSink
from headgate.pipelines.sinks.sink import Delivered
from tests.buckets import Store
from tests.druid import STATEMENT, TASK, Overlord, serving_druid
from tests.pipelines.deliveries import JOB, delivery_of, rows_of
from tests.restapi import Reply, unavailable

LOOPBACK = (ip_network("127.0.0.0/8"),)
DAY_MS = 86_400_000
FIRST = dt.date(2026, 1, 1)
FIRST_MS = int(dt.datetime(2026, 1, 1, tzinfo=dt.UTC).timestamp() * 1000)
RECORDS: list[dict[str, Any]] = [
    {"date": FIRST, "campaign": "spring", "spend": 1.5, "clicks": 3},
    {"date": FIRST, "campaign": "autumn's", "spend": 2.0, "clicks": 4},
    {"date": FIRST + dt.timedelta(days=2), "campaign": None, "spend": 0.0, "clicks": 0},
]
DIALECTS = pytest.mark.parametrize("dialect", ["NATIVE", "SQL"])


@pytest.fixture
def overlord(monkeypatch: pytest.MonkeyPatch) -> Iterator[Overlord]:
    monkeypatch.setattr(client, "FIRST_WAIT_S", 0.001)
    monkeypatch.setattr(client, "FACTOR", 1)
    with serving_druid() as served:
        yield served


def outside_of(overlord: Overlord, store: Store | None = None) -> Outside:
    endpoints = {"druid": Endpoint("druid", "DRUID", {"url": overlord.url, "maxAttempts": 2})}
    if store is not None:
        endpoints["store"] = store.endpoint(prefix="team/")
    return Outside(endpoints, LOOPBACK)


def load(
    overlord: Overlord,
    folder: Path,
    records: Any = RECORDS,
    *,
    job: str = JOB,
    store: Store | None = None,
    **settings: Any,
) -> Delivered:
    usual = {"endpoint": "druid", "datasource": "ads", "timestampColumn": "date"}
    sink = DruidSink.model_validate({**usual, **settings})
    return sink.write(rows_of(folder, records), delivery_of(folder, outside_of(overlord, store), job=job))


def loaded(overlord: Overlord) -> list[dict[str, Any]]:
    return [
        {key: row.get(key) for key in ("__time", "campaign", "spend", "clicks")}
        for row in overlord.tables.get("ads", [])
    ]


def in_druid(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What these records are there."""
    return [
        {
            "__time": FIRST_MS + (record["date"] - FIRST).days * DAY_MS,
            **{key: record[key] for key in ("campaign", "spend", "clicks")},
        }
        for record in records
    ]


def fault_of(overlord: Overlord, folder: Path, records: Any = RECORDS, **settings: Any) -> JobFault:
    with pytest.raises(JobFault) as caught:
        load(overlord, folder, records, **settings)
    return caught.value


@DIALECTS
def test_rows_are_loaded_by_a_task_that_is_followed_to_its_end(
    overlord: Overlord, tmp_path: Path, dialect: str
) -> None:
    overlord.polls = 3
    done = load(overlord, tmp_path, dialect=dialect)
    name = f"headgate-{JOB}-0" if dialect == "NATIVE" else f"query-headgate-{JOB}-0"
    assert loaded(overlord) == in_druid(RECORDS)
    assert list(overlord.tasks) == [name]
    assert done.said["task"] == name
    assert done.said["rows"] == done.said["report"]["processed"] == 3
    assert {asked.path for asked in overlord.asked if asked.method == "POST"} == {
        TASK if dialect == "NATIVE" else STATEMENT
    }


@DIALECTS
def test_rows_are_handed_over_in_a_bucket(
    overlord: Overlord, store: Store, tmp_path: Path, dialect: str
) -> None:
    keys = []

    def read(bucket: str, path: str) -> bytes:
        keys.append((bucket, path))
        return store.get(path)

    overlord.read_object = read
    load(overlord, tmp_path, dialect=dialect, storage="store", store=store)
    assert loaded(overlord) == in_druid(RECORDS)
    assert keys == [(store.bucket, f"team/headgate/druid/{JOB}-0.parquet")]
    assert store.keys() == []


@DIALECTS
def test_a_job_that_is_tried_again_loads_nothing_twice(
    overlord: Overlord, tmp_path: Path, dialect: str
) -> None:
    said = [load(overlord, tmp_path, dialect=dialect).said for _ in range(2)]
    assert loaded(overlord) == in_druid(RECORDS)
    assert said[0] == said[1]
    assert len(overlord.tasks) == 1


def test_a_job_that_is_tried_again_goes_on_with_a_task_that_runs(overlord: Overlord, tmp_path: Path) -> None:
    overlord.polls = 5

    def stop(stage: str, **figures: Any) -> None:
        if overlord.tasks:
            raise Stopped

    sink = DruidSink(endpoint="druid", datasource="ads", timestamp_column="date")
    with pytest.raises(Stopped):
        sink.write(rows_of(tmp_path, RECORDS), delivery_of(tmp_path, outside_of(overlord), watch=stop))
    load(overlord, tmp_path)
    assert len(overlord.tasks) == 1
    assert loaded(overlord) == in_druid(RECORDS)


def test_a_spec_that_druid_refuses_fails_the_sink(overlord: Overlord, tmp_path: Path) -> None:
    overlord.troubles = [Reply(400, {"error": "no such type"})]
    fault = fault_of(overlord, tmp_path)
    assert fault.code == "HTTP_STATUS"
    assert overlord.tasks == {}


def test_a_call_that_fails_for_a_while_is_made_again(overlord: Overlord, tmp_path: Path) -> None:
    overlord.troubles = [unavailable(), None, unavailable()]
    load(overlord, tmp_path)
    assert loaded(overlord) == in_druid(RECORDS)


@DIALECTS
def test_to_append_keeps_what_is_there(overlord: Overlord, tmp_path: Path, dialect: str) -> None:
    load(overlord, tmp_path, job="job_1", dialect=dialect)
    load(overlord, tmp_path, RECORDS[:1], job="job_2", dialect=dialect)
    assert loaded(overlord) == in_druid([*RECORDS, RECORDS[0]])


@DIALECTS
def test_to_replace_takes_the_place_of_all_in_the_days_of_the_rows(
    overlord: Overlord, tmp_path: Path, dialect: str
) -> None:
    later = [{**RECORDS[0], "date": FIRST + dt.timedelta(days=days)} for days in (1, 3)]
    load(overlord, tmp_path, [*RECORDS, *later], job="job_1", dialect=dialect)
    new = [{**RECORDS[0], "campaign": "new"}, RECORDS[2]]
    load(overlord, tmp_path, new, job="job_2", dialect=dialect, mode="REPLACE")
    assert loaded(overlord) == in_druid([later[1], *new])


@DIALECTS
@pytest.mark.parametrize("mode", ["APPEND", "REPLACE"])
def test_no_rows_replace_nothing(overlord: Overlord, tmp_path: Path, dialect: str, mode: str) -> None:
    load(overlord, tmp_path, job="job_1", dialect=dialect)
    none = pl.DataFrame(RECORDS).clear()
    done = load(overlord, tmp_path, none, job="job_2", dialect=dialect, mode=mode)
    assert done.said["task"] is None
    assert len(overlord.submitted()) == 1
    assert loaded(overlord) == in_druid(RECORDS)


@pytest.mark.parametrize(
    ("times", "good"),
    [
        (["2026-01-01", "yesterday", "2026-01-01T00:00:00Z", None], [0, 2]),
        ([FIRST, None], [0]),
        ([dt.datetime(2026, 1, 1), None], [0]),
        ([FIRST_MS, None], [0]),
        ([dt.datetime(2026, 1, 1, tzinfo=dt.UTC), None], [0]),
    ],
    ids=["text", "dates", "moments", "milliseconds", "zoned moments"],
)
def test_rows_without_a_timestamp_are_refused(
    overlord: Overlord, tmp_path: Path, times: list[Any], good: list[int]
) -> None:
    done = load(overlord, tmp_path, pl.DataFrame({"date": times, "id": range(len(times))}))
    assert [(row["__time"], row["id"]) for row in overlord.tables["ads"]] == [(FIRST_MS, at) for at in good]
    # Every other number was rejected before.
    assert list(done.refused.index) == [2 * at for at in range(len(times)) if at not in good]
    assert "date" in done.refused.message[0]


def test_values_are_numbers_or_text(overlord: Overlord, tmp_path: Path) -> None:
    record = {
        "date": FIRST,
        "price": Decimal("1.25"),
        "flag": True,
        "day": FIRST,
        "tags": ["a", "b"],
        "place": {"city": "Ulm"},
    }
    load(overlord, tmp_path, [record, record])
    (spec,) = overlord.submitted()
    types = spec["spec"]["dataSchema"]["dimensionsSpec"]["dimensions"]
    assert {each["name"]: each["type"] for each in types} == {
        "price": "double",
        "flag": "string",
        "day": "string",
        "tags": "string",
        "place": "string",
    }
    assert overlord.tables["ads"][0] == {
        "__time": FIRST_MS,
        "price": 1.25,
        "flag": "true",
        "day": "2026-01-01",
        "tags": '["a","b"]',
        "place": '{"city":"Ulm"}',
    }


@DIALECTS
def test_a_task_that_fails_fails_the_sink_with_what_druid_says(
    overlord: Overlord, tmp_path: Path, dialect: str
) -> None:
    overlord.faults = ["The worker was lost"]
    fault = fault_of(overlord, tmp_path, dialect=dialect)
    assert fault.code == "DRUID_TASK_FAILED"
    assert "The worker was lost" in fault.message
    assert fault.category == "DEPENDENCY"
    assert fault.retryable


def test_a_task_that_fails_for_the_data_is_not_tried_again(overlord: Overlord, tmp_path: Path) -> None:
    overlord.faults = ["Max parse exceptions [0] exceeded"]
    fault = fault_of(overlord, tmp_path)
    assert fault.category == "DATA"
    assert not fault.retryable


@DIALECTS
def test_after_a_task_that_failed_the_next_attempt_has_one_of_its_own(
    overlord: Overlord, tmp_path: Path, dialect: str
) -> None:
    overlord.faults = ["The worker was lost", "The worker was lost again"]
    for _ in range(2):
        fault_of(overlord, tmp_path, dialect=dialect)
    done = load(overlord, tmp_path, dialect=dialect)
    assert done.said["task"].endswith(f"headgate-{JOB}-0-3")
    assert loaded(overlord) == in_druid(RECORDS)


@DIALECTS
def test_rows_that_druid_loses_fail_the_sink(overlord: Overlord, tmp_path: Path, dialect: str) -> None:
    overlord.lost = 1
    fault = fault_of(overlord, tmp_path, dialect=dialect)
    assert fault.code == "DRUID_ROWS_MISMATCH"
    assert fault.details is not None
    assert fault.details["sent"] == 3
    assert fault.details["reported"]["processed"] == 2


@DIALECTS
def test_a_success_without_a_report_is_no_success_yet(
    overlord: Overlord, tmp_path: Path, dialect: str
) -> None:
    overlord.reports = False
    fault = fault_of(overlord, tmp_path, dialect=dialect)
    assert fault.code == "DRUID_NO_REPORT"
    assert fault.retryable
    overlord.reports = True
    load(overlord, tmp_path, dialect=dialect)
    assert loaded(overlord) == in_druid(RECORDS)


def test_a_task_that_druid_forgets_is_told(overlord: Overlord, tmp_path: Path) -> None:
    def forget(stage: str, **figures: Any) -> None:
        overlord.tasks.clear()

    sink = DruidSink(endpoint="druid", datasource="ads", timestamp_column="date")
    with pytest.raises(JobFault, match="DRUID_TASK_LOST"):
        sink.write(rows_of(tmp_path, RECORDS), delivery_of(tmp_path, outside_of(overlord), watch=forget))


def test_a_job_that_is_stopped_follows_no_more(overlord: Overlord, tmp_path: Path) -> None:
    overlord.polls = 1_000_000

    def stop(stage: str, **figures: Any) -> None:
        if overlord.tasks:
            raise Stopped

    sink = DruidSink(endpoint="druid", datasource="ads", timestamp_column="date")
    with pytest.raises(Stopped):
        sink.write(rows_of(tmp_path, RECORDS), delivery_of(tmp_path, outside_of(overlord), watch=stop))


def test_what_is_too_much_for_a_task_needs_a_bucket(
    overlord: Overlord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(druid, "INLINE_BYTES", 10)
    assert fault_of(overlord, tmp_path).code == "DRUID_TOO_LARGE"
    assert overlord.submitted() == []


def test_ratios_are_left_out_of_what_is_rolled_up(overlord: Overlord, tmp_path: Path) -> None:
    records = [{**record, "ctr": 0.5, "CPC": 0.1} for record in RECORDS]
    metrics = [{"function": "SUM", "column": "clicks", "as": "clicks"}]
    done = load(overlord, tmp_path, records, metrics=metrics)
    assert done.said["leftOut"] == ["ctr", "CPC"]
    assert load(overlord, tmp_path, records, job="job_2").said["leftOut"] == []


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"timestampColumn": "nothing"}, "UNKNOWN_COLUMN"),
        ({"timestampColumn": "spend"}, "WRONG_TYPE"),
        ({"dimensions": ["nothing"]}, "UNKNOWN_COLUMN"),
        ({"metrics": [{"function": "SUM", "column": "campaign"}]}, "NOT_NUMERIC"),
        ({"metrics": [{"function": "SUM", "column": "nothing"}]}, "UNKNOWN_COLUMN"),
        ({"endpoint": "store"}, "UNKNOWN_ENDPOINT"),
        ({"storage": "druid"}, "WRONG_ENDPOINT"),
    ],
    ids=str,
)
def test_settings_that_do_not_fit_the_rows_are_told(
    overlord: Overlord, tmp_path: Path, settings: dict[str, Any], code: str
) -> None:
    assert fault_of(overlord, tmp_path, **settings).code == code
    assert overlord.submitted() == []


def test_a_column_that_druid_has_a_use_for_can_be_no_other(overlord: Overlord, tmp_path: Path) -> None:
    records = [{**record, "__time": 1} for record in RECORDS]
    assert fault_of(overlord, tmp_path, records).code == "WRONG_COLUMN"


@pytest.mark.parametrize(
    "settings",
    [
        {"datasource": ""},
        {"datasource": "a/b"},
        {"timestampColumn": ""},
        {"segmentGranularity": "MINUTELY"},
        {"dimensions": []},
        {"dimensions": ["a", "a"]},
        {"dimensions": ["date"]},
        {"dimensions": ["__time"]},
        {"metrics": [{"function": "MEAN", "column": "spend"}]},
        {"metrics": [{"function": "COUNT", "column": "spend"}]},
        {"metrics": [{"function": "SUM", "column": "ctr"}]},
        {"metrics": [{"function": "COUNT", "as": "n"}], "dimensions": ["cpc"]},
        {"metrics": [{"function": "COUNT", "as": "n"}, {"function": "COUNT", "as": "n"}]},
        {"dialect": "JSON"},
        {"mode": "UPSERT"},
    ],
    ids=str,
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        DruidSink.model_validate(
            {"endpoint": "druid", "datasource": "ads", "timestampColumn": "date", **settings}
        )


def test_the_example_loads_its_records(overlord: Overlord, tmp_path: Path) -> None:
    rows = rows_of(tmp_path, DruidSink.records)
    done = DruidSink.from_example().write(rows, delivery_of(tmp_path, outside_of(overlord)))
    assert done.said["rows"] == 2
