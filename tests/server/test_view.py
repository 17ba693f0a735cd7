"""GraphQL over HTTP."""

from typing import Any

import httpx
import orjson
import pytest
import structlog

from tests.answers import without_cost

GRAPHQL_JSON = "application/graphql-response+json"
MASKED = "Something went wrong on our side. Quote this requestId when you report it."


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


MALFORMED_JSON_BODIES: dict[str, bytes] = {
    "nothing": b"",
    "only spaces": b"   ",
    "null": b"null",
    "true": b"true",
    "a number": b"42",
    "a string": b'"{ hello }"',
    "an empty array": b"[]",
    "a batch": b'[{"query": "{ hello }"}]',
    "an array of null": b"[null]",
    "an empty object": b"{}",
    "an open object": b'{"query": "{ hello }"',
    "an open string": b'{"query": "{ hello',
    "text": b"hello",
    "a form": b"query=%7Bhello%7D",
    "bare GraphQL": b"{ hello }",
    "a trailing comma": b'{"query": "{ hello }",}',
    "single quotes": b"{'query': '{ hello }'}",
    "two documents": b'{"query": "{ hello }"}{}',
    "a byte order mark": b'\xef\xbb\xbf{"query": "{ hello }"}',
    "UTF-16": '{"query": "{ hello }"}'.encode("utf-16"),
    "broken UTF-8": b'{"query": "\xff\xfe"}',
    "a lone surrogate": b'{"query": "\\ud800"}',
    "a bad escape": b'{"query": "\\x41"}',
    "a NUL byte": b'{"query": "\x00"}',
    "NaN": b'{"query": "{ hello }", "variables": {"a": NaN}}',
    "Infinity": b'{"query": "{ hello }", "variables": {"a": Infinity}}',
    "an infinite number": b'{"query": "{ hello }", "variables": {"a": 1e999}}',
    "an integer of 5,000 digits": b'{"query": "{ hello }", "variables": {"a": ' + b"1" * 5000 + b"}}",
    "an array 100 deep": f'{{"query": "{{ hello }}", "variables": {{"a": {nested(100)}}}}}'.encode(),
    "an array 2,000 deep": f'{{"query": "{{ hello }}", "variables": {{"a": {nested(2000)}}}}}'.encode(),
    "an array that never closes": b"[" * 20_000,
    "an object 5,000 deep": b'{"a":' * 5_000,
    "query missing": b'{"variables": {}}',
    "query null": b'{"query": null}',
    "query empty": b'{"query": ""}',
    "query a number": b'{"query": 1}',
    "query an array": b'{"query": ["{ hello }"]}',
    "query an object": b'{"query": {}}',
    "variables a string": b'{"query": "{ hello }", "variables": "{}"}',
    "variables an array": b'{"query": "{ hello }", "variables": []}',
    "variables a number": b'{"query": "{ hello }", "variables": 0}',
    "variables false": b'{"query": "{ hello }", "variables": false}',
    "operationName a number": b'{"query": "{ hello }", "operationName": 1}',
    "operationName an object": b'{"query": "{ hello }", "operationName": {}}',
    "operationName an array": b'{"query": "{ hello }", "operationName": ["a"]}',
    "extensions a string": b'{"query": "{ hello }", "extensions": "x"}',
    "extensions an array": b'{"query": "{ hello }", "extensions": [1]}',
}

# Well-formed requests that ask for what is not there: 200 in plain JSON, 400 in GraphQL's own media type.
REFUSED_DOCUMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "a syntax error": ({"query": "{ hello"}, "GRAPHQL_PARSE_FAILED"),
    "only a comment": ({"query": "# nothing"}, "GRAPHQL_PARSE_FAILED"),
    "a NUL character": ({"query": "{ \0 }"}, "GRAPHQL_PARSE_FAILED"),
    "selections 2,000 deep": ({"query": "{me" * 2000 + "}" * 2000}, "GRAPHQL_PARSE_FAILED"),
    "a list 2,000 deep": ({"query": f"{{ echo(value: {nested(2000)}) }}"}, "GRAPHQL_PARSE_FAILED"),
    "a list 100 deep": ({"query": f"{{ echo(value: {nested(100)}) }}"}, "GRAPHQL_VALIDATION_FAILED"),
    "an unknown field": ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
    "an unknown fragment": ({"query": "{ ...nothing }"}, "GRAPHQL_VALIDATION_FAILED"),
    "a fragment cycle": (
        {"query": "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }"},
        "GRAPHQL_VALIDATION_FAILED",
    ),
    "a literal of 5,000 digits": ({"query": f"{{ big(value: {'1' * 5000}) }}"}, "GRAPHQL_VALIDATION_FAILED"),
    "an Int of 5,000 digits": ({"query": f"{{ small(value: {'1' * 5000}) }}"}, "GRAPHQL_VALIDATION_FAILED"),
    "JSON beyond 64 bits": ({"query": f"{{ echo(value: {'1' * 30}) }}"}, "GRAPHQL_VALIDATION_FAILED"),
    "a variable of the wrong type": (
        {"query": "query($n: Int) { small(value: $n) }", "variables": {"n": "x"}},
        "BAD_USER_INPUT",
    ),
    "a variable that is missing": ({"query": "query($n: BigInt!) { big(value: $n) }"}, "BAD_USER_INPUT"),
    "a variable beyond BigInt": (
        {"query": "query($n: BigInt!) { big(value: $n) }", "variables": {"n": 2**53}},
        "BAD_USER_INPUT",
    ),
    "an upload without a file": (
        {"query": "mutation($f: Upload!) { upload(file: $f) }", "variables": {"f": "x"}},
        "BAD_USER_INPUT",
    ),
    "an unknown operation": ({"query": "{ hello }", "operationName": "x"}, "OPERATION_NOT_FOUND"),
    "only a fragment": ({"query": "fragment a on Query { hello }"}, "OPERATION_NOT_FOUND"),
}


def only_error(response: httpx.Response) -> Any:
    body = response.json()
    assert len(body["errors"]) == 1
    assert body["errors"][0]["extensions"]["requestId"]
    return body["errors"][0]


async def post(toy: Any, content: bytes, **headers: str) -> httpx.Response:
    headers = {"content-type": "application/json", **headers}
    response: httpx.Response = await toy.client.post("/graphql", content=content, headers=headers)
    return response


@pytest.mark.parametrize("accept", ["application/json", GRAPHQL_JSON, "*/*"])
@pytest.mark.parametrize("name", MALFORMED_JSON_BODIES)
async def test_a_malformed_body_is_a_bad_request_and_nothing_breaks(toy: Any, name: str, accept: str) -> None:
    response = await post(toy, MALFORMED_JSON_BODIES[name], accept=accept)

    assert response.status_code == 400
    assert only_error(response)["extensions"]["code"] == "BAD_REQUEST"
    assert await toy.is_well()


@pytest.mark.parametrize("name", REFUSED_DOCUMENTS)
async def test_a_refused_document_is_400_only_in_the_media_type_of_graphql(toy: Any, name: str) -> None:
    body, code = REFUSED_DOCUMENTS[name]
    content = orjson.dumps(body)

    for accept, status in (("application/json", 200), (GRAPHQL_JSON, 400)):
        response = await post(toy, content, accept=accept)
        assert response.status_code == status
        assert response.headers["content-type"] == f"{accept}; charset=utf-8"
        assert "data" not in response.json()
        assert {error["extensions"]["code"] for error in response.json()["errors"]} == {code}
    assert await toy.is_well()


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("text/html", "application/json"),
        ("application/json", "application/json"),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, application/json;q=0.9", GRAPHQL_JSON),
        (f"application/json, {GRAPHQL_JSON}", GRAPHQL_JSON),
        (f"application/json, {GRAPHQL_JSON};q=0.5", "application/json"),
        (f"{GRAPHQL_JSON};q=0", "application/json"),
        (f"{GRAPHQL_JSON};q=x", "application/json"),
        (";;;,,,q=", "application/json"),
    ],
)
async def test_the_media_type_is_the_one_the_client_prefers(toy: Any, accept: str, expected: str) -> None:
    response = await post(toy, b'{"query": "{ hello }"}', accept=accept)

    assert response.status_code == 200
    assert without_cost(response.json()) == {"data": {"hello": "hello"}}
    assert response.headers["content-type"] == f"{expected}; charset=utf-8"


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "x", "é"])
async def test_an_unknown_media_type_is_refused(toy: Any, content_type: str) -> None:
    headers = {"content-type": content_type.encode("latin-1")}
    response = await toy.client.post("/graphql", content=b'{"query": "{ hello }"}', headers=headers)

    assert response.status_code == 415
    assert only_error(response)["extensions"]["code"] == "UNSUPPORTED_MEDIA_TYPE"


async def test_a_query_may_be_sent_by_get(toy: Any) -> None:
    params = {"query": "query($n: Int) { small(value: $n) }", "variables": '{"n": 5}'}

    response = await toy.client.get("/graphql", params=params)

    assert without_cost(response.json()) == {"data": {"small": 5}}


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"query": ""},
        {"query": "{ hello }", "variables": "{"},
        {"query": "{ hello }", "variables": "[]"},
        {"query": "{ hello }", "extensions": "1"},
    ],
)
async def test_a_malformed_get_is_a_bad_request(toy: Any, params: dict[str, str]) -> None:
    for accept in ("text/html", "*/*", GRAPHQL_JSON):
        response = await toy.client.get("/graphql", params=params, headers={"accept": accept})
        assert response.status_code == 400
        assert only_error(response)["extensions"]["code"] == "BAD_REQUEST"


async def test_a_mutation_by_get_is_not_run(toy: Any) -> None:
    response = await toy.client.get("/graphql", params={"query": "mutation { bump }"})

    assert response.status_code == 405
    assert response.headers["allow"] == "POST"
    assert only_error(response)["extensions"]["code"] == "METHOD_NOT_ALLOWED"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_other_methods_are_not_allowed(toy: Any, method: str) -> None:
    response = await toy.client.request(method, "/graphql")

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"


async def test_a_subscription_by_post_says_what_it_needs(toy: Any) -> None:
    response = await post(toy, b'{"query": "subscription { count }"}')

    assert response.status_code == 400
    assert only_error(response)["extensions"]["code"] == "SUBSCRIPTION_NOT_SUPPORTED_OVER_HTTP"


async def test_a_bug_is_masked_and_logged_under_the_id_that_the_caller_gets(toy: Any) -> None:
    with structlog.testing.capture_logs() as logs:
        response = await post(toy, b'{"query": "{ hello bug }"}')

    error = only_error(response)
    assert response.status_code == 200
    assert (error["message"], error["extensions"]["code"]) == (MASKED, "INTERNAL")
    assert error["path"] == ["bug"]
    assert "secret" not in response.text
    assert [log["request_id"] for log in logs] == [error["extensions"]["requestId"]]
    assert "secret" in str(logs[0]["exc_info"])


@pytest.mark.parametrize("query", ["{ unencodable }", "{ bugOfOurs }"])
async def test_an_answer_that_cannot_be_sent_is_masked(toy: Any, query: str) -> None:
    response = await post(toy, orjson.dumps({"query": query}))

    assert only_error(response)["extensions"]["code"] == "INTERNAL"
    assert only_error(response)["message"] == MASKED


@pytest.mark.parametrize(
    ("query", "message", "code"),
    [
        ("{ fault }", "You may not do that.", "FORBIDDEN"),
        ("{ deliberate }", "On purpose.", "ON_PURPOSE"),
    ],
)
async def test_an_error_meant_for_the_caller_keeps_its_words(
    toy: Any, query: str, message: str, code: str
) -> None:
    error = only_error(await post(toy, orjson.dumps({"query": query})))

    assert (error["message"], error["extensions"]["code"]) == (message, code)


async def test_each_operation_has_a_request_id_of_its_own(toy: Any) -> None:
    first, second = await toy.query("{ requestId }"), await toy.query("{ requestId }")

    assert first["data"]["requestId"] != second["data"]["requestId"]


async def test_json_travels_there_and_back(toy: Any) -> None:
    value = {"list": [1, 2.5, None, True, "é"], "big": 2**53, "inner": {"deep": [[[]]]}}

    assert await toy.query("query($v: JSON!) { echo(value: $v) }", v=value) == {"data": {"echo": value}}


async def test_input_objects_nest_as_deep_as_json_may(toy: Any) -> None:
    value: dict[str, Any] = {"name": "x"}
    for _ in range(50):
        value = {"inner": value}

    assert await toy.query("query($v: Nested!) { nested(value: $v) }", v=value) == {
        "data": {"nested": "nested"}
    }
