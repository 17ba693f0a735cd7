"""Each kind of endpoint takes its settings and its secrets, each in its place, and says what is wrong with others."""

from collections.abc import Mapping
from typing import Any

import pytest

from headgate.errors import JobFault, UserFault
from headgate.pipelines.endpoints.http import Auth, HttpEndpoint
from headgate.pipelines.endpoints.namedvalues import pairs
from headgate.pipelines.endpoints.outside import Endpoint
from headgate.pipelines.endpoints.registry import check_endpoint, endpoint_models
from headgate.pipelines.endpoints.s3 import S3Endpoint
from headgate.pipelines.endpoints.simulated import SimulatedEndpoint
from headgate.pipelines.endpoints.sql import SqlEndpoint
from headgate.storage.pipeline_tables import EndpointKind

API = {"url": "https://api.example.com/v1"}
WAREHOUSE = {"url": "postgresql://reader@db.example.com:5432/shop"}
NAMES = {"accessKeyId": "AKIA", "secretAccessKey": "s3cret"}


def http(settings: Mapping[str, Any], secrets: Mapping[str, Any] | None = None) -> HttpEndpoint:
    endpoint = check_endpoint("HTTP", {**API, **settings}, secrets or {})
    assert isinstance(endpoint, HttpEndpoint)
    return endpoint


def sql(settings: Mapping[str, Any], secrets: Mapping[str, Any] | None = None) -> SqlEndpoint:
    endpoint = check_endpoint("SQL", settings, secrets or {})
    assert isinstance(endpoint, SqlEndpoint)
    return endpoint


def fault_of(kind: str, settings: Mapping[str, Any], secrets: Mapping[str, Any] | None = None) -> UserFault:
    with pytest.raises(UserFault) as refused:
        check_endpoint(kind, settings, secrets or {})
    assert refused.value.code == "INVALID_ENDPOINT"
    assert "s3cret" not in str(refused.value.args)
    assert refused.value.__cause__ is None
    return refused.value


def test_every_kind_has_a_model() -> None:
    assert set(endpoint_models()) == {kind.value for kind in EndpointKind}


@pytest.mark.parametrize("kind", EndpointKind)
def test_the_example_of_each_kind_can_be_set(kind: str) -> None:
    model = endpoint_models()[kind]
    assert isinstance(check_endpoint(kind, model.example, {}), model)


@pytest.mark.parametrize("kind", EndpointKind)
def test_each_setting_and_each_secret_is_described_and_named(kind: str) -> None:
    model = endpoint_models()[kind]
    assert all(field.description for field in model.model_fields.values())
    assert {*model.secret, *model.either, *model.synonyms.values()} <= set(model.names())


@pytest.mark.parametrize(
    ("secrets", "auth"),
    [
        ({}, Auth.NONE),
        ({"token": "t"}, Auth.BEARER),
        ({"username": "u", "password": "p"}, Auth.BASIC),
        ({"apiKey": "k"}, Auth.API_KEY),
    ],
)
def test_the_secrets_say_how_to_authenticate(secrets: dict[str, str], auth: Auth) -> None:
    assert http({}, secrets).method is auth


def test_client_credentials_are_told_by_their_secret() -> None:
    endpoint = http(
        {"tokenUrl": "https://a.example.com/token", "clientId": "me", "scope": ["read", "ads"]},
        {"clientSecret": "s"},
    )
    assert (endpoint.method, endpoint.scope) == (Auth.OAUTH2, "read ads")


def test_of_several_secrets_one_has_to_be_meant() -> None:
    secrets = {"token": "t", "apiKey": "k"}
    assert "say with auth" in fault_of("HTTP", API, secrets).message
    assert http({"auth": "api_key"}, secrets).method is Auth.API_KEY
    assert http({"auth": "NONE"}, secrets).method is Auth.NONE


@pytest.mark.parametrize(
    ("auth", "missing"),
    [
        ("BEARER", "token"),
        ("BASIC", "username and password"),
        ("API_KEY", "apiKey"),
        ("OAUTH2", "tokenUrl and"),
    ],
)
def test_what_a_way_to_authenticate_needs_has_to_be_there(auth: str, missing: str) -> None:
    assert f"needs {missing}" in fault_of("HTTP", {**API, "auth": auth}).message


def test_people_may_call_settings_as_they_are_used_to() -> None:
    settings = {"base_url": "http://a.example.com", "timeout": 5, "auth": "token"}
    endpoint = check_endpoint("HTTP", settings, {"access_token": "t"})
    assert isinstance(endpoint, HttpEndpoint)
    assert (endpoint.url, endpoint.timeout_seconds) == ("http://a.example.com", 5)
    assert endpoint.method is Auth.BEARER
    keys = {"aws_access_key_id": "A", "AWS_SECRET_ACCESS_KEY": "S"}
    store = check_endpoint("S3", {"bucket": "exports", "endpoint_url": "http://127.0.0.1:9000"}, keys)
    assert isinstance(store, S3Endpoint)
    assert store.endpoint_url == "http://127.0.0.1:9000"


def test_a_setting_that_comes_under_two_names_is_refused() -> None:
    assert fault_of("HTTP", {**API, "baseUrl": API["url"]}).path == ("settings", "baseUrl")


@pytest.mark.parametrize("given", [{"X-Team": 7}, [{"name": "X-Team", "value": "7"}]])
def test_headers_are_a_list_or_an_object(given: object) -> None:
    assert pairs(http({"headers": given}).headers) == [("X-Team", "7")]


@pytest.mark.parametrize(
    ("kind", "settings", "path", "words"),
    [
        ("HTTP", {}, ("settings", "url"), "is required"),
        ("HTTP", {**API, "colour": 1}, ("settings", "colour"), "no such setting"),
        ("HTTP", {**API, "maxAttempts": 0}, ("settings", "maxAttempts"), "greater"),
        ("HTTP", {**API, "requestsPerSecond": float("nan")}, ("settings", "requestsPerSecond"), ""),
        ("HTTP", {"url": "ftp://a.example.com"}, ("settings", "url"), "http://"),
        ("HTTP", {"url": "http://[::1"}, ("settings", "url"), "not a URL"),
        ("HTTP", {"url": "https://me:s3cret@a.example.com"}, ("settings", "url"), "among the secrets"),
        ("HTTP", {"url": "https://a.example.com?key=s3cret"}, ("settings", "url"), "apiKeyIn QUERY"),
        ("HTTP", {**API, "token": "s3cret"}, ("settings", "token"), "among the secrets"),
        ("HTTP", {**API, "api_key": "s3cret"}, ("settings", "apiKey"), "among the secrets"),
        ("HTTP", {**API, "auth": "MAGIC"}, ("settings", "auth"), "OAUTH2"),
        ("HTTP", {**API, "headers": {"Authorization": "s3cret"}}, ("settings", "headers"), "as token"),
        ("HTTP", {**API, "headers": {"X\n": "a"}}, ("settings", "headers"), "one line"),
        ("HTTP", {**API, "headers": {"X": "a\r\nHost: b"}}, ("settings", "headers"), "one line"),
        ("HTTP", {**API, "headers": {"Host": "b"}}, ("settings", "headers"), "by HTTP itself"),
        ("SQL", {}, ("settings", "url"), "is required"),
        ("SQL", {"url": "postgresql://u:s3cret@h/d"}, ("settings", "url"), "secret password"),
        ("SQL", {"url": "postgresql://h/d?password=s3cret"}, ("settings", "url"), "secret password"),
        ("SQL", {"url": "mysql://h/d"}, ("settings",), "postgresql://"),
        ("SQL", {"url": "postgresql://h:99999999/d"}, ("settings",), "not one"),
        ("SQL", {"url": "postgresql:///d"}, ("settings",), "a host"),
        ("SQL", {"url": "sqlite://"}, ("settings",), "three slashes"),
        ("SQL", {**WAREHOUSE, "password": "s3cret"}, ("settings", "password"), "among the secrets"),
        ("S3", {"bucket": "a/b"}, ("settings", "bucket"), ""),
        ("S3", {"bucket": "exports", "accessKeyId": "A"}, ("settings",), "go together"),
        (
            "S3",
            {"bucket": "exports", "endpointUrl": "http://a:s3cret@b"},
            ("settings", "endpointUrl"),
            "secrets",
        ),
        ("DRUID", {**API, "username": "u"}, ("settings",), "go together"),
        ("SIMULATED", {"successRate": 1.5}, ("settings", "successRate"), "less"),
    ],
)
def test_what_is_wrong_is_refused_where_it_is(
    kind: str, settings: dict[str, Any], path: tuple[str, ...], words: str
) -> None:
    fault = fault_of(kind, settings)
    assert fault.path[: len(path)] == path
    assert words in fault.message


@pytest.mark.parametrize(
    ("kind", "secrets", "words"),
    [
        ("HTTP", {"maxAttempts": "s3cret"}, "no secret"),
        ("HTTP", {"pasword": "s3cret"}, "it takes token, password"),
        ("HTTP", {"token": 5}, "is a text"),
        ("HTTP", {"token": ""}, "is a text"),
        ("HTTP", {"token": "s3cret" * 10_000}, "at most"),
        ("SIMULATED", {"token": "s3cret"}, "it takes none"),
    ],
)
def test_what_is_no_secret_is_refused_among_them(kind: str, secrets: dict[str, Any], words: str) -> None:
    fault = fault_of(kind, API if kind == "HTTP" else {}, secrets)
    assert fault.path[0] == "secrets"
    assert words in fault.message


def test_a_user_name_may_stand_in_either_place_but_in_one() -> None:
    assert http({"username": "me"}, {"password": "p"}).method is Auth.BASIC
    fault = fault_of("HTTP", {**API, "username": "me"}, {"username": "me", "password": "p"})
    assert "leave out one" in fault.message


@pytest.mark.parametrize(
    ("settings", "secrets"),
    [
        (WAREHOUSE, {"password": "p@ss/word"}),
        ({}, {"url": "postgres://reader:p%40ss%2Fword@db.example.com:5432/shop"}),
    ],
)
def test_the_address_of_a_database_has_its_password(
    settings: dict[str, Any], secrets: dict[str, str]
) -> None:
    endpoint = sql(settings, secrets)
    assert endpoint.system == "postgresql"
    assert endpoint.address == "postgresql://reader:p%40ss%2Fword@db.example.com:5432/shop"


@pytest.mark.parametrize(
    ("url", "file"), [("sqlite:////data/shop.db", "/data/shop.db"), ("sqlite:///shop%20a.db", "shop a.db")]
)
def test_a_database_can_be_a_file(url: str, file: str) -> None:
    endpoint = sql({"url": url})
    assert (endpoint.system, endpoint.file) == ("sqlite", file)


def test_no_secret_shows_in_what_is_printed() -> None:
    endpoint = http({}, {"token": "s3cret"})
    assert "s3cret" not in f"{endpoint!r} {endpoint}"
    assert "s3cret" not in repr(sql({}, {"url": "postgresql://u:s3cret@h/d"}))


def test_an_endpoint_that_was_accepted_is_read_again() -> None:
    endpoint = SimulatedEndpoint.of(Endpoint("fake", "SIMULATED", {"successRate": 0.5}))
    assert endpoint.success_rate == 0.5
    with pytest.raises(JobFault, match="INVALID_ENDPOINT: fake: "):
        SimulatedEndpoint.of(Endpoint("fake", "SIMULATED", {"successRate": 5}))
