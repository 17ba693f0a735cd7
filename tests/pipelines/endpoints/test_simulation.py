"""A simulated endpoint answers with what it got, as slowly and as seldom as it is set."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from headgate.errors import JobFault
from headgate.pipelines.endpoints.client import Client
from headgate.pipelines.orders import Stopped
from tests.pipelines.endpoints.conftest import Open


def succeeds(client: Client, number: int) -> bool:
    try:
        return client.call("POST", "/items", json={"number": number}).status == 200
    except JobFault:
        return False


def test_it_answers_with_what_it_got(open_api: Open) -> None:
    client = open_api(kind="SIMULATED")
    answer = client.call("POST", "/items/1", json={"a": [1, "ä"]})
    assert answer.json() == {"ok": True, "method": "POST", "path": "/items/1", "received": {"a": [1, "ä"]}}
    assert client.call("GET").json() == {"ok": True, "method": "GET", "path": "/", "received": None}


def test_a_call_that_fails_says_so_as_a_server_would(open_api: Open) -> None:
    with pytest.raises(JobFault) as failed:
        open_api({"successRate": 0}, kind="SIMULATED").call("GET")
    fault = failed.value
    assert (fault.code, fault.details, fault.retryable) == ("HTTP_STATUS", {"status": 503}, True)


@pytest.mark.parametrize(("rate", "successes"), [(1, 100), (0, 0)])
def test_all_calls_may_succeed_or_none(open_api: Open, rate: float, successes: int) -> None:
    client = open_api({"successRate": rate}, kind="SIMULATED")
    assert sum(succeeds(client, number) for number in range(100)) == successes


def test_the_rate_is_kept_with_different_calls_and_with_the_same(open_api: Open) -> None:
    client = open_api({"successRate": 0.8, "seed": 1}, kind="SIMULATED")
    assert 760 <= sum(succeeds(client, number) for number in range(1000)) <= 840
    assert 760 <= sum(succeeds(client, 0) for _ in range(1000)) <= 840


def test_the_same_seed_lets_the_same_calls_fail_in_whatever_order(open_api: Open) -> None:
    def outcomes(threads: int, seed: int | None) -> list[bool]:
        client = open_api({"successRate": 0.5, "seed": seed}, kind="SIMULATED")
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(lambda number: succeeds(client, number), range(200)))

    assert outcomes(1, 7) == outcomes(8, 7) != outcomes(1, 8)
    assert outcomes(1, None) != outcomes(1, None)


def test_calls_take_their_time_and_those_that_fail_take_it_at_each_try(open_api: Open) -> None:
    began = time.monotonic()
    assert succeeds(open_api({"latencyMs": 50}, kind="SIMULATED"), 1)
    assert 0.05 <= time.monotonic() - began < 5
    began = time.monotonic()
    assert not succeeds(open_api({"latencyMs": 20, "successRate": 0, "maxAttempts": 4}, kind="SIMULATED"), 1)
    assert 0.08 <= time.monotonic() - began < 5


def test_a_stop_is_heeded(open_api: Open) -> None:
    def stop(stage: str, **figures: object) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        succeeds(open_api({"latencyMs": 60_000}, kind="SIMULATED", watch=stop), 1)


def test_it_takes_no_longer_than_the_job_may(open_api: Open) -> None:
    client = open_api({"latencyMs": 60_000}, kind="SIMULATED", timeout_s=0.1)
    with pytest.raises(JobFault, match="URL_TIMED_OUT"):
        client.call("GET")
