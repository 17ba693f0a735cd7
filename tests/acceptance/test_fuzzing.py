"""Operations, bodies and frames that nobody thought of: none is answered with a 5xx or masked as a bug of ours."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.graphql import nodes
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.acceptance.processes import Headgate

pytestmark = [pytest.mark.xdist_group("unmetered"), pytest.mark.thorough]

SCHEMA = Path(__file__).parents[2] / "schema.graphql"
OPERATIONS = 8
MANY_OPERATIONS = 300
MESSAGES = 150
MANY_MESSAGES = 3_000
ORDERLY_CLOSES = {1000, 1002, 1003, 1007, 1009, 4400, 4401, 4403, 4406, 4408, 4409, 4429}

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=12
)  # fmt: skip
documents = st.sampled_from(
    ["{ __typename }", "query ($a: JSON) { viewer { role } }", "subscription { x }", "{", ""]
)
requests = st.fixed_dictionaries(
    {},
    optional={
        "query": documents | values,
        "variables": values,
        "operationName": values,
        "extensions": values,
    },
)
bodies = (
    st.binary(max_size=300)
    | values.map(json.dumps).map(str.encode)
    | requests.map(json.dumps).map(str.encode)
    | st.tuples(requests.map(json.dumps), st.integers(0, 200)).map(lambda cut: cut[0][: cut[1]].encode())
)
media_types = st.sampled_from(
    [
        "application/json",
        "application/json; charset=utf-8",
        "multipart/form-data; boundary=x",
        "text/plain",
        "",
    ]
)
kinds = st.sampled_from(
    ["connection_init", "ping", "pong", "subscribe", "complete", "next", "error", "start", ""]
)
messages = (
    st.text(max_size=100)
    | st.binary(max_size=100)
    | values.map(json.dumps)
    | st.fixed_dictionaries(
        {"type": kinds}, optional={"id": st.just("1") | values, "payload": requests | values, "more": values}
    ).map(json.dumps)
)
json_nodes = st.recursive(
    st.just(nodes.Null)
    | st.booleans().map(nodes.Boolean)
    | st.integers(-(2**63), 2**63 - 1).map(nodes.Int)
    | st.text().map(nodes.String),
    lambda inner: st.lists(inner, max_size=3).map(nodes.List),
    max_leaves=5,
)


@pytest.fixture(scope="session")
def schema() -> Any:
    schemathesis.graphql.scalar("BigInt", st.integers(-(2**53) + 1, 2**53 - 1).map(nodes.Int))
    schemathesis.graphql.scalar("JSON", json_nodes)
    schemathesis.graphql.scalar("Upload", st.text().map(nodes.String))
    return schemathesis.graphql.from_path(SCHEMA)


def fuzz(count: int, strategy: st.SearchStrategy[Any], check: Callable[[Any], None]) -> None:
    """Run a check on so many examples, the same each time."""

    @settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def run(example: Any) -> None:
        check(example)

    run()


def assert_well_formed(response: httpx.Response) -> None:
    """Check that an answer is one of GraphQL, and tells of no bug."""
    assert response.status_code < 500, response.text
    answered = response.json()
    assert set(answered) <= {"data", "errors", "extensions"}
    assert "data" in answered or answered["errors"]
    for error in answered.get("errors", ()):
        assert isinstance(error["message"], str)
        assert error["extensions"]["requestId"]
        assert error["extensions"]["code"] != "INTERNAL", response.text


@pytest.mark.parametrize("count", [OPERATIONS, pytest.param(MANY_OPERATIONS, marks=pytest.mark.long)])
@pytest.mark.parametrize("root", ["Query", "Mutation"])
def test_whatever_fits_the_schema_is_answered(
    unmetered_headgate: Headgate, schema: Any, root: str, count: int
) -> None:
    headers = {"authorization": f"Bearer {unmetered_headgate.token()}"}
    operations = [each.ok() for each in schema.get_all_operations()]
    chosen = [operation for operation in operations if operation.label.startswith(f"{root}.")]
    assert len(chosen) > 10
    with httpx.Client(base_url=unmetered_headgate.url, headers=headers, timeout=60) as client:
        for operation in chosen:
            fuzz(
                count,
                operation.as_strategy(),
                lambda case: assert_well_formed(client.post("/graphql", json={"query": case.body})),
            )


@pytest.mark.parametrize("count", [MESSAGES, pytest.param(MANY_MESSAGES, marks=pytest.mark.long)])
def test_whatever_comes_as_a_body_is_answered(unmetered_headgate: Headgate, count: int) -> None:
    headers = {"authorization": f"Bearer {unmetered_headgate.token()}", "graphql-require-preflight": "1"}
    with httpx.Client(base_url=unmetered_headgate.url, headers=headers) as client:

        def check(example: tuple[bytes, str, str]) -> None:
            body, media_type, accept = example
            answered = client.post(
                "/graphql", content=body, headers={"content-type": media_type, "accept": accept}
            )
            if answered.headers["content-type"].startswith("text/event-stream"):
                assert "INTERNAL" not in answered.text
            else:
                assert_well_formed(answered)

        accepts = st.sampled_from(["*/*", "application/graphql-response+json", "text/event-stream"])
        fuzz(count, st.tuples(bodies, media_types, accepts), check)


def converse(socket: ClientConnection, sent: list[str | bytes]) -> None:
    """Send messages, and read until the socket closes: at the latest for the last of them, which is none."""
    for message in [*sent, "this is no message"]:
        socket.send(message)
    while True:
        assert "INTERNAL" not in str(socket.recv(timeout=10))


@pytest.mark.parametrize("is_known", [True, False], ids=["known", "unknown"])
@pytest.mark.parametrize("count", [MESSAGES, pytest.param(MANY_MESSAGES, marks=pytest.mark.long)])
def test_whatever_comes_as_messages_is_answered_or_closes_the_socket(
    unmetered_headgate: Headgate, count: int, is_known: bool
) -> None:
    url = unmetered_headgate.url.replace("http", "ws") + "/graphql"
    payload = {"Authorization": f"Bearer {unmetered_headgate.token()}"}

    greeting: list[str | bytes] = (
        [json.dumps({"type": "connection_init", "payload": payload})] if is_known else []
    )

    def check(sent: list[str | bytes]) -> None:
        opening = connect(url, subprotocols=[Subprotocol("graphql-transport-ws")], proxy=None)
        with opening as socket, pytest.raises(ConnectionClosed) as closed:
            converse(socket, [*greeting, *sent])
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code in ORDERLY_CLOSES

    fuzz(count, st.lists(messages, max_size=4), check)


def test_the_server_has_met_no_bug_of_its_own(unmetered_headgate: Headgate) -> None:
    log = (unmetered_headgate.home / "serve.log").read_text()

    assert "Traceback" not in log
    assert "request.failed" not in log
