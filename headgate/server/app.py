"""The composition root of a server: from its settings to an ASGI application."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Self

import structlog
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from headgate import __version__
from headgate.domain.leftovers import remove_leftovers
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.domain.users import Doorkeeper
from headgate.errors import Unauthenticated
from headgate.graphql.context import Context
from headgate.graphql.schema import make_schema
from headgate.jobs.children import ChildPool
from headgate.jobs.memory import InProcessQueue, InProcessSignals
from headgate.jobs.worker import Worker
from headgate.server.auth import Authenticate, verify_token
from headgate.server.health import health_routes
from headgate.server.limits import BodyLimit, ReadDeadline
from headgate.server.multipart import MultipartReceiver
from headgate.server.preparation import prepare_database, secret_key
from headgate.server.view import GraphQLApp
from headgate.settings import Settings
from headgate.storage.database import Database
from headgate.storage.objects import LocalStore

INSPECTORS = 1
GRACE_S = 10.0

logger = structlog.get_logger(__name__)


def create_app(settings: Settings) -> Starlette:
    """Build the application; its lifespan prepares the database and runs the worker.

    Makes the home folder and the secret key where they are missing. Raises OSError where it cannot,
    UserFault for a database URL of another kind, and ValueError for a key file that is too short.
    """
    secret = secret_key(settings)
    parts = Parts.of(settings)
    services = make_services(settings, parts)
    graphql = _graphql(settings, services, secret)
    return Starlette(
        routes=[*health_routes(services), Route("/graphql", graphql), WebSocketRoute("/graphql", graphql)],
        lifespan=lambda app: _lifespan(settings, services, parts),
    )


@dataclass(frozen=True, slots=True)
class Parts:
    """What a server that runs its jobs itself starts and stops."""

    queue: InProcessQueue
    engine: ChildPool
    inspector: ChildPool

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Make the parts; no process is started yet."""
        return cls(
            queue=InProcessQueue(),
            engine=ChildPool(settings.workers, memory_bytes=settings.child_memory_bytes),
            inspector=ChildPool(INSPECTORS, memory_bytes=settings.child_memory_bytes),
        )


def make_services(settings: Settings, parts: Parts) -> Services:
    """Put together what every use case works with; nothing is opened or started yet."""
    return Services(
        database=Database.connect(settings.resolved_database_url),
        store=LocalStore(settings.store_path.absolute()),
        queue=parts.queue,
        signals=InProcessSignals(),
        engine=parts.engine,
        inspector=parts.inspector,
        max_upload_bytes=settings.max_upload_bytes,
        version=__version__,
    )


def _graphql(settings: Settings, services: Services, secret: str) -> ASGIApp:
    view = GraphQLApp(
        make_schema(),
        authenticate=_authenticator(secret, Doorkeeper(services.database)),
        make_context=partial(Context, services),
        uploads=MultipartReceiver(
            services.store,
            max_body_bytes=settings.max_body_bytes,
            max_upload_bytes=settings.max_upload_bytes,
        ),
    )
    return ReadDeadline(BodyLimit(view, max_bytes=settings.max_body_bytes))


def _authenticator(secret: str, doorkeeper: Doorkeeper) -> Authenticate:
    async def authenticate(token: str) -> Principal | None:
        try:
            claims = verify_token(secret, token)
        except Unauthenticated:
            return None
        return await doorkeeper.admit(claims.user_id, claims.role, claims.expires_at)

    return authenticate


@asynccontextmanager
async def _lifespan(settings: Settings, services: Services, parts: Parts) -> AsyncIterator[None]:
    """Start every part, and stop what was started in the opposite order."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(services.database.close)
        await prepare_database(settings, services.database)
        await stack.enter_async_context(_sweeping(services))
        for pool in (parts.engine, parts.inspector):
            stack.push_async_callback(pool.close)
            await pool.start()
        await stack.enter_async_context(_working(_worker(settings, services, parts)))
        yield


@asynccontextmanager
async def _sweeping(services: Services) -> AsyncIterator[None]:
    """Remove in the background what killed servers left, as long as the block lasts at most."""
    sweeping = asyncio.create_task(_sweep(services))
    try:
        yield
    finally:
        sweeping.cancel()
        await asyncio.wait([sweeping])


async def _sweep(services: Services) -> None:
    try:
        if removed := await remove_leftovers(services):
            logger.info("leftovers.removed", count=removed)
    except Exception:
        logger.exception("leftovers.not_removed")


def _worker(settings: Settings, services: Services, parts: Parts) -> Worker:
    return Worker(services, parts.queue, concurrency=settings.workers, lease_seconds=settings.lease_seconds)


@asynccontextmanager
async def _working(worker: Worker) -> AsyncIterator[None]:
    """Let the worker run for as long as the block lasts."""
    working = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        await worker.stop(GRACE_S)
        await working
