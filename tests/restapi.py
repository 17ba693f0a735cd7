"""A REST API on this machine: paginated in six ways, guarded in four, flaky and limited as a test wants it."""

import json
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qs, parse_qsl, urlsplit

TOKEN, USER, PASSWORD, KEY = "t0ken-s3cret", "ada", "pass-s3cret", "key-s3cret"
CLIENT, CLIENT_SECRET = "client", "client-s3cret"


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    port: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode()))


@dataclass(frozen=True)
class Reply:
    """What to answer: JSON, or these very bytes. Without any status the connection is cut."""

    status: int | None = 200
    said: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None

    @property
    def body(self) -> bytes:
        if self.content is not None:
            return self.content
        return b"" if self.said is None else json.dumps(self.said).encode()


Route = Callable[[Asked], Reply]
Guard = Callable[[Asked], bool]
CUT = Reply(status=None)


def busy(seconds: str | int = 0) -> Reply:
    return Reply(429, {"error": "slow down"}, {"Retry-After": str(seconds)})


def unavailable() -> Reply:
    return Reply(503, {"error": "s3cret trouble"})


class RestApi:
    """Serves `records`, a page of `size` at a time, under /page, /offset, /cursor, /next, /link and /header.

    `troubles` come first, one for each request, None for a proper answer. `guard` says who may enter. `routes` are
    further paths. Of the parameter `since`, records whose `date` lies before are left out.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.records: Sequence[Mapping[str, Any]] = []
        self.size = 3
        self.troubles: list[Reply | None] = []
        self.guard: Guard = lambda asked: True
        self.tokens = [TOKEN]
        self.lasts_s: float | None = 3600
        self.asked: list[Asked] = []
        self.routes: dict[str, Route] = {
            "/page": self._page,
            "/offset": self._offset,
            "/cursor": self._cursor,
            "/next": self._next,
            "/link": self._link,
            "/header": self._header,
            "/all": lambda asked: Reply(said=self._chosen(asked)),
            "/token": self._token,
        }
        self._lock = Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def answer(self, asked: Asked) -> Reply:
        with self._lock:
            self.asked.append(asked)
            trouble = self.troubles.pop(0) if self.troubles else None
        if trouble is not None:
            return trouble
        if asked.path != "/token" and not self.guard(asked):
            return Reply(401, {"error": "who are you?"})
        route = self.routes.get(asked.path)
        return route(asked) if route else Reply(404, {"error": "there is no such thing"})

    def paths(self) -> list[str]:
        """The paths that were asked for."""
        return [asked.path for asked in self.asked]

    def _chosen(self, asked: Asked) -> list[Mapping[str, Any]]:
        since = asked.query.get("since", "")
        return [record for record in self.records if str(record.get("date", "~")) >= since]

    def _slice(self, asked: Asked, start: int, size: int) -> list[Mapping[str, Any]]:
        return list(self._chosen(asked)[start : start + size])

    def _page(self, asked: Asked) -> Reply:
        size = int(asked.query.get("size", self.size))
        return Reply(said={"data": self._slice(asked, (int(asked.query.get("page", 1)) - 1) * size, size)})

    def _offset(self, asked: Asked) -> Reply:
        size = int(asked.query.get("limit", self.size))
        return Reply(said={"data": self._slice(asked, int(asked.query.get("offset", 0)), size)})

    def _after(self, asked: Asked, start: int) -> int | None:
        """Where the next page begins; None where there is none."""
        end = start + self.size
        return end if end < len(self._chosen(asked)) else None

    def _cursor(self, asked: Asked) -> Reply:
        start = int(asked.query.get("after", 0))
        following = self._after(asked, start)
        cursors = {"after": str(following)} if following else {}
        return Reply(said={"data": self._slice(asked, start, self.size), "paging": {"cursors": cursors}})

    def _next(self, asked: Asked) -> Reply:
        start = int(asked.query.get("start", 0))
        following = self._after(asked, start)
        link = f"/next?start={following}" if following else None
        return Reply(said={"data": self._slice(asked, start, self.size), "links": {"next": link}})

    def _link(self, asked: Asked) -> Reply:
        start = int(asked.query.get("start", 0))
        following = self._after(asked, start)
        links = f'<{self.url}/link?start=0>; rel="first"'
        links += f', <{self.url}/link?start={following}>; rel="next"' if following else ""
        return Reply(said=self._slice(asked, start, self.size), headers={"Link": links})

    def _header(self, asked: Asked) -> Reply:
        start = int(asked.query.get("from", 0))
        following = self._after(asked, start)
        headers = {"X-Next": str(following)} if following else {}
        return Reply(said=self._slice(asked, start, self.size), headers=headers)

    def _token(self, asked: Asked) -> Reply:
        """A token of OAuth 2, for a client whose secret stands in the body."""
        form = asked.form
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, CLIENT_SECRET):
            return Reply(401, {"error": "invalid_client"})
        said = {"access_token": self.tokens[0], "token_type": "Bearer"}
        return Reply(said=said if self.lasts_s is None else said | {"expires_in": self.lasts_s})

    def wants_bearer(self, asked: Asked) -> bool:
        return asked.headers.get("authorization") == f"Bearer {self.tokens[0]}"


def wants_basic(asked: Asked) -> bool:
    return asked.headers.get("authorization") == "Basic " + b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def wants_key(asked: Asked) -> bool:
    return KEY in (asked.headers.get("x-api-key"), asked.query.get("api_key"))


def days(count: int) -> list[dict[str, Any]]:
    """Records of one day each."""
    return [
        {"id": number, "date": f"2026-01-{number:02}", "spend": number / 4} for number in range(1, count + 1)
    ]


class Answering(Protocol):
    """Answers requests."""

    def answer(self, asked: Asked) -> Reply: ...


A = TypeVar("A", bound=Answering)


@contextmanager
def serving_api(records: Iterable[Mapping[str, Any]] = ()) -> Iterator[RestApi]:
    """Run an API on 127.0.0.1."""
    with serving(RestApi) as api:
        api.records = list(records)
        yield api


@contextmanager
def serving(make: Callable[[int], A]) -> Iterator[A]:
    """Run on 127.0.0.1 what is made for a port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def take(self) -> None:
            url = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", 0)))
            self._send(
                api.answer(Asked(self.command, url.path, query, headers, body, self.client_address[1]))
            )

        def _send(self, reply: Reply) -> None:
            if reply.status is None:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in {"Content-Length": str(len(reply.body)), **reply.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, format: str, *args: object) -> None:
            """Tests read no logs."""

    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.take)

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            """Clients may hang up whenever they like."""

    with Server(("127.0.0.1", 0), Handler) as server:
        api = make(server.server_address[1])
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield api
        server.shutdown()
