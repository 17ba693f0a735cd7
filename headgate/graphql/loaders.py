"""Relations, batched: what one operation needs of a table comes in one query, and each row once."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from strawberry.dataloader import DataLoader

from headgate.domain import (
    apikeys,
    audit,
    datasets,
    endpoints,
    error_summary,
    files,
    joblists,
    jobs,
    pipeline_statistics,
    pipeline_versions,
    pipelines,
    results,
    row_errors,
    users,
)
from headgate.domain.error_summary import ErrorCount, ErrorGroup
from headgate.domain.joblists import JobList
from headgate.domain.pages import Page
from headgate.domain.pipeline_statistics import PipelineStatistics
from headgate.domain.row_errors import Place, RowError
from headgate.domain.services import Services
from headgate.storage.tables import Attempt, Dataset, Job, PipelineVersion, Result

Key = TypeVar("Key")
Found = TypeVar("Found")
FindMany = Callable[[Services, Collection[Key]], Awaitable[dict[Key, Found]]]

ROWS: Mapping[str, FindMany[str, Any]] = {
    "audit": audit.get_many,
    "dataset": datasets.get_many,
    "endpoint": endpoints.get_many,
    "file": files.get_many,
    "job": jobs.get_many,
    "key": apikeys.get_many,
    "pipeline": pipelines.get_many,
    "result": results.get_many,
    "user": users.get_many,
}
"""Prefix of an id -> what finds the rows of such ids."""

MAX_BATCH = 10_000
"""So many ids go into one query: every database takes as many."""


class Loaders:
    """The loaders of one operation; they remember what they loaded."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._pages: dict[str, DataLoader[str, Page[Job] | None]] = {}
        self._totals: dict[str, DataLoader[str, int | None]] = {}
        self._rows = {prefix: _loader(services, find) for prefix, find in ROWS.items()}
        self._attempts = _loader(services, jobs.attempts_of)
        self._results = _loader(services, results.of_jobs)
        self._summaries: dict[tuple[ErrorGroup, ...], DataLoader[str, list[ErrorCount] | None]] = {}
        self._errors = _loader(services, row_errors.at)
        self._named = _loader(services, datasets.by_names)
        self._last_jobs = _loader(services, pipelines.last_jobs)
        self._versions: dict[int, DataLoader[str, Page[PipelineVersion] | None]] = {}
        self._figures: dict[datetime | None, DataLoader[str, PipelineStatistics | None]] = {}

    async def row(self, prefix: str, id: str) -> Any | None:
        """Load the row with this id; None where there is none."""
        return await self._rows[prefix].load(id)

    async def attempts(self, job_id: str) -> list[Attempt]:
        """Load the attempts of a job, first to last."""
        return await self._attempts.load(job_id) or []

    async def result(self, job_id: str) -> Result | None:
        """Load the result of a job; None where it has none."""
        return await self._results.load(job_id)

    async def jobs(self, wanted: JobList, owner_id: str) -> Page[Job]:
        """Load the first page of an owner's jobs; raises UserFault (INVALID_ARGUMENT)."""
        # By what it says: a list's filter cannot be hashed.
        find = partial(joblists.pages, wanted=wanted)
        loader = self._pages.setdefault(repr(wanted), _loader(self._services, find))
        return await loader.load(owner_id) or Page([], False)

    async def job_total(self, wanted: JobList, owner_id: str) -> int:
        """Load how many jobs an owner has."""
        find = partial(joblists.totals, wanted=wanted)
        loader = self._totals.setdefault(repr(wanted), _loader(self._services, find))
        return await loader.load(owner_id) or 0

    async def error_summary(self, job_id: str, by: Sequence[ErrorGroup]) -> list[ErrorCount]:
        """Load the open errors of a job by groups; raises UserFault (INVALID_ARGUMENT)."""
        groups = tuple(error_summary.distinct(by))
        find = partial(error_summary.of_jobs, by=groups)
        loader = self._summaries.setdefault(groups, _loader(self._services, find))
        return await loader.load(job_id) or []

    async def dataset_named(self, name: str) -> Dataset | None:
        """Load the dataset of this name; None where there is none."""
        return await self._named.load(name)

    async def last_job(self, pipeline_id: str) -> Job | None:
        """Load the newest job of a pipeline; None where it never ran."""
        return await self._last_jobs.load(pipeline_id)

    async def pipeline_versions(self, pipeline_id: str, first: int) -> Page[PipelineVersion]:
        """Load the first page of a pipeline's versions; raises UserFault (INVALID_ARGUMENT)."""
        find = partial(pipeline_versions.pages, first=first)
        loader = self._versions.setdefault(first, _loader(self._services, find))
        return await loader.load(pipeline_id) or Page([], False)

    async def pipeline_statistics(self, pipeline_id: str, since: datetime | None) -> PipelineStatistics:
        """Load the figures of a pipeline's jobs."""
        find = partial(pipeline_statistics.of_pipelines, since=since)
        loader = self._figures.setdefault(since, _loader(self._services, find))
        return await loader.load(pipeline_id) or PipelineStatistics()

    async def errors_at(self, places: Sequence[Place]) -> list[RowError]:
        """Load the errors that are still open of those at these places."""
        return [error for error in await self._errors.load_many(places) if error is not None]


def _loader(services: Services, find: FindMany[Key, Found]) -> DataLoader[Key, Found | None]:
    async def load(ids: list[Key]) -> list[Found | None]:
        found = await find(services, ids)
        return [found.get(id) for id in ids]

    return DataLoader(load, max_batch_size=MAX_BATCH)
