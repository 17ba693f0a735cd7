"""Calls reach the endpoint, are tried again where that is safe, and say in known words what went wrong."""

import gzip
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from headgate.errors import JobFault
from headgate.pipelines.endpoints import retrying, turns
from headgate.pipelines.endpoints.client import open_client
from headgate.pipelines.endpoints.outside import Endpoint, Outside
from headgate.pipelines.orders import Stopped
from tests.pipelines.endpoints.conftest import Open, unwatched
from tests.restapi import CUT, Asked, Reply, RestApi, busy, days, serving_api, unavailable


def fault_of(call: Callable[[], object]) -> JobFault:
    with pytest.raises(JobFault) as failed:
        call()
    assert "s3cret" not in str(failed.value.args)
    return failed.value


def echo(asked: Asked) -> Reply:
    return Reply(said={"method": asked.method, "query": asked.query, "got": asked.body.decode()})


class TestRequests:
    """What is asked for arrives as it was said."""

    def test_an_answer_has_its_status_headers_and_content(self, api: RestApi, open_api: Open) -> None:
        api.records = days(2)
        answer = open_api().call("GET", "/page", params=[("page", "1")])
        assert (answer.status, answer.url) == (200, f"{api.url}/page?page=1")
        assert answer.json() == {"data": days(2)}

    @pytest.mark.parametrize(
        ("base", "path", "asked"),
        [
            ("", "", "/"),
            ("", "a", "/a"),
            ("/v1", "/a", "/v1/a"),
            ("/v1/", "a/b", "/v1/a/b"),
            ("/v1", "", "/v1"),
            ("/v1", "?x=1", "/v1"),
            ("/v1", "//evil.example.com/x", "/v1/evil.example.com/x"),
        ],
    )
    def test_a_path_lies_below_the_url_of_the_endpoint(
        self, api: RestApi, open_api: Open, base: str, path: str, asked: str
    ) -> None:
        api.routes[asked] = echo
        open_api({"url": api.url + base}).call("GET", path)
        assert api.paths() == [asked]

    def test_parameters_are_added_to_those_of_a_link(self, api: RestApi, open_api: Open) -> None:
        api.routes["/a"] = echo
        answer = open_api().call("GET", f"{api.url}/a?x=%2f&sig=a+b#top", params=[("q", "ä&=")])
        assert answer.json()["query"] == {"x": "/", "sig": "a b", "q": "ä&="}
        assert answer.url == f"{api.url}/a?x=%2f&sig=a+b&q=%C3%A4%26%3D"

    def test_json_is_sent_as_such(self, api: RestApi, open_api: Open) -> None:
        api.routes["/a"] = echo
        open_api().call("POST", "/a", json={"ä": [1, None]}, idempotency_key="k1", headers={"X-A": "1"})
        (asked,) = api.asked
        assert asked.json == {"ä": [1, None]}
        assert asked.headers["content-type"] == "application/json"
        assert (asked.headers["idempotency-key"], asked.headers["x-a"]) == ("k1", "1")
        assert asked.headers["host"] == f"127.0.0.1:{api.port}"

    def test_content_is_sent_as_it_is(self, api: RestApi, open_api: Open) -> None:
        api.routes["/a"] = echo
        client = open_api()
        client.call("POST", "/a", content=b"a=1", headers={"Content-Type": "text/x"})
        client.call("POST", "/a")
        assert [asked.body for asked in api.asked] == [b"a=1", b""]
        assert api.asked[0].headers["content-type"] == "text/x"

    def test_headers_of_the_endpoint_give_way_to_those_of_a_call(self, api: RestApi, open_api: Open) -> None:
        api.routes["/a"] = echo
        open_api({"headers": {"X-A": "own", "X-B": "own"}}).call("GET", "/a", headers={"x-a": "given"})
        assert (api.asked[0].headers["x-a"], api.asked[0].headers["x-b"]) == ("given", "own")

    def test_a_connection_is_used_again(self, api: RestApi, open_api: Open) -> None:
        client = open_api()
        for _ in range(3):
            client.call("GET", "/all")
        assert len({asked.port for asked in api.asked}) == 1

    def test_threads_may_share_a_client(self, api: RestApi, open_api: Open) -> None:
        api.routes["/a"] = echo
        client = open_api()
        with ThreadPoolExecutor(8) as threads:
            numbers = threads.map(lambda n: client.call("GET", "/a", params=[("n", str(n))]), range(40))
            assert [answer.json()["query"]["n"] for answer in numbers] == [str(n) for n in range(40)]


class TestRetries:
    """What passes is waited for, and nothing is done twice."""

    @pytest.mark.parametrize("trouble", [busy(), unavailable(), Reply(502), Reply(504), CUT])
    def test_reading_is_tried_again(self, api: RestApi, open_api: Open, trouble: Reply) -> None:
        api.troubles = [trouble, trouble]
        assert open_api().call("GET", "/all").status == 200
        assert len(api.asked) == 3

    @pytest.mark.parametrize("status", [400, 403, 404, 500, 501, 308, 302, 304])
    def test_what_lasts_is_not(self, api: RestApi, open_api: Open, status: int) -> None:
        api.troubles = [Reply(status, {"said": "s3cret"})]
        fault = fault_of(lambda: open_api().call("GET", "/all"))
        assert (fault.code, fault.category, fault.details) == (
            "HTTP_STATUS",
            "DEPENDENCY",
            {"status": status},
        )
        assert fault.retryable == (status >= 500)
        assert len(api.asked) == 1

    def test_after_so_many_tries_it_fails(self, api: RestApi, open_api: Open) -> None:
        api.troubles = [unavailable()] * 9
        fault = fault_of(lambda: open_api({"maxAttempts": 3}).call("GET", "/all"))
        assert (fault.code, fault.details, fault.retryable) == ("HTTP_STATUS", {"status": 503}, True)
        assert "The endpoint ads answers with status 503 (Service Unavailable)." in fault.message
        assert len(api.asked) == 3

    @pytest.mark.parametrize(
        ("trouble", "given", "tries"),
        [
            (unavailable(), {}, 1),
            (CUT, {}, 1),
            (busy(), {}, 2),
            (unavailable(), {"idempotency_key": "k"}, 2),
            (CUT, {"idempotency_key": "k"}, 2),
            (unavailable(), {"harmless": True}, 2),
        ],
        ids=["unavailable", "cut", "busy", "unavailable-key", "cut-key", "unavailable-harmless"],
    )
    def test_what_may_have_had_an_effect_is_tried_again_only_where_that_does_no_harm(
        self, api: RestApi, open_api: Open, trouble: Reply, given: dict[str, Any], tries: int
    ) -> None:
        api.routes["/a"] = echo
        api.troubles = [trouble]
        client = open_api()
        if tries == 1:
            fault_of(lambda: client.call("POST", "/a", json={}, **given))
        else:
            client.call("POST", "/a", json={}, **given)
        assert len(api.asked) == tries

    def test_where_nothing_was_sent_anything_is_tried_again(
        self, open_api: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with serving_api() as gone:
            url = gone.url
        waits: list[float] = []
        client = open_api({"url": url, "maxAttempts": 3})
        monkeypatch.setattr(client._turns, "wait", waits.append)
        assert fault_of(lambda: client.call("POST", "/a")).code == "URL_UNREACHABLE"
        assert len([wait for wait in waits if wait > 0]) == 2

    @pytest.mark.parametrize(
        "said", ["1", "0.9", lambda: format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)]
    )
    def test_a_server_says_how_long_to_wait(
        self, api: RestApi, open_api: Open, said: str | Callable[[], str]
    ) -> None:
        api.troubles = [busy(said if isinstance(said, str) else said())]
        began = time.monotonic()
        open_api().call("GET", "/all")
        assert 0.85 < time.monotonic() - began < 4

    @pytest.mark.parametrize("said", ["soon", "", "nan", "inf", "-5", "Mon, 99 Foo 2026", "1" * 400])
    def test_what_a_server_says_may_make_no_sense(self, api: RestApi, open_api: Open, said: str) -> None:
        api.troubles = [busy(said)]
        assert open_api().call("GET", "/all").status == 200

    def test_nobody_waits_longer_than_the_job_may_take(self, api: RestApi, open_api: Open) -> None:
        api.troubles = [busy(3600)]
        began = time.monotonic()
        fault = fault_of(lambda: open_api(timeout_s=5).call("GET", "/all"))
        assert (fault.details, fault.retryable) == ({"status": 429}, True)
        assert time.monotonic() - began < 4

    def test_waits_grow_by_chance_up_to_a_bound(self) -> None:
        trouble = retrying.Passing(JobFault("X", "", "SYSTEM"), undone=True)
        for attempt, most in [(1, 0.5), (2, 1), (3, 2), (20, 30)]:
            assert most / 2 <= trouble.pause_s(attempt, 0.5) <= most

    def test_a_stop_is_heeded_while_waiting(
        self, api: RestApi, open_api: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(turns, "SLICE_S", 0.01)
        heard: list[str] = []

        def stop(stage: str, **figures: Any) -> None:
            heard.append(stage)
            if len(api.asked) == 1 and len(heard) > 20:
                raise Stopped

        api.troubles = [busy(15)]
        began = time.monotonic()
        with pytest.raises(Stopped):
            open_api(watch=stop, stage="fetching").call("GET", "/all")
        assert time.monotonic() - began < 14
        assert set(heard) == {"fetching"}


class TestTime:
    """No server holds a job longer than it may."""

    def test_one_try_takes_no_longer_than_it_may(self, api: RestApi, open_api: Open) -> None:
        def slow(asked: Asked) -> Reply:
            time.sleep(0.5 if len(api.asked) == 1 else 0)
            return Reply()

        api.routes["/a"] = slow
        assert open_api({"timeoutSeconds": 0.2}).call("GET", "/a").status == 200
        assert len(api.asked) == 2

    def test_all_tries_together_take_no_longer_than_the_job_may(self, api: RestApi, open_api: Open) -> None:
        api.routes["/a"] = lambda asked: time.sleep(0.5) or Reply()  # type: ignore[func-returns-value]
        client = open_api({"timeoutSeconds": 10}, timeout_s=0.2)
        fault = fault_of(lambda: client.call("GET", "/a"))
        assert (fault.code, fault.category, fault.retryable) == ("URL_TIMED_OUT", "DEPENDENCY", True)

    def test_calls_keep_the_pace_that_is_set(self, api: RestApi, open_api: Open) -> None:
        client = open_api({"requestsPerSecond": 20})
        began = time.monotonic()
        with ThreadPoolExecutor(4) as threads:
            list(threads.map(lambda _: client.call("GET", "/all"), range(9)))
        assert time.monotonic() - began >= 8 / 20


class TestAnswers:
    """An answer is bounded, unpacked, and JSON where it has to be."""

    @pytest.mark.parametrize("content", [b"<html>", b"", b"{", b"NaN", b"\xff", b"[" * 100_000, b'{"a":1}x'])
    def test_what_is_no_json_is_said_to_be_none(self, api: RestApi, open_api: Open, content: bytes) -> None:
        api.routes["/a"] = lambda asked: Reply(content=content)
        answer = open_api().call("GET", "/a")
        fault = fault_of(answer.json)
        assert (fault.code, fault.category) == ("INVALID_ANSWER", "DEPENDENCY")

    def test_large_numbers_stay_exact(self, api: RestApi, open_api: Open) -> None:
        api.routes["/a"] = lambda asked: Reply(content=b"\xef\xbb\xbf 123456789012345678901234567890 ")
        assert open_api().call("GET", "/a").json() == 123456789012345678901234567890

    def test_an_answer_that_is_too_large_is_left(self, api: RestApi, open_api: Open) -> None:
        api.routes["/a"] = lambda asked: Reply(content=b"1" * 1000)
        assert open_api(max_bytes=1000).call("GET", "/a").content == b"1" * 1000
        fault = fault_of(lambda: open_api(max_bytes=999).call("GET", "/a"))
        assert (fault.code, fault.details) == ("URL_TOO_LARGE", {"maxBytes": 999})
        assert len(api.asked) == 2

    @pytest.mark.parametrize(
        ("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)]
    )
    def test_a_packed_answer_is_unpacked(
        self, api: RestApi, open_api: Open, encoding: str, pack: Callable[[bytes], bytes]
    ) -> None:
        plain = bytes(range(256)) * 5000
        api.routes["/a"] = lambda asked: Reply(content=pack(plain), headers={"Content-Encoding": encoding})
        assert open_api().call("GET", "/a").content == plain
        assert api.asked[0].headers["accept-encoding"] == "identity"

    def test_a_small_answer_that_unpacks_to_a_large_one_is_left(self, api: RestApi, open_api: Open) -> None:
        bomb = gzip.compress(bytes(20 << 20))
        api.routes["/a"] = lambda asked: Reply(content=bomb, headers={"Content-Encoding": "gzip"})
        assert fault_of(lambda: open_api(max_bytes=1 << 20).call("GET", "/a")).code == "URL_TOO_LARGE"

    @pytest.mark.parametrize(
        ("encoding", "content"), [("br", b"x"), ("gzip", b"x"), ("gzip", gzip.compress(b"x")[:-9])]
    )
    def test_what_can_not_be_unpacked_is_refused(
        self, api: RestApi, open_api: Open, encoding: str, content: bytes
    ) -> None:
        api.routes["/a"] = lambda asked: Reply(content=content, headers={"Content-Encoding": encoding})
        assert fault_of(lambda: open_api().call("GET", "/a")).code == "INVALID_ANSWER"


class TestPlaces:
    """Only allowed addresses are called, wherever links and redirects lead."""

    def test_an_address_that_is_not_public_has_to_be_allowed(self, api: RestApi, open_api: Open) -> None:
        fault = fault_of(lambda: open_api(networks=()).call("GET", "/all"))
        assert (fault.code, fault.category) == ("URL_NOT_ALLOWED", "CONFIG")
        assert api.asked == []

    @pytest.mark.parametrize("path", ["http://10.1.2.3/", "http://[::1]/", "http://169.254.169.254/latest"])
    def test_neither_may_a_link_or_a_redirect_lead_there(
        self, api: RestApi, open_api: Open, path: str
    ) -> None:
        api.routes["/a"] = lambda asked: Reply(302, headers={"Location": path})
        assert fault_of(lambda: open_api().call("GET", path)).code == "URL_NOT_ALLOWED"
        assert fault_of(lambda: open_api().call("GET", "/a")).code == "URL_NOT_ALLOWED"

    @pytest.mark.parametrize(
        "path", ["http://", "http://a b/", "http://me:you@127.0.0.1/", "http://a/" + "x" * 3000]
    )
    def test_what_is_no_url_is_not_called(self, open_api: Open, path: str) -> None:
        assert fault_of(lambda: open_api().call("GET", path)).code == "URL_NOT_ALLOWED"

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_reading_follows_a_redirect(self, api: RestApi, open_api: Open, status: int) -> None:
        api.routes["/a"] = lambda asked: Reply(status, headers={"Location": "b?c=1"})
        api.routes["/b"] = echo
        answer = open_api().call("GET", "/a")
        assert answer.url == f"{api.url}/b?c=1"
        assert answer.json()["query"] == {"c": "1"}

    @pytest.mark.parametrize(
        ("status", "method", "body"), [(307, "POST", "x"), (308, "POST", "x"), (303, "GET", "")]
    )
    def test_writing_follows_where_nothing_is_lost(
        self, api: RestApi, open_api: Open, status: int, method: str, body: str
    ) -> None:
        api.routes["/a"] = lambda asked: Reply(status, headers={"Location": "/b"})
        api.routes["/b"] = echo
        assert open_api().call("POST", "/a", content=b"x").json() == {
            "method": method,
            "query": {},
            "got": body,
        }

    @pytest.mark.parametrize("status", [301, 302])
    def test_writing_does_not_become_reading(self, api: RestApi, open_api: Open, status: int) -> None:
        api.routes["/a"] = lambda asked: Reply(status, headers={"Location": "/b"})
        assert fault_of(lambda: open_api().call("POST", "/a", content=b"x")).details == {"status": status}

    def test_what_was_sent_is_not_sent_to_another_server(self, api: RestApi, open_api: Open) -> None:
        with serving_api() as other:
            api.routes["/a"] = lambda asked: Reply(307, headers={"Location": f"{other.url}/a"})
            fault = fault_of(lambda: open_api().call("POST", "/a", content=b"x"))
            assert fault.code == "URL_NOT_ALLOWED"
            assert other.asked == []

    def test_redirects_have_an_end(self, api: RestApi, open_api: Open) -> None:
        api.routes["/a"] = lambda asked: Reply(302, headers={"Location": "/a"})
        assert fault_of(lambda: open_api().call("GET", "/a")).code == "URL_NOT_ALLOWED"
        assert len(api.asked) == 6


def test_an_endpoint_of_another_kind_can_not_be_called() -> None:
    endpoint = Endpoint("files", "S3", {"bucket": "exports"})
    assert fault_of(lambda: open_client(endpoint, Outside(), unwatched)).code == "WRONG_ENDPOINT"


def test_druid_is_called_like_any_other(api: RestApi, open_api: Open) -> None:
    api.guard = api.wants_bearer
    assert open_api(secrets={"token": api.tokens[0]}, kind="DRUID").call("GET", "/all").status == 200
