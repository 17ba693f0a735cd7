"""A probe says whether an endpoint can be used, and never more of it than that."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from headgate.pipelines.probes import run_probe
from tests.buckets import SECRET, Store
from tests.pipelines.endpoints.conftest import unwatched
from tests.restapi import CUT, Reply, RestApi, days, serving_api, unavailable

Probe = Callable[..., dict[str, Any]]


@pytest.fixture
def api() -> Iterator[RestApi]:
    with serving_api() as api:
        yield api


@pytest.fixture
def probe(api: RestApi) -> Probe:
    def probe(
        kind: str = "HTTP", networks: tuple[str, ...] = ("127.0.0.0/8",), **settings: Any
    ) -> dict[str, Any]:
        given = settings if kind == "SIMULATED" else {"url": api.url, **settings}
        secrets = {} if kind == "SIMULATED" else {"token": "t0ken-s3cret"}
        endpoints = {"ads": {"kind": kind, "settings": given, "secrets": secrets}}
        outside = {"endpoints": endpoints, "networks": list(networks), "timeout_s": 5}
        said = run_probe({"endpoint": "ads", "outside": outside}, unwatched)
        assert "s3cret" not in said["message"]
        assert 0 <= said["latency_ms"] < 9000
        return said

    return probe


@pytest.mark.parametrize("status", [200, 204, 400, 404, 405, 429])
def test_a_web_service_that_answers_is_fine(api: RestApi, probe: Probe, status: int) -> None:
    api.routes["/"] = lambda asked: Reply(status)
    said = probe()
    assert said["ok"]
    assert str(status) in said["message"]
    assert len(api.asked) == 1
    assert api.asked[0].headers["authorization"] == "Bearer t0ken-s3cret"


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_one_that_refuses_or_is_broken_is_not(api: RestApi, probe: Probe, status: int) -> None:
    api.routes["/"] = lambda asked: Reply(status, "t0ken-s3cret")
    said = probe()
    assert not said["ok"]
    assert str(status) in said["message"]
    assert len(api.asked) == 1


def test_one_that_is_not_there_is_not(api: RestApi, probe: Probe) -> None:
    api.troubles = [CUT]
    assert not probe()["ok"]
    with serving_api() as gone:
        url = gone.url
    assert not probe(url=url)["ok"]
    assert "not public" in probe(networks=())["message"]


def test_settings_that_make_no_sense_are_told(probe: Probe) -> None:
    assert not probe(timeoutSeconds="soon")["ok"]


def test_druid_tells_its_version(api: RestApi, probe: Probe) -> None:
    api.routes["/status"] = lambda asked: Reply(said={"version": "31.0.0"})
    said = probe("DRUID")
    assert (said["ok"], said["message"]) == (True, "It is Druid 31.0.0.")


@pytest.mark.parametrize(
    "reply", [Reply(said=days(1)), Reply(said={}), Reply(content=b"<html>"), unavailable()]
)
def test_another_server_is_not_taken_for_druid(api: RestApi, probe: Probe, reply: Reply) -> None:
    api.routes["/status"] = lambda asked: reply
    assert not probe("DRUID")["ok"]


@pytest.mark.parametrize(("rate", "is_fine"), [(1, True), (0, False)])
def test_a_simulation_answers_as_it_is_set(probe: Probe, rate: float, is_fine: bool) -> None:
    said = probe("SIMULATED", successRate=rate, latencyMs=20)
    assert said["ok"] is is_fine
    assert said["latency_ms"] >= 20


def test_a_bucket_that_can_be_listed_is_fine(store: Store) -> None:
    said = probe_bucket(store)
    assert (said["ok"], said["message"]) == (True, "The bucket can be listed, and is empty.")
    store.put("a", "x")
    assert probe_bucket(store)["message"] == "The bucket can be listed."


def test_a_bucket_that_is_not_there_is_not(store: Store) -> None:
    said = probe_bucket(store, bucket="no-such-bucket")
    assert not said["ok"]
    assert SECRET not in said["message"]


def probe_bucket(store: Store, **settings: Any) -> dict[str, Any]:
    endpoint = store.endpoint(**settings)
    known = {"kind": endpoint.kind, "settings": endpoint.settings, "secrets": endpoint.secrets}
    outside = {"endpoints": {"store": known}, "networks": ["127.0.0.0/8"], "timeout_s": 5}
    return run_probe({"endpoint": "store", "outside": outside}, unwatched)
