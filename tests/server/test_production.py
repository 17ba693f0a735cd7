"""What production hides is hidden on every transport."""

import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from headgate.domain.tolls import Tolls
from headgate.graphql.context import Context
from headgate.graphql.discretion import UNFIT
from headgate.graphql.schema import make_schema
from headgate.jobs.memory_rates import InProcessRates
from headgate.server.envelope import Envelope
from headgate.server.multipart import MultipartReceiver
from headgate.server.view import GraphQLApp
from headgate.storage.objects import LocalStore
from headgate.storage.tables import Role
from tests.server.conftest import authenticate, make_presence

INTROSPECTION = "{ __schema { queryType { name } } }"
REFUSED = "Reading the schema needs the role ADMIN on this server."
MISSPELT = "{ jobs { totalCoun } }"
MISVALUED = "query ($x: JobGroup!) { jobStatistics(groupBy: $x) { key } }"
Ask = Callable[[str, dict[str, Any]], Any]


@pytest.fixture
async def url(tmp_path: Path, serve: Callable[..., Any]) -> AsyncIterator[str]:
    view = GraphQLApp(
        make_schema(schema_role=Role.ADMIN),
        authenticate=authenticate,
        make_context=partial(Context, cast("Any", None), cast("Any", None)),
        uploads=MultipartReceiver(LocalStore(tmp_path), max_body_bytes=1, max_upload_bytes=1),
        tolls=Tolls(InProcessRates(), known_limit=0, anonymous_limit=0),
        presence=make_presence(),
    )
    async with serve(Envelope(view)) as url:
        yield url


@pytest.fixture(params=["json", "get", "events", "socket"])
def ask(request: pytest.FixtureRequest, url: str, make_token: Callable[..., str]) -> Ask:
    """Ask as an OPERATOR over one of the transports; answers the first error."""
    headers = {"authorization": f"Bearer {make_token()}"}

    async def by_post(query: str, variables: dict[str, Any], accept: str = "application/json") -> str:
        async with httpx.AsyncClient(base_url=url, headers={**headers, "accept": accept}) as client:
            answer = await client.post("/graphql", json={"query": query, "variables": variables})
        return answer.text

    async def by_get(query: str, variables: dict[str, Any]) -> str:
        params = {"query": query, "variables": json.dumps(variables)}
        async with httpx.AsyncClient(base_url=url, headers=headers, params=params) as client:
            return (await client.get("/graphql")).text

    async def by_events(query: str, variables: dict[str, Any]) -> str:
        text = await by_post(query, variables, "text/event-stream")
        return text.partition("data: ")[2].partition("\n")[0]

    async def by_socket(query: str, variables: dict[str, Any]) -> str:
        target = url.replace("http", "ws") + "/graphql"
        async with connect(target, subprotocols=[Subprotocol("graphql-transport-ws")]) as socket:
            await socket.send(
                json.dumps(
                    {"type": "connection_init", "payload": {"Authorization": headers["authorization"]}}
                )
            )
            await socket.recv()
            payload = {"query": query, "variables": variables}
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": payload}))
            message = json.loads(await socket.recv())
        is_error = message["type"] == "error"
        return json.dumps({"errors": message["payload"]} if is_error else message["payload"])

    ways = {"json": by_post, "get": by_get, "events": by_events, "socket": by_socket}

    async def ask(query: str, variables: dict[str, Any]) -> Any:
        (error,) = json.loads(await ways[request.param](query, variables))["errors"]
        return error

    return ask


@pytest.mark.parametrize(
    ("query", "variables", "message", "code"),
    [
        (INTROSPECTION, {}, REFUSED, "FORBIDDEN"),
        (MISSPELT, {}, UNFIT, "GRAPHQL_VALIDATION_FAILED"),
        (MISVALUED, {"x": "DAYS"}, UNFIT, "BAD_USER_INPUT"),
    ],
    ids=["introspection", "a name that is not there", "a value that is not there"],
)
async def test_the_schema_is_hidden_on_every_transport(
    ask: Ask, query: str, variables: dict[str, Any], message: str, code: str
) -> None:
    error = await ask(query, variables)

    assert (error["message"], error["extensions"]["code"]) == (message, code)
    assert set(error["extensions"]) == {"code", "requestId"}
