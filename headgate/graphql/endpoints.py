"""Endpoints: outside systems to read from and write to."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Self

import strawberry
from strawberry.scalars import JSON

from headgate.domain import endpoints, probing
from headgate.domain.endpoints import EndpointRequest
from headgate.errors import UserFault
from headgate.graphql.context import Info
from headgate.graphql.enums import EndpointKind, Role
from headgate.graphql.fields import mutation, query
from headgate.graphql.nodes import Node
from headgate.graphql.pagination import DEFAULT_FIRST, After, Connection, First, connect, first_or_default
from headgate.graphql.payloads import DeletePayload, Payload, UserError
from headgate.storage import tables

Name = Annotated[str, strawberry.argument(description="The endpoint's name.")]


@strawberry.type(
    description="An outside system to read from and write to. Its secrets go in and never come out."
)
class Endpoint(Node, prefix="endpoint"):
    name: str = strawberry.field(description="Its name, unique among endpoints.")
    kind: EndpointKind = strawberry.field(description="What kind of system it is.")
    settings: JSON = strawberry.field(description="How it is reached, as it was given; none of it is secret.")
    secret_keys: list[str] = strawberry.field(description="The names of the secrets that it has.")
    created_at: datetime = strawberry.field(description="When it was added.")

    @classmethod
    def from_row(cls, row: tables.Endpoint) -> Self:
        """Make it of its row in the database."""
        settings: Any = row.settings
        return cls(
            id=strawberry.ID(row.id),
            name=row.name,
            kind=row.kind,
            settings=settings,
            secret_keys=row.secret_keys,
            created_at=row.created_at,
        )


@strawberry.input(description="An outside system, and how it is reached.")
class EndpointInput:
    name: str = strawberry.field(
        description="A letter, then up to 127 letters, digits, dots, dashes and underscores."
    )
    kind: EndpointKind = strawberry.field(description="What kind of system it is; that never changes.")
    settings: JSON = strawberry.field(
        description=(
            "An object with what is not secret. HTTP: url, headers, auth, apiKeyName, apiKeyIn, tokenUrl, scope, "
            "requestsPerSecond, maxAttempts, timeoutSeconds. SQL: url. S3: bucket, endpointUrl, region, prefix. DRUID: "
            "url. SIMULATED: successRate, latencyMs, seed."
        )
    )
    secrets: JSON | None = strawberry.field(
        default=None,
        description=(
            "An object with what is secret, kept encrypted and never shown. HTTP: token, username, password, apiKey, "
            "clientId, clientSecret. SQL: password, or the whole url. S3: accessKeyId, secretAccessKey. DRUID: token, "
            "or username and password. In an update those that are left out stay, and null removes one."
        ),
    )


@strawberry.type(description="An endpoint, as it is now.")
class EndpointPayload(Payload):
    endpoint: Endpoint | None = strawberry.field(
        default=None, description="The endpoint; null where it was refused."
    )


@strawberry.type(description="Whether an endpoint answers.")
class TestEndpointPayload(Payload):
    __test__ = False  # no test, whatever pytest thinks of its name

    ok: bool = strawberry.field(default=False, description="Whether it can be used.")
    latency_ms: float | None = strawberry.field(
        default=None,
        description="After how many milliseconds that was known; null where it didn't answer in time.",
    )
    message: str | None = strawberry.field(
        default=None, description="What it said, or what is wrong, for people."
    )


@strawberry.type
class EndpointQuery:
    @query(Role.VIEWER, "Endpoints, the newest first.")
    async def endpoints(
        self, info: Info, first: First = DEFAULT_FIRST, after: After = None
    ) -> Connection[Endpoint]:
        services = info.context.services
        page = await endpoints.page(services, first_or_default(first), after)
        return connect(page, Endpoint.from_row, after=after, count=partial(endpoints.total, services))


@strawberry.type
class EndpointMutation:
    @mutation(Role.ADMIN, "Adds an endpoint.")
    async def create_endpoint(
        self, info: Info, input: Annotated[EndpointInput, strawberry.argument(description="What it is.")]
    ) -> EndpointPayload:
        context = info.context
        try:
            row = await endpoints.create(context.services, context.principal, _request(input))
        except UserFault as fault:
            return EndpointPayload(errors=UserError.all_of(fault))
        return EndpointPayload(endpoint=Endpoint.from_row(row))

    @mutation(
        Role.ADMIN,
        (
            "Changes an endpoint. Its settings are replaced as a whole, and of its secrets those that are given. It "
            "can get another name while no pipeline uses it."
        ),
    )
    async def update_endpoint(
        self,
        info: Info,
        name: Name,
        input: Annotated[EndpointInput, strawberry.argument(description="What it is to be.")],
    ) -> EndpointPayload:
        context = info.context
        try:
            row = await endpoints.update(context.services, context.principal, name, _request(input))
        except UserFault as fault:
            return EndpointPayload(errors=UserError.all_of(fault, at=_place(fault)))
        return EndpointPayload(endpoint=Endpoint.from_row(row))

    @mutation(Role.ADMIN, "Deletes an endpoint; refused as IN_USE while a pipeline uses it.")
    async def delete_endpoint(self, info: Info, name: Name) -> DeletePayload:
        context = info.context
        try:
            deleted = await endpoints.delete(context.services, context.principal, name)
        except UserFault as fault:
            return DeletePayload(errors=UserError.all_of(fault, at=()))
        return DeletePayload(deleted_id=strawberry.ID(deleted))

    @mutation(
        Role.OPERATOR,
        "Asks an endpoint for something harmless, to tell whether it answers; within ten seconds.",
    )
    async def test_endpoint(self, info: Info, name: Name) -> TestEndpointPayload:
        context = info.context
        try:
            probed = await probing.probe(context.services, context.principal, name)
        except UserFault as fault:
            return TestEndpointPayload(errors=UserError.all_of(fault, at=()))
        return TestEndpointPayload(ok=probed.ok, latency_ms=probed.latency_ms, message=probed.message)


def _request(input: EndpointInput) -> EndpointRequest:
    secrets: Any = {} if input.secrets is None else input.secrets
    settings: Any = input.settings
    return EndpointRequest(input.name, input.kind, settings, secrets)


def _place(fault: UserFault) -> tuple[str, ...]:
    """Where the path of a fault begins: an endpoint that is not there is named by the argument of that name."""
    return () if fault.code in ("NOT_FOUND", "IN_USE") else ("input",)
