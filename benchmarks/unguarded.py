"""The reference of what guards cost: the same schema and database, open to whoever asks for whatever.

`python -m benchmarks.unguarded PORT HOME` serves it on 127.0.0.1 as an administrator would see it.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.graphql.context import Context
from headgate.graphql.scalars import SCALARS
from headgate.graphql.schema import Mutation, Query, Subscription
from headgate.server.assembly import Transport, make_pool, make_services
from headgate.server.links import SignedLinks
from headgate.server.preparation import key_ring
from headgate.server.responses import encode_json
from headgate.settings import Settings
from headgate.storage.tables import Role


class Unguarded(GraphQL[Context, None]):
    """Runs every operation for one administrator who is never asked who they are."""

    def __init__(self, services: Services, links: SignedLinks) -> None:
        extensions = [lambda: ParserCache(maxsize=256), lambda: ValidationCache(maxsize=256)]
        config = StrawberryConfig(scalar_map=SCALARS)
        schema = strawberry.Schema(Query, Mutation, Subscription, extensions=extensions, config=config)
        super().__init__(schema, graphql_ide=None)
        self._services = services
        self._links = links
        self._administrator = Principal("user", Role.ADMIN, datetime.now(UTC) + timedelta(days=1))

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Context:
        """Let the administrator ask."""
        return Context(self._services, self._links, self._administrator, "request")

    def encode_json(self, data: Any) -> bytes:
        """Encode as Headgate does."""
        return encode_json(data)


def main() -> None:
    """Serve a home that a server has prepared, with the settings that Headgate gives uvicorn."""
    settings = Settings(home=Path(sys.argv[2]))
    keys = key_ring(settings)
    services = make_services(settings, Transport.of(settings), make_pool(settings, 1), keys)
    app = Unguarded(services, SignedLinks(keys))
    uvicorn.run(
        Starlette(routes=[Route("/graphql", app)]),
        port=int(sys.argv[1]),
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
    )


if __name__ == "__main__":
    main()
