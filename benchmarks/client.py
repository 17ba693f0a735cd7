"""A bare client of Headgate, so that the server is measured: GraphQL over HTTP, and over WebSocket for what is live."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from websockets.sync.client import connect
from websockets.typing import Subprotocol

PROTOCOL = Subprotocol("graphql-transport-ws")
TIMEOUT_S = 120.0

UPLOAD = """
mutation ($file: Upload!) {
  upload(file: $file) { file { id format byteSize columns { name type } } errors { code message } }
}
"""
INGEST = """
mutation ($input: IngestInput!) {
  ingest(input: $input) { job { id } errors { code message } }
}
"""
WATCH = """
subscription ($job: ID!) {
  jobProgress(jobId: $job) {
    status
    progress { stage fraction rowsRead }
    job { status failure { code message } counts { read accepted rejected filtered merged } }
  }
}
"""


class Refused(Exception):
    """The server did not do what it was asked; the message says why."""


class Client:
    """Asks one server; the methods raise Refused, and httpx.HTTPError where it can't be reached."""

    def __init__(self, url: str, token: str) -> None:
        self._authorization = {"Authorization": f"Bearer {token}"}
        self._socket_url = url.replace("http", "ws", 1) + "/graphql"
        self._http = httpx.Client(
            base_url=url, headers=self._authorization, timeout=TIMEOUT_S, trust_env=False
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Run a query or mutation and answer its data."""
        return _data(self._http.post("/graphql", json={"query": query, "variables": variables}))

    def upload(self, path: Path) -> dict[str, Any]:
        """Send a file, streamed from disk; answers id, format, byteSize and columns."""
        operations = {"query": UPLOAD, "variables": {"file": None}}
        with path.open("rb") as content:
            response = self._http.post(
                "/graphql",
                headers={"GraphQL-Require-Preflight": "1"},
                data={"operations": json.dumps(operations), "map": '{"0": ["variables.file"]}'},
                files={"0": (path.name, content)},
            )
        return _outcome(_data(response)["upload"], "file")

    def ingest(self, data: dict[str, Any], dataset: str, mode: str = "APPEND") -> str:
        """Start an ingest of this DataInput and answer the id of its job."""
        payload = self.ask(INGEST, input={"data": data, "dataset": dataset, "mode": mode})["ingest"]
        job_id: str = _outcome(payload, "job")["id"]
        return job_id

    def watch(self, job_id: str) -> Iterator[dict[str, Any]]:
        """Follow a job's events until its last one."""
        subscription = {"query": WATCH, "variables": {"job": job_id}}
        with connect(self._socket_url, subprotocols=[PROTOCOL], proxy=None) as socket:
            socket.send(json.dumps({"type": "connection_init", "payload": self._authorization}))
            for text in socket:
                match json.loads(text):
                    case {"type": "connection_ack"}:
                        socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": subscription}))
                    case {"type": "next", "payload": {"data": {"jobProgress": event}}}:
                        yield event
                    case {"type": "complete"}:
                        return
                    case {"type": "ping"}:
                        socket.send('{"type": "pong"}')
                    case message:
                        raise Refused(f"The subscription was refused: {json.dumps(message)}")
        raise Refused("The connection closed before the job had ended.")

    def finish(self, job_id: str) -> dict[str, Any]:
        """Wait for a job's end and answer its status, counts and failure."""
        job: dict[str, Any] = {}
        for event in self.watch(job_id):
            job = event["job"]
        return job


def _data(response: httpx.Response) -> dict[str, Any]:
    try:
        reply = response.json()
    except ValueError as error:
        raise Refused(f"The server answered {response.status_code} and no JSON.") from error
    if errors := reply.get("errors"):
        raise Refused("; ".join(error["message"] for error in errors))
    data: dict[str, Any] = reply["data"]
    return data


def _outcome(payload: dict[str, Any], name: str) -> dict[str, Any]:
    """What a mutation made, unless its payload carries errors."""
    if payload["errors"]:
        raise Refused("; ".join(f"{error['code']}: {error['message']}" for error in payload["errors"]))
    made: dict[str, Any] = payload[name]
    return made
