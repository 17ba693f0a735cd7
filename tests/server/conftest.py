"""A small schema behind the whole transport, on a real server."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import strawberry
import uvicorn
from graphql import GraphQLError
from starlette.types import ASGIApp
from strawberry.scalars import JSON
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext, Info

from headgate.domain.incoming import IncomingFile
from headgate.domain.keyring import KeyRing
from headgate.domain.permissions import Principal
from headgate.domain.tolls import Bill, Tolls
from headgate.errors import UserFault
from headgate.graphql.access import doorway
from headgate.graphql.guarded import GuardedSchema
from headgate.graphql.limits import QueryLimits
from headgate.graphql.scalars import SCALARS, BigInt
from headgate.jobs.memory_rates import InProcessRates
from headgate.server.auth import issue_token, verify_token
from headgate.server.connections import ConnectionLimits
from headgate.server.envelope import Envelope
from headgate.server.limits import BodyLimit, ReadDeadline
from headgate.server.multipart import MultipartReceiver
from headgate.server.presence import Presence
from headgate.server.serving import configure
from headgate.server.view import GraphQLApp
from headgate.storage.objects import LocalStore
from headgate.storage.tables import Role
from tests.answers import without_cost

KEYS = KeyRing(["a secret of at least thirty-two bytes"])
MAX_BODY_BYTES = 64 * 1024
DEFAULT_LIMITS = ConnectionLimits()
MAX_UPLOAD_BYTES = 96 * 1024**2
TOY_LIMITS = QueryLimits(execution_s=1.0)


@dataclass
class Context:
    caller: Principal | None
    request_id: str
    address: str | None = None
    resume_after: str | None = None
    cursor: str | None = None
    bill: Bill | None = None

    @property
    def principal(self) -> Principal:
        assert self.caller is not None
        return self.caller


@strawberry.input
class Nested:
    inner: "Nested | None" = None
    name: str | None = None


@strawberry.type
class Query:
    @strawberry.field
    def hello(self) -> str:
        return "hello"

    @strawberry.field
    def me(self, info: Info[Context]) -> "Query":
        return self

    @strawberry.field
    def user(self, info: Info[Context]) -> str:
        return info.context.principal.user_id

    @strawberry.field
    def role(self, info: Info[Context]) -> str:
        return info.context.principal.role.value

    @strawberry.field
    def request_id(self, info: Info[Context]) -> str:
        return info.context.request_id

    @strawberry.field
    def echo(self, value: JSON) -> JSON:
        return value

    @strawberry.field
    def big(self, value: BigInt) -> BigInt:
        return value

    @strawberry.field
    def small(self, value: int = 0) -> int:
        return value

    @strawberry.field
    def nested(self, value: Nested) -> str:
        return "nested"

    @strawberry.field
    def moment(self, value: datetime) -> datetime:
        return value

    @strawberry.field
    def bug(self) -> str:
        raise RuntimeError("the password is in /etc/secret")

    @strawberry.field
    def bug_of_ours(self) -> BigInt:
        return BigInt(2**60)

    @strawberry.field
    def fault(self) -> str:
        raise UserFault("FORBIDDEN", "You may not do that.")

    @strawberry.field
    def deliberate(self) -> str:
        raise GraphQLError("On purpose.", extensions={"code": "ON_PURPOSE"})

    @strawberry.field
    def unencodable(self) -> JSON:
        return JSON({"number": 2**70})

    @strawberry.field
    async def slow(self) -> str:
        await asyncio.Event().wait()
        return "late"


@strawberry.type
class Mutation:
    @strawberry.mutation
    def bump(self) -> int:
        return 1

    @strawberry.mutation
    def upload(self, file: IncomingFile, keep: bool = True) -> JSON:
        if keep:
            file.claim()
        return JSON(
            {
                "name": file.name,
                "key": file.key,
                "byteSize": file.byte_size,
                "sha256": file.sha256,
                "headSize": len(file.head),
                "tooLarge": file.too_large,
            }
        )

    @strawberry.mutation
    def upload_list(self, files: list[IncomingFile]) -> list[str]:
        return [file.name for file in files]

    @strawberry.mutation
    def upload_and_fail(self, file: IncomingFile) -> str:
        raise RuntimeError("no")


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int = 3) -> AsyncGenerator[int, None]:
        for number in range(to):
            yield number

    @strawberry.subscription
    async def request_ids(self, info: Info[Context]) -> AsyncGenerator[str, None]:
        yield info.context.request_id

    @strawberry.subscription
    async def forever(self) -> AsyncGenerator[int, None]:
        yield 0
        await asyncio.Event().wait()

    @strawberry.subscription
    async def broken(self) -> AsyncGenerator[int, None]:
        yield 0
        raise RuntimeError("the password is in /etc/secret")

    @strawberry.subscription
    def unready(self) -> AsyncGenerator[int, None]:
        raise RuntimeError("the password is in /etc/secret")

    @strawberry.subscription
    async def unencodable(self) -> AsyncGenerator[JSON, None]:
        yield JSON(2**70)


class ToySchema(GuardedSchema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        pass


def toy_schema() -> ToySchema:
    return ToySchema(
        Query,
        Mutation,
        Subscription,
        limits=TOY_LIMITS,
        guards=[doorway(Mutation)],
        config=StrawberryConfig(scalar_map=SCALARS),
    )


async def authenticate(token: str) -> Principal | None:
    claims = verify_token(KEYS, token)
    if claims.user_id == "user_gone":
        return None
    if claims.user_id == "user_crash":
        raise RuntimeError("the database is gone")
    return Principal(claims.user_id, claims.role, claims.expires_at)


def make_presence(**values: Any) -> Presence:
    """Make what knows sockets and streams; `values` replace what stands here."""
    usual: dict[str, Any] = {"authenticate": authenticate, "max_per_user": 100, "max_per_address": 200}
    return Presence(**(usual | values))


@dataclass
class Toy:
    """A running server: `url` of its root, the store's folder, and a client with a valid token."""

    url: str
    store: Path
    client: httpx.AsyncClient
    token: str

    @property
    def socket_url(self) -> str:
        return self.url.replace("http://", "ws://") + "/graphql"

    @property
    def stored(self) -> list[Path]:
        return [path for path in self.store.rglob("*") if path.is_file()]

    async def query(self, query: str, **variables: object) -> Any:
        response = await self.client.post("/graphql", json={"query": query, "variables": variables})
        return without_cost(response.json())

    async def is_well(self) -> bool:
        return bool(await self.query("{ hello }") == {"data": {"hello": "hello"}})


@asynccontextmanager
async def running(app: ASGIApp, limits: ConnectionLimits = DEFAULT_LIMITS) -> AsyncIterator[str]:
    """Serve an application on a free port of this machine, in this event loop; yields its URL."""
    config = configure(app, limits, lifespan="off")
    config.port = 0
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        for listener in server.servers:
            listener.close()
        for connection in list(server.server_state.connections):
            connection.shutdown()


@pytest.fixture
def serve() -> Callable[[ASGIApp], Any]:
    return running


@pytest.fixture
def make_token() -> Callable[..., str]:
    def make(user_id: str = "user_1", hours: float = 1) -> str:
        return issue_token(KEYS, user_id, Role.OPERATOR, hours)[0]

    return make


@pytest.fixture
def limits() -> tuple[int, int]:
    """The points a minute of known callers, and of others; a test may set them."""
    return (100_000, 100_000)


@pytest.fixture
async def toy(tmp_path: Path, make_token: Callable[..., str], limits: tuple[int, int]) -> AsyncIterator[Toy]:
    receiver = MultipartReceiver(
        LocalStore(tmp_path), max_body_bytes=MAX_BODY_BYTES, max_upload_bytes=MAX_UPLOAD_BYTES
    )
    view = GraphQLApp(
        toy_schema(),
        authenticate=authenticate,
        make_context=Context,
        uploads=receiver,
        tolls=Tolls(InProcessRates(), known_limit=limits[0], anonymous_limit=limits[1]),
        presence=make_presence(),
    )
    app = Envelope(ReadDeadline(BodyLimit(view, max_bytes=MAX_BODY_BYTES), seconds=0.5))
    token = make_token()
    headers = {"authorization": f"Bearer {token}"}
    async with running(app) as url, httpx.AsyncClient(base_url=url, headers=headers) as client:
        yield Toy(url, tmp_path, client, token)
