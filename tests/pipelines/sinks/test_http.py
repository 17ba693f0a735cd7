"""The sink `http` sends rows in batches, and tells rows that the server refuses from all other trouble."""

from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.endpoints.outside import Endpoint, Outside
from headgate.pipelines.orders import Stopped
from headgate.pipelines.sinks import http
from headgate.pipelines.sinks.http import HttpSink
from headgate.pipelines.sinks.sink import Delivered
from tests.pipelines.deliveries import delivery_of, rows_of
from tests.pipelines.intake import new_intake
from tests.restapi import Asked, Reply, RestApi, serving_api, unavailable

PATH = "/batch"
LOOPBACK = (ip_network("127.0.0.0/8"),)
RECORDS = [{"id": number, "name": f"name {number}"} for number in range(7)]


@pytest.fixture
def api() -> Iterator[RestApi]:
    with serving_api() as served:
        served.routes[PATH] = lambda asked: Reply(said={"ok": True})
        yield served


def outside_of(api: RestApi, **more: Any) -> Outside:
    endpoint = Endpoint("crm", "HTTP", {"url": api.url, "maxAttempts": 2, **more})
    return Outside({"crm": endpoint}, LOOPBACK)


def send(api: RestApi, folder: Path, records: Sequence[dict[str, Any]] = RECORDS, **sink: Any) -> Delivered:
    made = HttpSink.model_validate({"endpoint": "crm", "path": PATH, **sink})
    return made.write(rows_of(folder, records), delivery_of(folder, outside_of(api)))


def bodies(api: RestApi) -> list[Any]:
    return [asked.json for asked in api.asked]


def keys(api: RestApi) -> list[str]:
    return [asked.headers["idempotency-key"] for asked in api.asked]


def refusing(status: int, is_bad: Callable[[dict[str, Any]], bool]) -> Callable[[Asked], Reply]:
    """A server that takes a batch whole or not at all."""
    return lambda asked: Reply(status if any(map(is_bad, asked.json)) else 201)


def test_rows_are_sent_in_batches_in_their_order(api: RestApi, tmp_path: Path) -> None:
    done = send(api, tmp_path, batchSize=3)
    assert bodies(api) == [RECORDS[:3], RECORDS[3:6], RECORDS[6:]]
    assert {asked.method for asked in api.asked} == {"POST"}
    assert done.refused.index == []
    assert done.said == {"requests": 3, "sent": 7, "refused": 0}


def test_rows_are_sent_under_a_key(api: RestApi, tmp_path: Path) -> None:
    send(api, tmp_path, recordsKey="items", method="PUT")
    assert bodies(api) == [{"items": RECORDS}]
    assert api.asked[0].method == "PUT"


def test_each_row_is_sent_by_itself(api: RestApi, tmp_path: Path) -> None:
    send(api, tmp_path, RECORDS[:2], body="OBJECT")
    assert bodies(api) == RECORDS[:2]


def test_no_rows_make_no_request(api: RestApi, tmp_path: Path) -> None:
    rows = rows_of(tmp_path, pl.DataFrame(schema={"id": pl.Int64}))
    HttpSink(endpoint="crm", path=PATH).write(rows, delivery_of(tmp_path, outside_of(api)))
    assert api.asked == []


def test_rows_that_results_say_were_refused_are_told_with_the_message(api: RestApi, tmp_path: Path) -> None:
    def answer(asked: Asked) -> Reply:
        results = [{"ok": row["id"] != 4, "error": {"why": "no such city"}} for row in asked.json]
        return Reply(207, {"data": {"results": results}})

    api.routes[PATH] = answer
    results = {"path": "data.results", "okField": "ok", "messageField": "error.why"}
    done = send(api, tmp_path, batchSize=3, results=results)
    # Every other number was rejected before.
    assert list(done.refused.index) == [8]
    assert list(done.refused.message) == ["no such city"]
    assert done.said["refused"] == 1


@pytest.mark.parametrize(
    ("status", "is_taken"),
    [
        (200, True),
        (204, True),
        (True, True),
        ("created", True),
        ("201", True),
        (409, False),
        (500, False),
        (False, False),
        ("bad", False),
        (None, False),
        ({}, False),
    ],
    ids=str,
)
def test_a_result_may_have_a_status(api: RestApi, tmp_path: Path, status: Any, is_taken: bool) -> None:
    api.routes[PATH] = lambda asked: Reply(said=[{"status": status}])
    done = send(api, tmp_path, RECORDS[:1], results={"statusField": "status"})
    assert list(done.refused.index) == ([] if is_taken else [0])
    assert all(done.refused.message)


@pytest.mark.parametrize("said", [{"results": []}, {"results": None}, {}, [], "text", None], ids=str)
def test_an_answer_without_a_result_for_each_row_fails_the_sink(
    api: RestApi, tmp_path: Path, said: Any
) -> None:
    api.routes[PATH] = lambda asked: Reply(said=said)
    with pytest.raises(JobFault, match="INVALID_ANSWER"):
        send(api, tmp_path, results={"path": "results", "okField": "ok"})


@given(
    count=st.integers(1, 30),
    bad=st.sets(st.integers(0, 29), max_size=6),
    size=st.integers(1, 12),
    status=st.sampled_from([400, 409, 413, 422]),
)
@settings(max_examples=25)
def test_refused_batches_are_halved_until_refused_rows_are_found(
    count: int, bad: set[int], size: int, status: int
) -> None:
    records = [{"id": number} for number in range(count)]
    with serving_api() as api, new_intake() as intake:
        api.routes[PATH] = refusing(status, lambda row: row["id"] in bad)
        done = send(api, intake.folder, records, batchSize=size)
        taken = [row["id"] for body in bodies(api) if not any(r["id"] in bad for r in body) for row in body]
    expected = sorted(number for number in bad if number < count)
    assert [index // 2 for index in done.refused.index] == expected
    assert taken == [number for number in range(count) if number not in bad]


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_other_trouble_fails_the_sink(api: RestApi, tmp_path: Path, status: int) -> None:
    api.routes[PATH] = lambda asked: Reply(status)
    with pytest.raises(JobFault) as caught:
        send(api, tmp_path, batchSize=2)
    assert (caught.value.details or {}).get(
        "status"
    ) == status or caught.value.code == "AUTHENTICATION_FAILED"
    assert len(api.asked) == 1


def test_a_server_that_refuses_everything_is_given_up(
    api: RestApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "MAX_REFUSED", 3)
    api.routes[PATH] = lambda asked: Reply(400)
    with pytest.raises(JobFault, match="ROWS_REFUSED"):
        send(api, tmp_path, batchSize=1)
    assert len(api.asked) == 4


def test_a_batch_that_is_sent_again_has_the_same_key(api: RestApi, tmp_path: Path) -> None:
    api.troubles = [unavailable()]
    send(api, tmp_path, batchSize=4)
    first = keys(api)
    assert first[0] == first[1] != first[2]
    api.asked.clear()
    send(api, tmp_path, batchSize=4)
    assert keys(api) == first[1:]


def test_rows_that_look_the_same_have_keys_of_their_own(api: RestApi, tmp_path: Path) -> None:
    send(api, tmp_path, [{"id": 1}] * 4, batchSize=2)
    assert len(set(keys(api))) == 2


def test_a_job_that_is_stopped_sends_no_more(api: RestApi, tmp_path: Path) -> None:
    def stop(stage: str, **figures: Any) -> None:
        if len(api.asked) == 1:
            raise Stopped

    sink = HttpSink(endpoint="crm", path=PATH, batch_size=2)
    with pytest.raises(Stopped):
        sink.write(rows_of(tmp_path, RECORDS), delivery_of(tmp_path, outside_of(api), watch=stop))
    assert len(api.asked) == 1


def test_a_simulated_endpoint_takes_rows(tmp_path: Path) -> None:
    outside = Outside({"crm": Endpoint("crm", "SIMULATED", {"successRate": 1, "latencyMs": 0})})
    done = HttpSink(endpoint="crm").write(rows_of(tmp_path, RECORDS), delivery_of(tmp_path, outside))
    assert done.said == {"requests": 1, "sent": 7, "refused": 0}


@pytest.mark.parametrize(
    "sink",
    [
        {},
        {"method": "GET"},
        {"batchSize": 0},
        {"batchSize": 10_001},
        {"body": "OBJECT", "batchSize": 2},
        {"body": "OBJECT", "results": {"okField": "ok"}},
        {"results": {}},
        {"results": {"okField": "ok", "statusField": "status"}},
        {"recordsKey": ""},
    ],
    ids=str,
)
def test_wrong_settings_are_refused(sink: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HttpSink.model_validate({"endpoint": "crm", **sink} if sink else sink)


def test_the_example_sends_its_records(api: RestApi, tmp_path: Path) -> None:
    api.routes["/contacts/batch"] = lambda asked: Reply(
        said={"results": [{"ok": True} for _ in asked.json["contacts"]]}
    )
    rows = rows_of(tmp_path, HttpSink.records)
    done = HttpSink.from_example().write(rows, delivery_of(tmp_path, outside_of(api)))
    assert done.said == {"requests": 1, "sent": 2, "refused": 0}
