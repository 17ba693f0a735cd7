"""Real servers: `headgate serve` in a process of its own, asked over HTTP and WebSocket."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import Any

import httpx
import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from headgate.server.preparation import issue_administrator_token
from headgate.settings import ENV_PREFIX, Settings

HEADGATE = (sys.executable, "-m", "headgate.cli")
MAX_UPLOAD_BYTES = 2_000_000
STOP_S = 30
UPLOAD = """
mutation ($file: Upload!, $input: UploadInput) {
  upload(file: $file, input: $input) {
    file { id name status format byteSize sha256 columns { name type } failure { code message } }
    replayed
    errors { code message path retryable }
  }
}
"""
INGEST = """
mutation ($input: IngestInput!) {
  ingest(input: $input) {
    job {
      id status failure { code message }
      counts { read accepted rejected filtered merged }
    }
    replayed
    errors { code message path }
  }
}
"""


@dataclass
class Headgate:
    """A home folder, and at most one server that works in it."""

    home: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    process: subprocess.Popen[str] | None = None
    tokens: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        around = {name: value for name, value in os.environ.items() if not name.startswith("HEADGATE_")}
        return {**around, "HEADGATE_HOME": str(self.home), "HEADGATE_PORT": "0", **self.settings}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [*HEADGATE, *arguments], env=self.environment, capture_output=True, text=True, timeout=60
        )

    def token(self, role: str = "ADMIN") -> str:
        """Make a token as `headgate token` does, without waiting for a process; once for each role."""
        if role not in self.tokens:
            given: dict[str, Any] = {
                name.removeprefix(ENV_PREFIX).lower(): value for name, value in self.settings.items()
            }
            settings = Settings(home=self.home, _env_prefix="", **given)
            with ThreadPoolExecutor(1) as threads:
                self.tokens[role] = threads.submit(_token, settings, role).result()
        return self.tokens[role]

    def start(self) -> "Headgate":
        """Start the server and wait until it says that it is ready."""
        self.home.mkdir(parents=True, exist_ok=True)
        with (self.home / "serve.log").open("a") as log:
            self.process = subprocess.Popen(
                [*HEADGATE, "serve"], env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        assert self.process.stdout is not None
        printed = list(takewhile(lambda line: line != "ready\n", self.process.stdout))
        found = re.search(r"http://[\d.]+:\d+", "".join(printed))
        assert found is not None, (self.home / "serve.log").read_text()
        self.url = found[0]
        return self

    @property
    def engine(self) -> list[psutil.Process]:
        """The processes that the server has started for its engine."""
        assert self.process is not None
        found: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return found

    def stop(self) -> int:
        """Stop the server as a supervisor does; answers its exit status."""
        assert self.process is not None
        self.process.terminate()
        return self._end()

    def kill(self) -> None:
        """Kill the server: it cannot clean up after itself."""
        assert self.process is not None
        self.process.kill()
        self._end()

    def _end(self) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        status = self.process.wait(STOP_S)
        self.process.stdout.close()
        self.process = None
        return status


@dataclass
class Client:
    """Asks one server with one token."""

    http: httpx.AsyncClient
    url: str
    token: str

    async def ask(self, query: str, **variables: object) -> Any:
        """Run an operation and answer the whole response."""
        response = await self.http.post("/graphql", json={"query": query, "variables": variables})
        assert response.status_code < 500, response.text
        return response.json()

    async def data(self, query: str, **variables: object) -> Any:
        """Run an operation that must not fail."""
        answer = await self.ask(query, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    async def refusal(self, query: str, **variables: object) -> str:
        """Run an operation that must fail; answers the first error's code."""
        code: str = (await self.ask(query, **variables))["errors"][0]["extensions"]["code"]
        return code

    async def upload(self, content: bytes, name: str = "people.csv", **known: object) -> Any:
        """Upload a file; answers the payload."""
        operations = {"query": UPLOAD, "variables": {"file": None, "input": known or None}}
        response = await self.http.post(
            "/graphql",
            data={"operations": json.dumps(operations), "map": json.dumps({"0": ["variables.file"]})},
            files={"0": (name, content)},
            headers={"GraphQL-Require-Preflight": "1"},
        )
        return response.json()["data"]["upload"]

    async def ingest(self, data: object, dataset: str, **options: object) -> Any:
        """Ingest and wait for the job's end; answers the payload."""
        wanted = {"data": data, "dataset": dataset, "waitSeconds": 30, **options}
        return (await self.data(INGEST, input=wanted))["ingest"]

    @asynccontextmanager
    async def subscribe(self, query: str, **variables: object) -> AsyncIterator[AsyncIterator[Any]]:
        """Open a subscription on a socket of its own; what it yields are whole results."""
        async with connect(
            self.url.replace("http", "ws") + "/graphql", subprotocols=[Subprotocol("graphql-transport-ws")]
        ) as socket:
            payload = {"Authorization": f"Bearer {self.token}"}
            await socket.send(json.dumps({"type": "connection_init", "payload": payload}))
            assert json.loads(await socket.recv())["type"] == "connection_ack"
            operation = {"query": query, "variables": variables}
            await socket.send(json.dumps({"type": "subscribe", "id": "1", "payload": operation}))
            yield _results(socket)


def _token(settings: Settings, role: str) -> str:
    return asyncio.run(issue_administrator_token(settings, role))


async def _results(socket: ClientConnection) -> AsyncIterator[Any]:
    async for text in socket:
        message = json.loads(text)
        if message["type"] == "complete":
            return
        if message["type"] == "error":
            yield {"errors": message["payload"]}
            return
        yield message["payload"]


MakeHeadgate = Callable[..., Headgate]
MakeClient = Callable[..., Awaitable[Client]]
