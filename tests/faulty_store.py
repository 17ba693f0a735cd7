"""A way to a server, such as an S3 store, on which calls go wrong as they are told to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

Kind = Literal[
    "refuse", "slow down", "break off", "lose answer", "lose commit", "cut short", "hang", "hang after"
]
NO_DATABASE = (
    b'{"errors":[{"message":"Gone.","extensions":{"code":"DATABASE_UNAVAILABLE","retryable":true}}]}'
)
SLOW_DOWN = b'{"errors":[{"message":"Slow down.","extensions":{"code":"RATE_LIMITED","retryable":true}}]}'


@dataclass
class Trouble:
    """What befalls the next `times` calls of a method whose path and query have `part` in them.

    "refuse" answers 500, and "slow down" 429 with one second to wait; "lose answer" lets the server do
    what it is asked and breaks off then, and "lose commit" answers that its database has gone; "cut short"
    sends half of what the server answers; "hang" keeps the caller waiting until `released`, and "hang after"
    does so once the server has done what it was asked.
    """

    method: str
    part: str
    kind: Kind
    times: int = 1


@dataclass
class FaultyWay:
    """The way: `url` in place of the server's; `calls` are those that came, each with method, path and headers."""

    server_url: str
    url: str = ""
    troubles: list[Trouble] = field(default_factory=list)
    calls: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    has_hung: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def befalling(self, method: str, path: str) -> Kind | None:
        for trouble in self.troubles:
            if trouble.times and trouble.method == method and trouble.part in path:
                trouble.times -= 1
                return trouble.kind
        return None


@contextmanager
def faulty_way(server_url: str) -> Iterator[FaultyWay]:
    """Open a way to a server."""
    way = FaultyWay(server_url)

    class Handler(_Handler):
        pass

    Handler.way = way
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    way.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield way
    finally:
        way.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    way: FaultyWay

    def _pass_on(self) -> None:
        content = self.rfile.read(int(self.headers.get("content-length", 0)))
        self.way.calls.append((self.command, self.path, {k.lower(): v for k, v in self.headers.items()}))
        kind = self.way.befalling(self.command, self.path)
        if kind == "hang":
            self.way.has_hung.set()
            self.way.released.wait(60)
        if kind == "refuse":
            self._answer(500, [], b"")
        elif kind == "slow down":
            body = b"" if self.command == "HEAD" else SLOW_DOWN
            self._answer(429, [("content-length", str(len(body))), ("retry-after", "1")], body)
        elif kind in ("break off", "hang"):
            self.close_connection = True
        else:
            self._ask(content, kind)

    def _ask(self, content: bytes, kind: Kind | None) -> None:
        connection = HTTPConnection(urlsplit(self.way.server_url).netloc)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() != "expect"}
            connection.request(self.command, self.path, content, headers)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if kind == "hang after":
            self.way.has_hung.set()
            self.way.released.wait(60)
        if kind in ("lose answer", "hang after"):
            self.close_connection = True
        elif kind == "lose commit":
            self._answer(503, [], NO_DATABASE)
        else:
            self._answer(answer.status, _kept(answer, body), body[: len(body) // 2] if kind else body)
            self.close_connection = kind is not None

    def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        self.send_response_only(status)
        for name, value in headers or [("content-length", str(len(body)))]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = _pass_on  # noqa: N815

    def log_message(self, *_: object) -> None:
        """What goes wrong here is meant to."""


def _kept(answer: HTTPResponse, body: bytes) -> list[tuple[str, str]]:
    """The headers of an answer; its length is what was read, unless it answers HEAD."""
    dropped = ("transfer-encoding", "connection", "content-length")
    kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in dropped]
    return [*kept, ("content-length", answer.getheader("content-length") or str(len(body)))]
