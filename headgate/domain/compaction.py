"""Compaction: datasets that many small loads wrote get few large files, while jobs go on."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import structlog
from sqlmodel import col, select

from headgate.domain import dataset_versions
from headgate.domain.datasets import all_with_versions, folder_of
from headgate.domain.happenings import FINAL
from headgate.domain.ports import Engine
from headgate.domain.remembering import Recent
from headgate.domain.scratch import scratch_folder
from headgate.domain.services import Services
from headgate.errors import JobFault
from headgate.storage import datasets
from headgate.storage.compaction import small_run
from headgate.storage.datasets import COMPACTION, Part, Snapshot, maker_of
from headgate.storage.ids import is_id, new_id
from headgate.storage.tables import Dataset, Job

TIMEOUT_S = 300.0
MAX_KEPT = 10_000
IDS_AT_ONCE = 500

logger = structlog.get_logger(__name__)
Start = Callable[[], AbstractAsyncContextManager[Engine]]
"""Makes an engine of its own, so that no job waits for this."""


class Compactor:
    """Goes through all datasets, a run of small files in each at a time; remembers those with nothing to do."""

    def __init__(self, services: Services, start: Start) -> None:
        self._services = services
        self._start = start
        self._done: Recent[str, int] = Recent(MAX_KEPT)

    async def go_round(self) -> int:
        """Put files of each dataset together once; answers in how many datasets."""
        compacted = 0
        async for dataset in all_with_versions(self._services):
            if self._done.get(dataset.id) != dataset.version:
                compacted += await self._look_at(dataset)
        return compacted

    async def _look_at(self, dataset: Dataset) -> bool:
        version = await asyncio.to_thread(datasets.latest, folder_of(self._services, dataset))
        assert version is not None
        if version.version != dataset.version:
            # Most often its job ends at this moment; but whoever brought a version back may have died.
            await self._show(dataset, version.to_json())
        run = await self._run_of(version)
        if not run:
            self._done[dataset.id] = version.version
            return False
        async with self._start() as engine:
            return await self._compact(engine, dataset, version, run)

    async def _run_of(self, version: Snapshot) -> Sequence[Part]:
        """The parts to put together: none of a job that may still be looked for by what it wrote."""
        # Most often there are too few small parts, whosever they are.
        if not small_run(version, lambda part: True):
            return []
        at_rest = await self._at_rest({maker_of(part.name) for part in version.parts})
        return small_run(version, lambda part: maker_of(part.name) in at_rest)

    async def _at_rest(self, makers: set[str]) -> set[str]:
        """Those that will not come back to their rows: jobs that ended without an open error, and compactions."""
        at_rest = {maker for maker in makers if is_id(maker, COMPACTION)}
        job_ids = sorted(maker for maker in makers if is_id(maker, "job"))
        for begin in range(0, len(job_ids), IDS_AT_ONCE):
            statement = select(Job.id).where(
                col(Job.id).in_(job_ids[begin : begin + IDS_AT_ONCE]),
                col(Job.status).in_(FINAL),
                col(Job.has_errors).is_(False),
            )
            async with self._services.database.read() as session:
                at_rest |= set(await session.scalars(statement))
        return at_rest

    async def _compact(
        self, engine: Engine, dataset: Dataset, version: Snapshot, run: Sequence[Part]
    ) -> bool:
        services, id = self._services, new_id(COMPACTION)
        task = {
            "task": "compact",
            "folder": services.store.location(dataset.storage_key).to_json(),
            "version": version.version,
            "names": [part.name for part in run],
            "id": id,
        }
        try:
            async with scratch_folder(services.store, id, 1) as scratch:
                answer = await engine.run({**task, "scratch": str(scratch)}, timeout_s=TIMEOUT_S)
        except JobFault as fault:
            logger.warning("dataset.not_compacted", dataset=dataset.name, code=fault.code)
            return False
        made = answer["version"]
        logger.info("dataset.compacted", dataset=dataset.name, files=len(run), done=made is not None)
        if made is None:
            return False
        await self._show(dataset, made)
        return True

    async def _show(self, dataset: Dataset, made: Mapping[str, Any]) -> None:
        """Let the dataset's row show a version, as `Snapshot.to_json` says it."""
        async with self._services.database.transaction() as session:
            await dataset_versions.advance(session, {dataset.id: made})
        dataset_versions.announce(self._services.signals, [dataset.id])
