"""Puts the parts of a process together as its settings say, for a server and for a worker alike."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from headgate import __version__
from headgate.domain import (
    appended,
    cancellation,
    firing,
    leftovers,
    recovery,
    retention,
    sessions,
    streams,
    upload_completion,
    upload_endings,
    vacuum,
    workers,
)
from headgate.domain.appender import Appender
from headgate.domain.aside import aside
from headgate.domain.compaction import Compactor
from headgate.domain.event_reader import EventReader
from headgate.domain.keyring import KeyRing
from headgate.domain.lookout import LOOK_EVERY_S, Lookout
from headgate.domain.passwords import Passwords
from headgate.domain.ports import JobQueue, Rates, Signals
from headgate.domain.services import Services
from headgate.domain.shelf import Shelf
from headgate.domain.streams import BatchLimits
from headgate.domain.vault import Vault
from headgate.graphql.limits import QueryLimits, Size
from headgate.jobs.children import ENGINE, ChildPool
from headgate.jobs.consumer import Consumer
from headgate.jobs.identity import is_gone, worker_name
from headgate.jobs.leases import LeaseKeeper
from headgate.jobs.memory import InProcessQueue, InProcessSignals
from headgate.jobs.memory_rates import InProcessRates
from headgate.jobs.reconciler import Chore, Reconciler, attempt
from headgate.jobs.redis_consumer import RedisConsumer
from headgate.jobs.redis_queue import RedisQueue
from headgate.jobs.redis_rates import RedisRates
from headgate.jobs.redis_signals import RedisSignals
from headgate.jobs.supervision import Supervised
from headgate.jobs.worker import Worker
from headgate.server.auth import SignedTokens
from headgate.server.stores import make_stores
from headgate.settings import Settings
from headgate.storage.database import Database

RECONCILE = "reconcile"
FIRE_EVERY_S = 0.5
SEAL_EVERY_S = 1.0
MINUTE_S = 60.0
HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Transport:
    """How jobs and signals travel: through Redis, or within this process where there is none."""

    queue: JobQueue
    signals: Signals
    consumer: Consumer
    rates: Rates
    connections: Sequence[AbstractAsyncContextManager[Any]] = ()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Choose the transport; nothing is connected yet."""
        if settings.redis_url is None:
            queue = InProcessQueue()
            return cls(queue, InProcessSignals(), queue, InProcessRates())
        url = settings.redis_url
        line, signals, rates = RedisQueue(url), RedisSignals(url), RedisRates(url)
        return cls(line, signals, RedisConsumer(url), rates, (line, signals, rates))

    async def connect(self, stack: AsyncExitStack) -> None:
        """Connect for as long as the stack lasts."""
        for connection in self.connections:
            await stack.enter_async_context(connection)


def make_pool(settings: Settings, size: int) -> ChildPool:
    """Make a pool of processes for the engine; none is started yet."""
    return ChildPool(size, memory_bytes=settings.child_memory_bytes, command=(*ENGINE, settings.log_format))


def make_shelf(settings: Settings, renderers: ChildPool) -> Shelf:
    """Make the shelf of files for downloads; nothing is on it before it is opened."""
    return Shelf(
        settings.home.absolute() / "downloads",
        renderers,
        max_bytes=settings.download_cache_bytes,
        timeout_s=settings.job_timeout_seconds,
    )


@asynccontextmanager
async def shelving(shelf: Shelf, renderers: ChildPool) -> AsyncIterator[None]:
    """Have files made for downloads for as long as the block lasts; the first one starts the processes for it."""
    try:
        async with shelf.open():
            yield
    finally:
        await renderers.close()


def query_limits(settings: Settings) -> QueryLimits:
    """Tell what one GraphQL document may hold, and one operation ask for."""
    return QueryLimits(
        size=Size(
            depth=settings.max_query_depth,
            fields=settings.max_query_fields,
            aliases=settings.max_query_aliases,
            directives=settings.max_query_directives,
        ),
        tokens=settings.max_query_tokens,
        cost=settings.max_query_cost,
        page=settings.max_page_size,
        execution_s=settings.execution_seconds,
    )


def batch_limits(settings: Settings) -> BatchLimits:
    """Tell when batches of appended records are sealed, and how many may wait."""
    return BatchLimits(settings.append_seconds, settings.append_batch_bytes, settings.append_backlog_bytes)


def make_services(settings: Settings, transport: Transport, inspector: ChildPool, keys: KeyRing) -> Services:
    """Put together what every use case works with; nothing is opened or started yet."""
    database = Database.connect(settings.resolved_database_url)
    store, pieces = make_stores(settings)
    return Services(
        database=database,
        store=store,
        pieces=pieces,
        upload_s=settings.upload_hours * HOUR_S,
        queue=transport.queue,
        signals=transport.signals,
        events=EventReader(database),
        inspector=inspector,
        max_upload_bytes=settings.max_upload_bytes,
        lease_s=settings.lease_seconds,
        job_timeout_s=settings.job_timeout_seconds,
        version=__version__,
        vault=Vault(keys),
        rates=transport.rates,
        passwords=Passwords(settings.password_hashers),
        tokens=SignedTokens(keys, token_hours=settings.token_hours, refresh_days=settings.refresh_token_days),
        login_attempts=settings.login_attempts,
        allowed_networks=[str(network) for network in settings.allowed_networks],
        local_folders=[str(folder) for folder in settings.local_folders],
    )


@asynccontextmanager
async def pool_running(pool: ChildPool) -> AsyncIterator[None]:
    """Keep the processes of a pool for as long as the block lasts."""
    try:
        await pool.start()
        yield
    finally:
        await pool.close()


@asynccontextmanager
async def appending(appender: Appender, vetter: ChildPool) -> AsyncIterator[None]:
    """End what takes records when the block ends; its process is started by the first that come."""
    try:
        yield
    finally:
        await appender.close()
        await vetter.close()


@asynccontextmanager
async def reconciling(settings: Settings, services: Services) -> AsyncIterator[None]:
    """Take part in what processes do in turn, for as long as the block lasts."""
    reconciler = Reconciler(services, _chores(settings, services))
    # What an earlier process of this machine left is taken up at once, and not at the next turn.
    await attempt(RECONCILE, lambda: _reconcile(services, 0.0))
    running = asyncio.create_task(reconciler.run())
    try:
        yield
    finally:
        reconciler.stop()
        await running


@asynccontextmanager
async def looking_out(services: Services) -> AsyncIterator[None]:
    """Wake those of this process who follow jobs, for as long as the block lasts, where a signal to them is lost."""
    async with aside(_look_out(await Lookout.begin(services))):
        yield


async def _look_out(lookout: Lookout) -> None:
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        await attempt("look for events", lookout.look)


def _chores(settings: Settings, services: Services) -> list[Chore]:
    tick_s, limits = settings.reconcile_seconds, batch_limits(settings)
    return [
        *_compaction(settings, services),
        Chore(RECONCILE, tick_s, lambda: _reconcile(services, tick_s)),
        Chore("fire schedules", FIRE_EVERY_S, lambda: firing.fire_due(services), by_all=True),
        Chore("seal batches", SEAL_EVERY_S, lambda: streams.seal_all(services, limits), by_all=True),
        Chore("forget appended records", HOUR_S, lambda: appended.forget_appends(services)),
        Chore("forget silent workers", MINUTE_S, lambda: workers.forget_silent(services)),
        Chore("forget sessions", HOUR_S, lambda: sessions.forget_sessions(services)),
        Chore("complete uploads", tick_s, lambda: upload_completion.complete_arrived(services)),
        Chore("sweep uploads", MINUTE_S, lambda: upload_endings.sweep_expired(services)),
        Chore("remove leftovers", HOUR_S, lambda: leftovers.remove_leftovers(services)),
        Chore("remove scratch", HOUR_S, lambda: leftovers.remove_scratch(services), by_all=True),
        Chore(
            "forget errors",
            HOUR_S,
            lambda: retention.forget_errors(services, days=settings.error_retention_days),
        ),
        Chore(
            "expire versions",
            HOUR_S,
            lambda: vacuum.expire_versions(services, days=settings.version_retention_days),
        ),
    ]


def _compaction(settings: Settings, services: Services) -> list[Chore]:
    if not settings.compaction_minutes:
        return []
    compactor = Compactor(services, partial(_own_pool, settings))
    return [Chore("compact datasets", settings.compaction_minutes * MINUTE_S, compactor.go_round)]


@asynccontextmanager
async def _own_pool(settings: Settings) -> AsyncIterator[ChildPool]:
    pool = make_pool(settings, 1)
    async with pool_running(pool):
        yield pool


async def _reconcile(services: Services, waiting_s: float) -> None:
    await recovery.take_back(services, is_gone)
    await recovery.wake_due(services, waiting_s)
    await cancellation.carry_out(services)


@asynccontextmanager
async def working(
    settings: Settings, services: Services, transport: Transport, pool: ChildPool
) -> AsyncIterator[None]:
    """Run jobs for as long as the block lasts; those that are still running then get the grace period."""

    def make_worker() -> Worker:
        keeper = LeaseKeeper(settings.resolved_database_url, worker_name(), lease_s=settings.lease_seconds)
        return Worker(services, pool, transport.consumer, keeper, concurrency=settings.workers)

    supervised = Supervised(make_worker)
    async with pool_running(pool):
        running = asyncio.create_task(supervised.run())
        try:
            yield
        finally:
            await supervised.stop(settings.grace_seconds)
            await running
