"""Items are carried out by calls to real servers, so many at once; what fails of them stops no other."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from headgate.errors import JobFault
from headgate.pipelines.endpoints import retrying
from headgate.pipelines.endpoints.outside import Endpoint, Outside
from headgate.pipelines.mappings import MAX_RESPONSE_BYTES, Item, Result, Tally, carry_out
from headgate.pipelines.orders import Stopped
from headgate.pipelines.transformation import Transformation
from tests.restapi import CUT, Asked, Reply, RestApi, serving_api, unavailable

JOB = "job_1"
KEY = "idempotency-key"


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[RestApi]:
    monkeypatch.setattr(retrying, "FIRST_WAIT_S", 0.001)
    with serving_api() as api:
        api.routes["/in"] = lambda asked: Reply(said={"name": "Ada", "of": asked.query.get("id")})
        api.routes["/out"] = lambda asked: Reply(201, {"got": asked.json})
        yield api


def outside(api: RestApi, **settings: Any) -> Outside:
    endpoints = {
        "crm": Endpoint("crm", "HTTP", {"url": api.url, **settings}),
        "ads": Endpoint("ads", "HTTP", {"url": api.url, "maxAttempts": 3, **settings}),
        "stand-in": Endpoint("stand-in", "SIMULATED", {"successRate": 0.5, "seed": 1}),
        "rows": Endpoint("rows", "SQL", {}),
    }
    return Outside(endpoints, [ip_network("127.0.0.0/8")], 20)


def item(position: int, *data: Any, target: str = "ads", **said: Any) -> Item:
    transformation = Transformation.model_validate({"targetPath": "/out", "sourcePath": "/in", **said})
    return Item(position, f"item-{position}", "crm", target, transformation, data)


class Run:
    """Carries out items, and remembers what it was told."""

    def __init__(self, where: Outside) -> None:
        self.where = where
        self.results: dict[int, Result] = {}
        self.figures: list[dict[str, Any]] = []
        self.watch: Callable[..., None] = lambda stage, **figures: self.figures.append(figures)

    def __call__(self, items: list[Item], at_once: int = 5, tally: Tally | None = None) -> dict[int, Result]:
        tally = tally or Tally(len(items), 0, 0)
        carry_out(JOB, items, tally, self.where, at_once=at_once, watch=self.told, done=self.done)
        return self.results

    def told(self, stage: str, **figures: Any) -> None:
        self.watch(stage, **figures)

    def done(self, results: list[Result]) -> None:
        for result in results:
            assert result["position"] not in self.results
            self.results[result["position"]] = result


def test_an_item_is_read_changed_and_written_under_a_key_of_its_own(api: RestApi) -> None:
    said = item(3, sourcePath="/in?id={id}", rename={"name": "full_name"}, set={"source": "crm"})
    results = Run(outside(api))([said])
    sent = {"of": "item-3", "full_name": "Ada", "source": "crm"}
    assert results == {
        3: {"position": 3, "status": "SUCCEEDED", "attempts": 1, "response": {"got": sent}, "failure": None}
    }
    read, written = api.asked
    assert (read.method, read.path, KEY in read.headers) == ("GET", "/in", False)
    assert (written.method, written.headers[KEY], written.json) == ("POST", "job_1:item-3", sent)


def test_data_that_is_given_is_not_read(api: RestApi) -> None:
    Run(outside(api))([item(0, {"a": 1}, method="PUT"), item(1, None)], at_once=1)
    assert [(asked.method, asked.path, asked.json) for asked in api.asked] == [
        ("PUT", "/out", {"a": 1}),
        ("POST", "/out", None),
    ]


def test_what_passes_is_tried_again_under_the_same_key_and_counted(api: RestApi) -> None:
    api.troubles = [unavailable(), CUT, None]
    results = Run(outside(api))([item(0, {"a": 1})])
    assert (results[0]["status"], results[0]["attempts"]) == ("SUCCEEDED", 3)
    assert {asked.headers[KEY] for asked in api.asked} == {"job_1:item-0"}


def test_failed_items_stop_no_other_and_say_why(api: RestApi) -> None:
    replies = {
        "fine": Reply(200, {"ok": True}),
        "refused": Reply(422, {"error": "s3cret"}),
        "down": unavailable(),
    }
    api.routes["/out"] = lambda asked: replies[asked.json["as"]]
    kinds = ["fine", "refused", "down", "fine"]
    items = [item(number, {"as": kind}) for number, kind in enumerate(kinds)]
    items.append(item(4, {"a": 1}, select=["b"]))
    items.append(item(5, sourcePath="/nowhere"))
    results = Run(outside(api))(items)
    told = {
        at: (each["attempts"], (each["failure"] or {}).get("code"), (each["failure"] or {}).get("category"))
        for at, each in results.items()
    }
    assert told == {
        0: (1, None, None),
        1: (1, "HTTP_STATUS", "DEPENDENCY"),
        2: (3, "HTTP_STATUS", "DEPENDENCY"),
        3: (1, None, None),
        4: (0, "MISSING_FIELD", "DATA"),
        5: (1, "HTTP_STATUS", "DEPENDENCY"),
    }
    assert results[2]["failure"]["details"] == {"status": 503}
    assert "s3cret" not in str(results)


def test_no_more_items_are_under_way_than_are_allowed_and_as_many_as_are(api: RestApi) -> None:
    all_there, most, now = threading.Barrier(4), 0, 0
    lock = threading.Lock()

    def slow(asked: Asked) -> Reply:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        all_there.wait(20)
        with lock:
            now -= 1
        return Reply()

    api.routes["/out"] = slow
    results = Run(outside(api))([item(number, {}) for number in range(12)], at_once=4)
    assert (len(results), most) == (12, 4)


def test_simulated_endpoints_fail_as_often_as_they_are_set_to(api: RestApi) -> None:
    where = outside(api)
    items = [item(number, {"n": number}, target="stand-in") for number in range(100)]
    results = Run(where)(items)
    failed = [each for each in results.values() if each["status"] == "FAILED"]
    assert 30 < len(failed) < 70
    assert api.asked == []
    assert all(each["failure"]["category"] == "DEPENDENCY" for each in failed)


def test_progress_goes_on_from_what_was_done_before(api: RestApi) -> None:
    run = Run(outside(api))
    run([item(number, {}) for number in range(2)], tally=Tally(10, 5, 3))
    assert run.figures[0] == {"fraction": 0.8, "rows_read": 8, "rows_written": 5}
    assert run.figures[-1] == {"fraction": 1.0, "rows_read": 10, "rows_written": 7}


def test_a_stop_lets_what_is_under_way_end_and_begins_nothing_more(api: RestApi) -> None:
    run, begun, go = Run(outside(api)), threading.Semaphore(0), threading.Event()

    def held(asked: Asked) -> Reply:
        begun.release()
        go.wait(20)
        return Reply()

    def stop_when_both_have_begun(stage: str, **figures: Any) -> None:
        if begun.acquire(blocking=False) and begun.acquire(timeout=20):
            go.set()
            raise Stopped

    api.routes["/out"] = held
    run.watch = stop_when_both_have_begun
    with pytest.raises(Stopped):
        run([item(number, {}) for number in range(50)], at_once=2)
    assert len(api.asked) == 2
    assert {each["status"] for each in run.results.values()} == {"SUCCEEDED"}
    assert len(run.results) == 2


def test_an_endpoint_that_cannot_be_called_fails_the_job(api: RestApi) -> None:
    for target, code in (("nowhere", "UNKNOWN_ENDPOINT"), ("rows", "WRONG_ENDPOINT")):
        with pytest.raises(JobFault) as failed:
            Run(outside(api))([item(0, {}, target=target)])
        assert failed.value.code == code
    assert api.asked == []


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"", None),
        (b'{"a": [1, null]}', {"a": [1, None]}),
        (b"done", "done"),
        (b"\xff\x00", "\ufffd\x00"),
        (b"9" * 400, "9" * 400),
        (b'"' + b"x" * 20_000 + b'"', '"' + "x" * (MAX_RESPONSE_BYTES - 1)),
    ],
    ids=["nothing", "json", "text", "bytes", "number", "long"],
)
def test_what_a_target_answers_is_kept_up_to_a_bound(api: RestApi, content: bytes, kept: Any) -> None:
    api.routes["/out"] = lambda asked: Reply(content=content)
    results = Run(outside(api))([item(0, {})])
    assert (results[0]["status"], results[0]["response"]) == ("SUCCEEDED", kept)


def test_ids_of_any_characters_make_keys_that_differ(api: RestApi) -> None:
    ids = ["a b", "a%20b", "é", "a\r\nX: y", "☃", "a/b", "a?b"]
    change = Transformation(target_path="/out")
    results = Run(outside(api))([Item(n, id, "crm", "ads", change, [{}]) for n, id in enumerate(ids)])
    assert {each["status"] for each in results.values()} == {"SUCCEEDED"}
    keys = Counter(asked.headers[KEY] for asked in api.asked)
    assert len(keys) == len(ids)
    assert all("x" not in asked.headers for asked in api.asked)


def test_each_item_is_carried_out_once(api: RestApi) -> None:
    results = Run(outside(api))([item(number, {"n": number}) for number in range(200)], at_once=16)
    assert sorted(results) == list(range(200))
    assert Counter(asked.json["n"] for asked in api.asked) == Counter(range(200))
