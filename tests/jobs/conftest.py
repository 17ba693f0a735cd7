"""A Headgate with a worker, and an engine in this process that a test leads."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from headgate.domain import ingest, users
from headgate.domain.ingest import IngestRequest
from headgate.domain.permissions import Principal
from headgate.domain.ports import Engine, Report
from headgate.domain.services import Services
from headgate.jobs.memory import InProcessQueue, InProcessSignals
from headgate.jobs.worker import Worker
from headgate.storage.database import Database
from headgate.storage.formats import FileFormat
from headgate.storage.objects import LocalStore
from headgate.storage.tables import Job, utc_now

COUNTS = {"read": 1, "accepted": 1, "rejected": 0, "filtered": 0, "merged": 0, "warnings": 0}
RESULT = {"counts": COUNTS, "dataset": {"version": 0, "row_count": 1, "byte_size": 1, "columns": []}}

Submit = Callable[..., Awaitable[Job]]
Working = Callable[..., AbstractAsyncContextManager[Worker]]


class LedEngine:
    """Runs each task as `lead` says; `began` and `canceled` tell what has happened to tasks so far."""

    def __init__(self) -> None:
        self.began: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self.canceled: asyncio.Queue[Mapping[str, Any]] = asyncio.Queue()
        self.finish = asyncio.Event()

    async def run(self, task: Mapping[str, Any], report: Report | None = None) -> dict[str, Any]:
        assert report is not None
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


@pytest.fixture
def engine() -> LedEngine:
    return LedEngine()


@pytest.fixture
def services(database: Database, engine: LedEngine, tmp_path: Path) -> Services:
    return Services(
        database=database,
        store=LocalStore(tmp_path / "store"),
        queue=InProcessQueue(),
        signals=InProcessSignals(),
        engine=engine,
        inspector=engine,
        max_upload_bytes=1024,
        version="1.2.3",
    )


@pytest.fixture
def submit(services: Services) -> Submit:
    """Submit a text into the dataset `sales`."""

    async def submit(text: str = "a\n1\n") -> Job:
        user = await users.ensure_administrator(services.database)
        principal = Principal(user.id, user.role, utc_now() + timedelta(hours=1))
        request = IngestRequest(dataset="sales", text=text, format=FileFormat.CSV)
        return await ingest.submit(services, principal, request)

    return submit


@pytest.fixture
def working(services: Services) -> Working:
    """Let a worker run for as long as a block lasts, with a queue of its own, as a process has it."""

    @asynccontextmanager
    async def working(
        engine: Engine = services.engine, concurrency: int = 1, lease_s: float = 30.0
    ) -> AsyncIterator[Worker]:
        queue = InProcessQueue()
        parts = replace(services, engine=engine, queue=queue)
        worker = Worker(parts, queue, concurrency=concurrency, lease_seconds=lease_s)
        running = asyncio.create_task(worker.run())
        try:
            yield worker
        finally:
            await worker.stop(grace_s=0)
            await running

    return working
