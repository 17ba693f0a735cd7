"""The Python client gql, as PyPI has it, over HTTP and over WebSocket."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest
from gql import Client, FileVar, GraphQLRequest, gql
from gql.client import AsyncClientSession
from gql.transport.exceptions import TransportConnectionFailed, TransportQueryError
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

from tests.acceptance.processes import INGEST, UPLOAD, Headgate

WATCH = "subscription ($job: ID!) { jobProgress(jobId: $job) { type status } }"
LINES = b"id,name\n1,Ada\n2,Ben\n3\n"


def over_socket(headgate: Headgate, token: str) -> WebsocketsTransport:
    """Make the way to a server by graphql-transport-ws."""
    return WebsocketsTransport(
        url=headgate.url.replace("http", "ws") + "/graphql",
        init_payload={"Authorization": f"Bearer {token}"},
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
        connect_args={"proxy": None},
    )


def watching(job: str) -> GraphQLRequest:
    """Ask for a job's events."""
    return GraphQLRequest(WATCH, variable_values={"job": job})


@pytest.fixture
async def http(shared_headgate: Headgate) -> AsyncIterator[AsyncClientSession]:
    """An administrator's session over HTTP, which has read the schema."""
    transport = HTTPXAsyncTransport(
        url=f"{shared_headgate.url}/graphql",
        headers={
            "Authorization": f"Bearer {shared_headgate.token()}",
            "GraphQL-Require-Preflight": "1",
        },
        timeout=60,
        trust_env=False,
    )
    async with Client(transport=transport, fetch_schema_from_transport=True) as session:
        yield session


async def test_a_file_is_sent_and_ingested_and_its_job_is_watched(
    http: AsyncClientSession, shared_headgate: Headgate, tmp_path: Any
) -> None:
    path = tmp_path / "people.csv"
    path.write_bytes(LINES)
    upload = GraphQLRequest(UPLOAD, variable_values={"file": FileVar(str(path), filename="people.csv")})
    sent = await http.execute(upload, upload_files=True)
    data = {"data": {"file": sent["upload"]["file"]["id"]}, "dataset": f"made_{uuid4().hex}"}
    started = await http.execute(GraphQLRequest(INGEST, variable_values={"input": data}))

    async with Client(transport=over_socket(shared_headgate, shared_headgate.token())) as socket:
        events = [
            event["jobProgress"] async for event in socket.subscribe(watching(started["ingest"]["job"]["id"]))
        ]
    statuses = [event["status"] for event in events if event["type"] == "STATUS"]
    assert statuses == ["QUEUED", "RUNNING", "PARTIAL"]


async def test_what_is_wrong_is_told(http: AsyncClientSession, shared_headgate: Headgate) -> None:
    with pytest.raises(TransportQueryError) as refused:
        await http.execute(gql('{ job(id: "nothing") { id } }'))
    assert refused.value.errors is not None
    assert refused.value.errors[0]["extensions"]["code"] == "INVALID_ID"
    with pytest.raises(TransportConnectionFailed):
        async with Client(transport=over_socket(shared_headgate, "nonsense")) as socket:
            await anext(socket.subscribe(watching("any")))
