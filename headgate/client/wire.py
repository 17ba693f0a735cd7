"""Requests and answers: GraphQL over HTTP, tried again where that can help and does no harm."""

import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx

from headgate.client.errors import HeadgateError, Refused, Unauthenticated, Unreachable
from headgate.client.patience import Patience
from headgate.client.servers import TOKEN_VARIABLE, Server
from headgate.client.transport import Transport

Result = TypeVar("Result")
Data = dict[str, Any]

GRAPHQL = "/graphql"
JSON = {"content-type": "application/json", "accept": "application/json"}
PASSING = (502, 503, 504)
WORDLESS = {401: "UNAUTHENTICATED", 403: "FORBIDDEN", 423: "UPLOAD_LOCKED", 429: "RATE_LIMITED"}
"""What answers to HEAD, and those of a proxy, say by their status alone."""
COMES_AGAIN = (423, 429)
MUTATION = re.compile(r"\bmutation\b")
UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
NO_TOKEN = f"There is no token: give one, or set {TOKEN_VARIABLE}. `headgate token` prints one."


class Wire:
    """Asks one server over one transport."""

    def __init__(self, transport: Transport, server: Server) -> None:
        self.transport = transport
        self._server = server
        self._has_answered = False

    async def ask(self, query: str, variables: Mapping[str, Any]) -> Data:
        """Run a query or a mutation and answer its data. A mutation is sent again only where it surely did not run.

        Raises Refused and Unreachable, as all that asks does.
        """
        request = self.operation(query, variables)
        return await self.send(request, data_of, repeatable=not MUTATION.search(query))

    async def change(self, query: str, field: str, variables: Mapping[str, Any]) -> Data:
        """Run a mutation that does no more when it is sent twice; answers its payload, which has no errors."""

        def payload(response: httpx.Response) -> Data:
            found: Data = data_of(response)[field]
            if found["errors"]:
                raise Refused.of(found["errors"])
            return found

        return await self.send(self.operation(query, variables), payload)

    def operation(
        self, query: str, variables: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> httpx.Request:
        """Make the request of an operation."""
        content = json.dumps({"query": query, "variables": variables}, default=_plain).encode()
        return self.transport.build("POST", GRAPHQL, content=content, headers={**JSON, **(headers or {})})

    async def send(
        self,
        request: httpx.Request,
        read: Callable[[httpx.Response], Result],
        *,
        repeatable: bool = True,
    ) -> Result:
        """Send a request until what it is answered can be read."""
        patience = self.patience()
        while True:
            try:
                return read(await self.once(request))
            except HeadgateError as trouble:
                if trouble.may_have_run and not repeatable:
                    raise
                await patience.bear(trouble)

    async def once(self, request: httpx.Request) -> httpx.Response:
        """Send a request once; answers what came back, unless that is no answer of Headgate's."""
        try:
            response = await self.transport.send(request)
        except httpx.TransportError as error:
            raise self.unreachable(error) from error
        self._answered(response)
        return response

    @asynccontextmanager
    async def opened(self, request: httpx.Request) -> AsyncIterator[httpx.Response]:
        """Send a request whose answer is read as it comes. Raises Refused for one that is none to be read."""
        try:
            response = await self.transport.send(request, stream=True)
            try:
                if not response.is_success:
                    await self.transport.read(response)
                self._answered(response)
                check(response)
                yield response
            finally:
                await self.transport.end(response)
        except httpx.TransportError as error:
            raise self.unreachable(error) from error

    def patience(self) -> Patience:
        """Make what bears with trouble for as long as the client was told to."""
        server = self._server
        return Patience(
            self.transport, server.retry_for_s if self._has_answered else server.first_retry_for_s
        )

    def unreachable(self, error: httpx.TransportError) -> Unreachable:
        """Say that no answer came."""
        why = str(error) or type(error).__name__
        sent = not isinstance(error, UNSENT)
        return Unreachable(f"{self._server.url} does not answer: {why}", may_have_run=sent)

    def _answered(self, response: httpx.Response) -> None:
        """Take note that somebody is there. Raises Unreachable where it is nobody who can help."""
        self._has_answered = True
        if response.status_code in PASSING and not _errors(response):
            raise Unreachable(f"{self._server.url} answers {response.status_code}: try again later.")
        if response.status_code == 401 and self._server.token is None:
            raise Unauthenticated("UNAUTHENTICATED", NO_TOKEN)


def check(response: httpx.Response) -> httpx.Response:
    """Answer the response itself where it is a success.

    Raises Refused, and Unreachable for what no Headgate says.
    """
    if response.is_success:
        return response
    if errors := _errors(response) or _wordless(response):
        refused = Refused.of(errors)
        refused.retry_after_s = _seconds(response.headers.get("retry-after"))
        raise refused
    raise _foreign(response)


def data_of(response: httpx.Response) -> Data:
    """Read the data of an answer. Raises Refused where it has errors."""
    if errors := _errors(check(response)):
        raise Refused.of(errors)
    answer = _json(response)
    if not isinstance(answer, dict) or "data" not in answer:
        raise _foreign(response)
    data: Data = answer["data"]
    return data


def _errors(response: httpx.Response) -> list[Any]:
    answer = _json(response)
    errors = answer.get("errors") if isinstance(answer, dict) else None
    return errors if isinstance(errors, list) else []


def _wordless(response: httpx.Response) -> list[Any]:
    status = response.status_code
    if status not in WORDLESS:
        return []
    told = f"{_place(response)} answers {status}."
    return [{"code": WORDLESS[status], "message": told, "retryable": status in COMES_AGAIN}]


def _json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return None


def _foreign(response: httpx.Response) -> Unreachable:
    said = f"answers {response.status_code} and nothing that Headgate says: is the URL right?"
    return Unreachable(f"{_place(response)} {said}", retryable=False)


def _place(response: httpx.Response) -> str:
    """Name what was asked for, without the token that a link carries."""
    return str(response.url.copy_with(query=None))


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.isdecimal() else None


def _plain(value: Any) -> str:
    """Write what JSON has no form for, such as dates, as the API takes it."""
    if hasattr(value, "isoformat"):
        text: str = value.isoformat()
        return text
    raise TypeError(f"{type(value).__name__} is nothing that JSON has: {value!r}")
