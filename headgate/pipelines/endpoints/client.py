"""Calls to endpoints: authenticated, spaced, tried again where that is safe, and bounded in every way."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import urlencode

import httpx
import orjson

from headgate.errors import JobFault
from headgate.pipelines.endpoints import retrying
from headgate.pipelines.endpoints.called import CalledEndpoint
from headgate.pipelines.endpoints.druid import DruidEndpoint
from headgate.pipelines.endpoints.http import HttpEndpoint
from headgate.pipelines.endpoints.outside import Endpoint, Outside
from headgate.pipelines.endpoints.retrying import HARMLESS, LATER, PASSING, REFUSED, Passing, retry_after
from headgate.pipelines.endpoints.simulated import SimulatedEndpoint
from headgate.pipelines.endpoints.simulation import Simulation
from headgate.pipelines.endpoints.transport import MAX_ANSWER_BYTES, Request, Transport
from headgate.pipelines.endpoints.transport import Answer as Answer
from headgate.pipelines.endpoints.turns import Pace, Turns
from headgate.pipelines.endpoints.webservice import WebService
from headgate.pipelines.outgoing import not_allowed, read_url
from headgate.pipelines.prepared import Watch

MODELS: Mapping[str, type[CalledEndpoint]] = {model.kind: model for model in (HttpEndpoint, DruidEndpoint)}


class Server(Protocol):
    """Answers requests."""

    @property
    def url(self) -> str:
        """Below this lies everything."""
        ...

    def exchange(self, request: Request) -> Answer:
        """Ask once; answers whatever the status is. Raises Passing where it may answer later, and JobFault."""
        ...

    def close(self) -> None:
        """Hang up."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """How often a call is tried, how long each try may take, and how long to wait after the first."""

    max_attempts: int
    timeout_s: float
    first_wait_s: float


class Client:
    """Calls one endpoint, from any number of threads, until the end of its `with` block."""

    def __init__(self, name: str, server: Server, limits: Limits, pace: Pace, turns: Turns) -> None:
        self._who = f"The endpoint {name}" if name else "The server of the URL"
        self._server, self._limits, self._pace, self._turns = server, limits, pace, turns

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()

    def call(
        self,
        method: str,
        path: str = "",
        *,
        params: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        content: bytes | None = None,
        idempotency_key: str | None = None,
        harmless: bool = False,
        on_try: Callable[[], None] | None = None,
    ) -> Answer:
        """Call a path below the endpoint's URL, or a whole URL; of another origin that is called without credentials.

        A call that may have had an effect is tried again only with an idempotency key, which the server knows it by,
        where its method has the same effect twice as once, or where it is said to be `harmless`, as a search is.
        `on_try` hears of each try before it is made.

        Raises JobFault: HTTP_STATUS for all but 2xx, URL_NOT_ALLOWED, URL_UNREACHABLE, URL_TIMED_OUT, URL_TOO_LARGE,
        AUTHENTICATION_FAILED, INVALID_ANSWER.
        """
        given = {name.lower(): value for name, value in (headers or {}).items()}
        given.setdefault("accept", "application/json, */*;q=0.8")
        if json is not None:
            content = orjson.dumps(json, default=str)
            given.setdefault("content-type", "application/json")
        if idempotency_key is not None:
            given["idempotency-key"] = idempotency_key
        if content is None and method not in ("GET", "HEAD"):
            content = b""
        request = Request(method, self.url(path, params), list(given.items()), content)
        may_repeat = harmless or idempotency_key is not None or method in HARMLESS
        return self._tried(request, may_repeat, on_try or (lambda: None))

    def wait(self, seconds: float) -> None:
        """Wait, and heed meanwhile who may end it. Raises JobFault URL_TIMED_OUT where the job's time is over."""
        self._turns.wait(seconds)

    def url(self, path: str = "", params: Sequence[tuple[str, str]] = ()) -> httpx.URL:
        """The URL that a call of this path has, without what authenticates. Raises JobFault URL_NOT_ALLOWED."""
        url = path if path.startswith(("http://", "https://")) else _below(self._server.url, path)
        try:
            whole = read_url(url)
        except ValueError as error:
            raise not_allowed(str(error)) from None
        query = "&".join(filter(None, (whole.query.decode("ascii"), urlencode(params))))
        return whole.copy_with(query=query.encode() or None, fragment=None)

    def _tried(self, request: Request, may_repeat: bool, on_try: Callable[[], None]) -> Answer:
        for attempt in count(1):
            on_try()
            try:
                return self._once(request)
            except Passing as trouble:
                pause_s = trouble.pause_s(attempt, self._limits.first_wait_s)
                is_last = attempt == self._limits.max_attempts or not (may_repeat or trouble.undone)
                if is_last or not self._turns.is_enough_for(pause_s):
                    raise trouble.fault from trouble
                self._turns.wait(pause_s)
        raise AssertionError  # count() has no end

    def _once(self, request: Request) -> Answer:
        self._turns.wait(self._pace.take())
        with self._turns.turn(self._limits.timeout_s):
            answer = self._server.exchange(request)
        if 200 <= answer.status < 300:
            return answer
        fault = self._refusal(answer.status)
        if answer.status in PASSING:
            raise Passing(fault, undone=answer.status == REFUSED, wait_s=retry_after(answer.headers))
        raise fault

    def _refusal(self, status: int) -> JobFault:
        known = {each.value: f" ({each.phrase})" for each in HTTPStatus}
        message = f"{self._who} answers with status {status}{known.get(status, '')}."
        retryable = status >= 500 or status in PASSING or status in LATER
        return JobFault("HTTP_STATUS", message, "DEPENDENCY", retryable, {"status": status})


def _below(base: str, path: str) -> str:
    if not path or path.startswith("?"):
        return base + path
    return f"{base.rstrip('/')}/{path.lstrip('/')}"


def open_client(
    endpoint: Endpoint,
    outside: Outside,
    watch: Watch,
    *,
    stage: str = "calling",
    max_bytes: int = MAX_ANSWER_BYTES,
) -> Client:
    """A client of an endpoint of the kind HTTP, DRUID or SIMULATED; an answer has at most `max_bytes`.

    `watch` hears of `stage` while calls wait, and may end them. Raises JobFault: WRONG_ENDPOINT, INVALID_ENDPOINT.
    """
    turns = Turns(outside.timeout_s, lambda: watch(stage))
    if endpoint.kind == SimulatedEndpoint.kind:
        return _simulated(endpoint, turns, outside.timeout_s)
    if endpoint.kind not in MODELS:
        message = f"The endpoint {endpoint.name} is of kind {endpoint.kind}, which can't be called over HTTP."
        raise JobFault("WRONG_ENDPOINT", message, "CONFIG")
    model = MODELS[endpoint.kind].of(endpoint)
    transport = Transport(outside.networks, turns, max_bytes)
    limits = Limits(model.max_attempts, model.timeout_seconds, retrying.FIRST_WAIT_S)
    service = WebService(model, transport)
    return Client(endpoint.name, service, limits, Pace(model.requests_per_second), turns)


def _simulated(endpoint: Endpoint, turns: Turns, timeout_s: float) -> Client:
    model = SimulatedEndpoint.of(endpoint)
    # Which tries fail is up to the simulation, and there is nobody to spare.
    limits = Limits(max_attempts=1, timeout_s=timeout_s, first_wait_s=0)
    return Client(endpoint.name, Simulation(model, turns.wait), limits, Pace(None), turns)
