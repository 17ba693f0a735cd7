"""A Headgate with a worker, and an engine in this process that a test leads."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from headgate.domain import ingest, recovery, users
from headgate.domain.ingest import IngestRequest
from headgate.domain.permissions import Principal
from headgate.domain.ports import Done, Engine, Found, Permit, Report, StopOrder
from headgate.domain.services import Services
from headgate.jobs.identity import is_gone, worker_name
from headgate.jobs.leases import LeaseKeeper
from headgate.jobs.memory import InProcessQueue
from headgate.jobs.reconciler import Chore, Reconciler
from headgate.jobs.worker import Worker
from headgate.storage.database import Database
from headgate.storage.formats import FileFormat
from headgate.storage.tables import Job, utc_now
from tests.services import make_services

COUNTS = {"read": 1, "accepted": 1, "rejected": 0, "filtered": 0, "merged": 0, "warnings": 0}
RESULT = {"counts": COUNTS, "dataset": {"version": 0, "row_count": 1, "byte_size": 1, "columns": []}}

Submit = Callable[..., Awaitable[Job]]
Working = Callable[..., AbstractAsyncContextManager[Worker]]


class LedEngine:
    """Runs each task as `lead` says; `began` and `canceled` tell what has happened to tasks so far.

    `ingested` is what a job is found to have committed before its process ended.
    """

    def __init__(self) -> None:
        self.began: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self.canceled: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self.finish = asyncio.Event()
        self.ingested: dict[str, Any] | None = None

    async def run(
        self,
        task: Mapping[str, Any],
        report: Report | None = None,
        *,
        found: Found | None = None,
        done: Done | None = None,
        permit: Permit | None = None,
        stop: StopOrder | None = None,
        timeout_s: float | None = None,
    ) -> dict[str, Any]:
        if task["task"] == "settle":
            return {"ingested": self.ingested}
        assert report is not None
        self.found, self.done, self.permit, self.stop = found, done, permit, stop
        self.timeout_s = timeout_s
        self.began.put_nowait(task)
        try:
            await self.lead(report)
        except asyncio.CancelledError:
            self.canceled.put_nowait(task)
            raise
        return RESULT

    async def lead(self, report: Report) -> None:
        """End at once; a test puts something else in place."""

    async def wait(self, report: Report) -> None:
        """Put in place of `lead`: end when `finish` is set."""
        await self.finish.wait()


async def given(stop: StopOrder | None) -> None:
    """Wait until a task is told to stop."""
    assert stop is not None
    is_given = asyncio.Event()
    with stop.heard_by(is_given.set):
        await is_given.wait()


@pytest.fixture
def engine() -> LedEngine:
    return LedEngine()


@pytest.fixture
def services(database: Database, engine: LedEngine, tmp_path: Path) -> Services:
    return make_services(database, tmp_path / "store", engine)


@pytest.fixture
def submit(services: Services) -> Submit:
    """Submit a text into the dataset `sales`; `values` are further ones of the request."""

    async def submit(text: str = "a\n1\n", **values: Any) -> Job:
        user = await users.ensure_administrator(services.database)
        principal = Principal(user.id, user.role, utc_now() + timedelta(hours=1))
        request = IngestRequest(dataset="sales", text=text, format=FileFormat.CSV, **values)
        return (await ingest.submit(services, principal, request)).job

    return submit


@pytest.fixture
def working(services: Services, engine: LedEngine, database_url: str) -> Working:
    """Let a worker run for as long as a block lasts, with a line of its own, as a process has it."""

    @asynccontextmanager
    async def working(
        engine: Engine = engine, concurrency: int = 1, lease_s: float = 30.0
    ) -> AsyncIterator[Worker]:
        queue = InProcessQueue()
        parts = replace(services, queue=queue, lease_s=lease_s)
        keeper = LeaseKeeper(database_url, worker_name(), lease_s=lease_s)
        worker = Worker(parts, engine, queue, keeper, concurrency=concurrency)
        await recovery.take_back(parts, is_gone)
        await recovery.wake_due(parts, 0)
        reconciler = Reconciler(parts, [Chore("reconcile", lease_s / 4, lambda: reconcile(parts))])
        running = [asyncio.create_task(worker.run()), asyncio.create_task(reconciler.run())]
        try:
            yield worker
        finally:
            await worker.stop(grace_s=0)
            reconciler.stop()
            await asyncio.gather(*running)

    return working


async def reconcile(services: Services) -> None:
    await recovery.take_back(services, is_gone)
    await recovery.wake_due(services, 0)
