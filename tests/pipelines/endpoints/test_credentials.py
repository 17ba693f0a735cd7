"""Calls show who is calling in the way that is set, to the endpoint alone, and nothing tells of it."""

from base64 import b64encode
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from headgate.errors import JobFault
from tests.pipelines.endpoints.conftest import Open
from tests.restapi import (
    CLIENT,
    CLIENT_SECRET,
    KEY,
    PASSWORD,
    TOKEN,
    USER,
    Asked,
    Reply,
    RestApi,
    busy,
    serving_api,
    unavailable,
    wants_basic,
    wants_key,
)

BEARER = {"token": TOKEN}
BASIC = {"username": USER, "password": PASSWORD}
BY_KEY = {"apiKey": KEY}


def oauth2(api: RestApi, **settings: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """The settings and secrets of a client whose tokens come from the API."""
    return {"tokenUrl": f"{api.url}/token", "clientId": CLIENT, **settings}, {"clientSecret": CLIENT_SECRET}


def fault_of(call: Callable[[], object]) -> JobFault:
    with pytest.raises(JobFault) as failed:
        call()
    assert "s3cret" not in str(failed.value.args)
    return failed.value


class TestPlain:
    """Secrets that stay the same are shown with each call."""

    def test_a_bearer_token(self, api: RestApi, open_api: Open) -> None:
        api.guard = api.wants_bearer
        assert open_api(secrets=BEARER).call("GET", "/all").status == 200

    def test_a_user_name_and_a_password(self, api: RestApi, open_api: Open) -> None:
        api.guard = wants_basic
        assert open_api(secrets=BASIC).call("GET", "/all").status == 200

    def test_a_password_that_is_not_ascii(self, api: RestApi, open_api: Open) -> None:
        open_api(secrets={"username": "ädä", "password": "pä€"}).call("GET", "/all")
        assert api.asked[0].headers["authorization"] == "Basic " + b64encode("ädä:pä€".encode()).decode()

    @pytest.mark.parametrize("settings", [{}, {"apiKeyIn": "QUERY"}])
    def test_a_key(self, api: RestApi, open_api: Open, settings: dict[str, Any]) -> None:
        api.guard = wants_key
        answer = open_api(settings, BY_KEY).call("GET", "/all", params=[("since", "1")])
        assert answer.url == f"{api.url}/all?since=1"

    def test_a_key_takes_the_place_of_the_one_that_a_link_brings_along(
        self, api: RestApi, open_api: Open
    ) -> None:
        seen: list[str] = []
        api.routes["/a"] = lambda asked: seen.append(asked.query["k"]) or Reply()  # type: ignore[func-returns-value]
        client = open_api({"apiKeyIn": "QUERY", "apiKeyName": "k"}, BY_KEY)
        client.call("GET", f"{api.url}/a?k=old&x=1")
        assert seen == [KEY]
        assert list(api.asked[0].query) == ["x", "k"]

    def test_wrong_secrets_are_refused_once(self, api: RestApi, open_api: Open) -> None:
        api.guard = api.wants_bearer
        fault = fault_of(lambda: open_api(secrets={"token": "wrong-s3cret"}).call("GET", "/all"))
        assert (fault.details, fault.retryable) == ({"status": 401}, False)
        assert len(api.asked) == 1

    def test_blanks_around_a_token_are_left_out(self, api: RestApi, open_api: Open) -> None:
        api.guard = api.wants_bearer
        assert open_api(secrets={"token": f" {TOKEN}\n"}).call("GET", "/all").status == 200

    @pytest.mark.parametrize("token", ["a\nb", "ä€", " "])
    def test_a_token_that_fits_no_header_is_refused(self, open_api: Open, token: str) -> None:
        assert fault_of(lambda: open_api(secrets={"token": token})).code == "INVALID_ENDPOINT"


class TestOtherServers:
    """Who is calling is nobody else's business."""

    @pytest.mark.parametrize(
        ("settings", "secrets"),
        [
            ({"headers": {"X-Team": "s3cret"}}, BEARER),
            ({}, BASIC),
            ({}, BY_KEY),
            ({"apiKeyIn": "QUERY"}, BY_KEY),
        ],
        ids=["bearer", "basic", "key", "query"],
    )
    def test_neither_links_nor_redirects_carry_secrets_elsewhere(
        self, api: RestApi, open_api: Open, settings: dict[str, Any], secrets: dict[str, str]
    ) -> None:
        with serving_api() as other:
            api.routes["/a"] = lambda asked: Reply(302, headers={"Location": f"{other.url}/all"})
            client = open_api(settings, secrets)
            client.call("GET", "/a", headers={"X-Own": "s3cret"})
            client.call("GET", f"{other.url}/all", headers={"X-Own": "s3cret"})
            assert [asked.query for asked in other.asked] == [{}, {}]
            for asked in other.asked:
                assert set(asked.headers) == {"host", "user-agent", "accept-encoding", "accept"}

    def test_nor_is_a_token_sent_there(self, api: RestApi, open_api: Open) -> None:
        with serving_api() as other:
            open_api(*oauth2(api)).call("GET", f"{other.url}/all")
            assert "authorization" not in other.asked[0].headers
            assert api.asked == []


class TestClientCredentials:
    """Tokens are got when they are needed, and again when they end."""

    def test_a_token_is_got_once(self, api: RestApi, open_api: Open) -> None:
        api.guard = api.wants_bearer
        client = open_api(*oauth2(api, scope="read ads"))
        client.call("GET", "/all")
        client.call("GET", "/all")
        assert api.paths() == ["/token", "/token", "/all", "/all"]
        in_header, in_body = api.asked[:2]
        expected = b64encode(f"{CLIENT}:{CLIENT_SECRET}".encode()).decode()
        assert in_header.headers["authorization"] == f"Basic {expected}"
        assert in_header.form == {"grant_type": "client_credentials", "scope": "read ads"}
        assert in_body.form["client_secret"] == CLIENT_SECRET
        assert "authorization" not in in_body.headers

    def test_a_token_that_is_refused_is_replaced_once(self, api: RestApi, open_api: Open) -> None:
        api.guard = api.wants_bearer
        client = open_api(*oauth2(api))
        client.call("GET", "/all")
        api.tokens = ["another"]
        assert client.call("POST", "/all").status == 200
        assert api.paths()[3:] == ["/all", "/token", "/token", "/all"]

    def test_a_server_that_takes_no_token_is_not_asked_for_ever(self, api: RestApi, open_api: Open) -> None:
        api.guard = lambda asked: False
        assert fault_of(lambda: open_api(*oauth2(api)).call("GET", "/all")).details == {"status": 401}
        assert api.paths().count("/all") == 2

    def test_a_token_is_replaced_before_its_end(
        self, api: RestApi, open_api: Open, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock = SimpleNamespace()
        clock.monotonic = lambda: clock.now
        monkeypatch.setattr("headgate.pipelines.endpoints.credentials.time", clock)
        client = open_api(*oauth2(api))
        for clock.now, count in [(1000.0, 2), (1000.0 + 3569, 2), (1000.0 + 3571, 4)]:
            client.call("GET", "/all")
            assert api.paths().count("/token") == count

    def test_a_token_without_an_end_is_kept(self, api: RestApi, open_api: Open) -> None:
        api.lasts_s = None
        client = open_api(*oauth2(api))
        client.call("GET", "/all")
        client.call("GET", "/all")
        assert api.paths().count("/token") == 2

    def test_wrong_secrets_are_told_apart(self, api: RestApi, open_api: Open) -> None:
        settings, _ = oauth2(api)
        fault = fault_of(lambda: open_api(settings, {"clientSecret": "wrong-s3cret"}).call("GET", "/all"))
        assert (fault.code, fault.retryable, fault.details) == (
            "AUTHENTICATION_FAILED",
            False,
            {"status": 401},
        )
        assert "/all" not in api.paths()

    @pytest.mark.parametrize("trouble", [busy(), unavailable()], ids=["busy", "unavailable"])
    def test_a_server_of_tokens_may_be_out_for_a_while(
        self, api: RestApi, open_api: Open, trouble: Reply
    ) -> None:
        api.troubles = [trouble]
        assert open_api(*oauth2(api)).call("POST", "/all").status == 200

    @pytest.mark.parametrize(
        "said", [None, [], {}, {"access_token": 5}, {"access_token": ""}, {"access_token": "a\r\nb"}]
    )
    def test_an_answer_without_a_token_is_none(self, api: RestApi, open_api: Open, said: object) -> None:
        def token(asked: Asked) -> Reply:
            return Reply(said=said)

        api.routes["/token"] = token
        assert fault_of(lambda: open_api(*oauth2(api)).call("GET", "/all")).code == "INVALID_ANSWER"

    @pytest.mark.parametrize("lasts", ["soon", -5, 0, None, True])
    def test_how_long_a_token_lasts_may_make_no_sense(
        self, api: RestApi, open_api: Open, lasts: object
    ) -> None:
        api.routes["/token"] = lambda asked: Reply(said={"access_token": "a", "expires_in": lasts})
        assert open_api(*oauth2(api)).call("GET", "/all").status == 200
