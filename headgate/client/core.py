"""What all operations stand on: one server, asked for whatever has no method of its own."""

from collections.abc import AsyncGenerator, Mapping
from typing import Any, TypeVar
from uuid import uuid4

from headgate.client.errors import NotFound
from headgate.client.eventstreams import subscribe
from headgate.client.models import Job
from headgate.client.servers import Server
from headgate.client.shapes import camel, read, selection
from headgate.client.transport import Transport
from headgate.client.wire import Data, Wire

Shape = TypeVar("Shape")

PAGE = 100
ERRORS = "errors { code message path retryable }"


class Core:
    """Holds the connection."""

    def __init__(self, transport: Transport, server: Server) -> None:
        self._wire = Wire(transport, server)

    async def close(self) -> None:
        """Close all connections."""
        await self._wire.transport.close()

    async def ask(self, query: str, /, **variables: Any) -> Data:
        """Run any query or mutation of the API and answer its `data`, as JSON has it.

        What fails on its way is sent again for up to `retry_for_s`; a mutation only where it surely did not run, so
        give one an `idempotencyKey` of your own to be able to send it again. Errors in payloads are yours to look at.
        Raises Refused and Unreachable.
        """
        return await self._wire.ask(query, variables)

    def subscribe(self, query: str, /, **variables: Any) -> AsyncGenerator[Data, None]:
        """Yield the `data` of each result of any subscription of the API, until it ends.

        After a lost connection it goes on behind the last event; `datasetChanged`, whose events have no cursor, raises
        Unreachable then. Raises Refused.
        """
        return subscribe(self._wire, query, variables)

    async def _one(self, shape: type[Shape], field: str, argument: str, value: str) -> Shape:
        """Read what a field answers for an id or a name. Raises NotFound where it answers null."""
        kind = "ID" if argument == "id" else "String"
        query = f"query ($v: {kind}!) {{ {field}({argument}: $v) {{ {selection(shape)} }} }}"
        found = (await self._wire.ask(query, {"v": value}))[field]
        if found is None:
            raise not_found(field, value)
        return read(shape, found)

    async def _all(
        self, shape: type[Shape], field: str, filter_type: str, filter: Mapping[str, Any]
    ) -> AsyncGenerator[Shape, None]:
        """Yield all entries of a connection, asked for page by page."""
        query = _listing(field, filter_type, selection(shape))
        page = {"filter": _inputs(filter), "first": PAGE, "after": None}
        while True:
            connection = (await self._wire.ask(query, page))[field]
            for edge in connection["edges"]:
                yield read(shape, edge["node"])
            if not connection["pageInfo"]["hasNextPage"]:
                return
            page["after"] = connection["pageInfo"]["endCursor"]

    async def _start(self, field: str, input_type: str, given: Mapping[str, Any]) -> Job:
        """Run a mutation that starts a job, and answer that; sent again it starts no other."""
        key = given.get("idempotency_key") or uuid4().hex
        return await self._job_of(field, input_type, {**given, "idempotency_key": key})

    async def _job_of(self, field: str, input_type: str, given: Mapping[str, Any]) -> Job:
        answer = f"job {{ {selection(Job)} }} {ERRORS}"
        query = f"mutation ($input: {input_type}!) {{ {field}(input: $input) {{ {answer} }} }}"
        return read(Job, (await self._wire.change(query, field, {"input": _inputs(given)}))["job"])


def not_found(kind: str, value: str) -> NotFound:
    """Say that there is none with this id or name."""
    return NotFound("NOT_FOUND", f"There is no {kind} {value!r}.")


def _listing(field: str, filter_type: str, selected: str) -> str:
    arguments = "filter: $filter, first: $first, after: $after"
    page = f"pageInfo {{ hasNextPage endCursor }} edges {{ node {{ {selected} }} }}"
    variables = f"$filter: {filter_type}, $first: Int!, $after: String"
    return f"query ({variables}) {{ {field}({arguments}) {{ {page} }} }}"


def _inputs(given: Mapping[str, Any]) -> dict[str, Any]:
    """Write arguments as GraphQL has them; what is None was not given."""
    return {camel(name): value for name, value in given.items() if value is not None}
