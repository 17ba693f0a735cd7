"""What an endpoint knows of the keys of rows, asked once for each."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest
from pydantic import ValidationError

from headgate.errors import JobFault
from headgate.pipelines.endpoints import retrying
from headgate.pipelines.endpoints.outside import Endpoint, Outside
from tests.pipelines.steps.harness import Applied, run, step, table_of
from tests.restapi import Asked, Reply, RestApi, serving_api, unavailable

CUSTOMERS = {"7": {"name": "Ann", "tags": ["a"], "score": 1}, "9": {"name": "Ben", "score": 2.5}}
BY_PATH = {"path": "/customers/{id}", "columns": ["id"]}
NAME = [{"path": "data.name", "name": "customer"}]


def customer(asked: Asked) -> Reply:
    """One of the customers."""
    key = asked.query.get("id") or asked.path.rpartition("/")[2]
    return Reply(said={"data": CUSTOMERS[key]}) if key in CUSTOMERS else Reply(404)


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[RestApi]:
    monkeypatch.setattr(retrying, "FIRST_WAIT_S", 0.001)
    with serving_api() as api:
        api.routes |= {f"/customers/{key}": customer for key in ("7", "9", "8", "7.5")}
        api.routes["/customers"] = customer
        yield api


def looked_up(api: RestApi, rows: dict[str, list[Any]], **settings: Any) -> Applied:
    """Rows with what the API knows of them."""
    outside = Outside({"crm": Endpoint("crm", "HTTP", {"url": api.url})}, [ip_network("127.0.0.0/8")], 20)
    return run(
        step("lookup", endpoint="crm", **({"fields": NAME} | settings)), table_of(rows, outside=outside)
    )


def test_each_key_is_asked_for_once_and_rows_keep_their_order(api: RestApi) -> None:
    applied = looked_up(api, {"id": ["9", "7", None, "8", "7"], "n": [1, 2, 3, 4, 5]}, **BY_PATH)
    assert applied["customer"] == ["Ben", "Ann", None, None, "Ann"]
    assert applied.indexes == [0, 1, 2, 3, 4]
    assert applied.frame.columns == ["id", "n", "customer"]
    assert sorted(api.paths()) == ["/customers/7", "/customers/8", "/customers/9"]


@pytest.mark.parametrize("ids", [[7, 9], [7.0, 9.0], ["7", "9"]])
def test_whole_numbers_are_spelled_without_a_point(api: RestApi, ids: list[Any]) -> None:
    assert looked_up(api, {"id": ids}, **BY_PATH)["customer"] == ["Ann", "Ben"]


def test_columns_that_are_not_in_the_path_are_sent_as_parameters(api: RestApi) -> None:
    settings = {"path": "/customers", "columns": ["id", "region"], "params": {"v": 2}}
    applied = looked_up(api, {"id": ["7", "7"], "region": ["north & south", None]}, **settings)
    assert applied["customer"] == ["Ann", None]
    assert [asked.query for asked in api.asked] == [{"v": "2", "id": "7", "region": "north & south"}]


def test_a_value_can_lead_nowhere_else_by_the_path(api: RestApi) -> None:
    api.routes["/admin"] = lambda asked: Reply(said={"data": {"name": "secret"}})
    ids = ["..", ".", "", "../admin", "7?x=1", "http://127.0.0.1/admin"]
    assert looked_up(api, {"id": ids}, **BY_PATH)["customer"] == [None] * 6
    assert all(path.startswith("/customers/") for path in api.paths())
    assert len(api.asked) == 3


def test_fields_are_typed_by_what_was_answered(api: RestApi) -> None:
    fields = [{"path": f"data.{name}", "name": name} for name in ("name", "score", "tags", "none")]
    assert looked_up(api, {"id": ["7", "9"]}, **BY_PATH, fields=fields).rows == [
        {"id": "7", "name": "Ann", "score": 1.0, "tags": '["a"]', "none": None},
        {"id": "9", "name": "Ben", "score": 2.5, "tags": None, "none": None},
    ]


def test_a_row_whose_key_is_unknown_is_rejected_where_that_is_wanted(api: RestApi) -> None:
    applied = looked_up(api, {"id": ["8", "7", None]}, **BY_PATH, onMissing="REJECT")
    assert applied.rejected == [(0, "id", "LOOKUP")]
    assert (applied["customer"], applied.indexes) == (["Ann", None], [1, 2])
    assert sorted(api.paths()) == ["/customers/7", "/customers/8"]


@pytest.mark.parametrize(
    ("settings", "code", "category"),
    [
        ({"onMissing": "FAIL"}, "LOOKUP_MISSING", "DATA"),
        ({"maxKeys": 1}, "TOO_MANY_KEYS", "CONFIG"),
        ({"fields": [{"path": "x", "name": "ID"}]}, "COLUMN_EXISTS", "CONFIG"),
        ({"columns": ["id", "nothing"]}, "UNKNOWN_COLUMN", "CONFIG"),
        ({"endpoint": "other"}, "UNKNOWN_ENDPOINT", "CONFIG"),
    ],
)
def test_what_can_not_be_looked_up_fails_the_job(
    api: RestApi, settings: dict[str, Any], code: str, category: str
) -> None:
    outside = Outside({"crm": Endpoint("crm", "HTTP", {"url": api.url})}, [ip_network("127.0.0.0/8")], 20)
    lookup = step("lookup", **({"endpoint": "crm", "fields": NAME} | BY_PATH | settings))
    with pytest.raises(JobFault, match=code) as fault:
        run(lookup, table_of({"id": ["8", "7"]}, outside=outside))
    assert fault.value.category == category


def test_trouble_that_passes_is_waited_for_and_trouble_that_lasts_fails_the_job(api: RestApi) -> None:
    api.troubles = [unavailable()]
    assert looked_up(api, {"id": ["7"]}, **BY_PATH)["customer"] == ["Ann"]
    api.routes["/customers/8"] = lambda asked: Reply(403)
    with pytest.raises(JobFault, match=r"HTTP_STATUS.*403"):
        looked_up(api, {"id": ["8", "7"]}, **BY_PATH)
    api.routes["/customers/8"] = lambda asked: Reply(content=b"<html>")
    with pytest.raises(JobFault, match="INVALID_ANSWER"):
        looked_up(api, {"id": ["8"]}, **BY_PATH)


def test_a_simulated_endpoint_answers_as_well() -> None:
    lookup = step("lookup", endpoint="crm", **BY_PATH, fields=[{"path": "path", "name": "p"}])
    outside = Outside({"crm": Endpoint("crm", "SIMULATED", {"successRate": 1, "latencyMs": 0})})
    assert run(lookup, table_of({"id": ["7"]}, outside=outside))["p"] == ["/customers/7"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"columns": []}, "at least 1 item"),
        ({"path": "/x/{other}"}, "names {other}, which is none of columns"),
        ({"path": "https://example.org/{id}"}, "lies below the endpoint's URL"),
        ({"path": "//example.org/{id}"}, "lies below the endpoint's URL"),
        ({"fields": []}, "at least 1 item"),
        ({"fields": [{"path": "a", "name": "x"}, {"path": "b", "name": "X"}]}, "named twice"),
        ({"maxKeys": 0}, "greater than or equal to 1"),
        ({"onMissing": "SKIP"}, "Input should be"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        step("lookup", **({"endpoint": "crm", "fields": NAME} | BY_PATH | settings))
