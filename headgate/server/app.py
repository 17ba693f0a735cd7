"""The composition root of a server: from its settings to an ASGI application."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from headgate.domain.appender import Appender
from headgate.domain.doorkeeper import Doorkeeper
from headgate.domain.outside_users import OutsideUsers
from headgate.domain.services import Services
from headgate.domain.shelf import AT_ONCE
from headgate.domain.tolls import Tolls
from headgate.graphql.context import Context
from headgate.graphql.schema import make_schema
from headgate.jobs.children import ChildPool
from headgate.server.addresses import TrustedProxies
from headgate.server.admission import Admission
from headgate.server.appending import stream_routes
from headgate.server.assembly import (
    Transport,
    appending,
    batch_limits,
    looking_out,
    make_pool,
    make_services,
    make_shelf,
    pool_running,
    query_limits,
    reconciling,
    shelving,
    working,
)
from headgate.server.auth import Authenticate, authenticator
from headgate.server.dataset_downloads import DatasetDownloads
from headgate.server.downloads import errors_route
from headgate.server.envelope import Envelope, refuse_request
from headgate.server.health import health_routes
from headgate.server.limits import BodyLimit, ReadDeadline
from headgate.server.links import SignedLinks
from headgate.server.metrics import Meter, metrics_route
from headgate.server.multipart import MultipartReceiver
from headgate.server.origins import ForeignOrigins
from headgate.server.outside_tokens import OutsideIssuer, OutsideTokens, taking_outside_tokens
from headgate.server.pages import page_routes
from headgate.server.preparation import key_ring, prepare_database
from headgate.server.presence import Presence
from headgate.server.request_spans import RequestSpans
from headgate.server.uploads import upload_routes
from headgate.server.view import GraphQLApp, MakeContext
from headgate.settings import Settings
from headgate.storage.tables import Role
from headgate.tracing import is_tracing

INSPECTORS = 1
VETTERS = 1


def create_app(settings: Settings) -> Starlette:
    """Build the application; its lifespan prepares the database and, where there is no Redis, runs the jobs.

    Makes the home folder and a secret key where they are missing. Raises OSError where it cannot,
    UserFault for a database URL of another kind, and ValueError for a key that is too short.
    """
    keys = key_ring(settings)
    transport = Transport.of(settings)
    inspector = make_pool(settings, INSPECTORS)
    runner = make_pool(settings, settings.workers) if settings.redis_url is None else None
    services = make_services(settings, transport, inspector, keys)
    vetter = make_pool(settings, VETTERS)
    appender = Appender(services, vetter, batch_limits(settings))
    meter = Meter(services)
    doorkeeper, links = Doorkeeper(services.database), SignedLinks(keys)
    authenticate = _with_outside_users(settings, services, doorkeeper, authenticator(keys, doorkeeper))
    tolls = _tolls(settings, services)
    admission = Admission(links, doorkeeper, tolls)
    renderers = make_pool(settings, AT_ONCE)
    shelf = make_shelf(settings, renderers)
    presence = _presence(settings, authenticate)
    make_context = partial(Context, services, links, appender=appender)
    graphql = _graphql(settings, services, make_context, tolls, authenticate, presence)
    app = Starlette(
        routes=[
            # The first ones are found first, and most requests are for these.
            Route("/graphql", graphql),
            WebSocketRoute("/graphql", graphql),
            *stream_routes(
                appender,
                authenticate,
                tolls,
                max_bytes=settings.max_stream_bytes,
                read_seconds=settings.read_seconds,
            ),
            *health_routes(services),
            metrics_route(meter),
            *upload_routes(services, links, doorkeeper, tolls, authenticate, read_s=settings.read_seconds),
            errors_route(services, admission),
            DatasetDownloads(services, shelf, admission).route(),
            *page_routes(),
        ],
        middleware=_middleware(settings),
        exception_handlers={HTTPException: refuse_request},
        lifespan=lambda app: _lifespan(
            settings,
            services,
            transport,
            inspector,
            runner,
            [appending(appender, vetter), shelving(shelf, renderers)],
            meter,
            doorkeeper,
            presence,
        ),
    )
    # A redirect would be made of the Host header, which anybody may set.
    app.router.redirect_slashes = False
    return app


def _middleware(settings: Settings) -> list[Middleware]:
    return [
        Middleware(TrustedProxies, networks=settings.trusted_proxies),
        Middleware(Envelope, access_log=settings.access_log),
        *([Middleware(RequestSpans)] if is_tracing() else []),
        Middleware(ForeignOrigins, allowed=settings.allowed_origins),
    ]


def _tolls(settings: Settings, services: Services) -> Tolls:
    return Tolls(
        services.rates, known_limit=settings.rate_limit, anonymous_limit=settings.anonymous_rate_limit
    )


def _presence(settings: Settings, authenticate: Authenticate) -> Presence:
    return Presence(
        authenticate,
        max_per_user=settings.max_sockets_per_user,
        max_per_address=settings.max_sockets_per_address,
    )


def _graphql(
    settings: Settings,
    services: Services,
    make_context: MakeContext,
    tolls: Tolls,
    authenticate: Authenticate,
    presence: Presence,
) -> ASGIApp:
    view = GraphQLApp(
        make_schema(
            query_limits(settings),
            schema_role=Role(settings.introspection_role) if settings.production else None,
        ),
        authenticate=authenticate,
        make_context=make_context,
        uploads=MultipartReceiver(
            services.store,
            max_body_bytes=settings.max_body_bytes,
            max_upload_bytes=settings.max_upload_bytes,
        ),
        presence=presence,
        max_subscriptions=settings.max_subscriptions,
        max_frame_bytes=settings.max_frame_bytes,
        allowed_origins=settings.allowed_origins,
        tolls=tolls,
    )
    limited = BodyLimit(view, max_bytes=settings.max_body_bytes)
    return ReadDeadline(limited, seconds=settings.read_seconds)


def _with_outside_users(
    settings: Settings, services: Services, doorkeeper: Doorkeeper, authenticate: Authenticate
) -> Authenticate:
    if settings.oidc_issuer is None or settings.oidc_audience is None:
        return authenticate
    issuer = OutsideIssuer(
        settings.oidc_issuer, settings.oidc_audience, settings.oidc_role_claim, settings.oidc_jwks_url
    )
    users = OutsideUsers(services.database, services.signals, doorkeeper)
    return taking_outside_tokens(OutsideTokens(issuer), users, authenticate)


@asynccontextmanager
async def _lifespan(
    settings: Settings,
    services: Services,
    transport: Transport,
    inspector: ChildPool,
    runner: ChildPool | None,
    parts: Sequence[AbstractAsyncContextManager[None]],
    meter: Meter,
    doorkeeper: Doorkeeper,
    presence: Presence,
) -> AsyncIterator[None]:
    """Start every part, and stop what was started in the opposite order; a runner runs jobs."""
    async with AsyncExitStack() as stack:
        stack.push_async_callback(services.database.close)
        # Their processes import what they need while the tables are made.
        await stack.enter_async_context(pool_running(inspector))
        if runner is not None:
            await stack.enter_async_context(pool_running(runner))
        await prepare_database(settings, services.database)
        await meter.begin()
        await transport.connect(stack)
        await stack.enter_async_context(services.store)
        await stack.enter_async_context(looking_out(services))
        await stack.enter_async_context(doorkeeper.listening(services.signals))
        await stack.enter_async_context(presence.watching(services.signals, doorkeeper))
        for part in parts:
            await stack.enter_async_context(part)
        await stack.enter_async_context(reconciling(settings, services))
        if runner is not None:
            await stack.enter_async_context(working(settings, services, transport, runner))
        yield
