"""Vacuum: versions that nobody is to read any more, and the files and entries of the log that only they use, go.

First a version is said to have expired, and an hour later at the earliest its files go: whoever reads it meanwhile
finds them. A version counts from when the next one came.
"""

import asyncio
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import update
from sqlmodel import col

from headgate.domain.datasets import all_with_versions, folder_of
from headgate.domain.leftovers import MIN_AGE, sweep
from headgate.domain.services import Services
from headgate.storage import datasets
from headgate.storage.logs import cut_log
from headgate.storage.restoring import restored_versions
from headgate.storage.tablefolders import TableFolder
from headgate.storage.tables import Dataset, utc_now
from headgate.storage.versions import change, newest_until

PART_ENDING = ".parquet"

logger = structlog.get_logger(__name__)


async def expire_versions(services: Services, *, days: float) -> int:
    """Let versions expire that were followed by others more than so many days ago; 0 keeps all for ever.

    Answers how many files went of versions that had expired before.
    """
    if not days:
        return 0
    removed, until = 0, utc_now() - timedelta(days=days)
    async for dataset in all_with_versions(services):
        removed += await _remove_unused(services, dataset, until)
        await _raise_oldest(services, dataset, until)
    return removed


async def _raise_oldest(services: Services, dataset: Dataset, until: datetime) -> None:
    oldest = await _newest_until(services, dataset, until)
    if oldest == dataset.oldest_version:
        return
    earlier = (col(Dataset.id) == dataset.id, col(Dataset.oldest_version) < oldest)
    async with services.database.transaction() as session:
        await session.execute(update(Dataset).where(*earlier).values(oldest_version=oldest))
    logger.info("dataset.versions_expired", dataset=dataset.name, oldest=oldest)


async def _newest_until(services: Services, dataset: Dataset, until: datetime) -> int:
    assert dataset.version is not None
    folder, oldest = folder_of(services, dataset), dataset.oldest_version
    return await asyncio.to_thread(newest_until, folder, oldest, dataset.version, until)


async def _remove_unused(services: Services, dataset: Dataset, until: datetime) -> int:
    """Remove the files and entries that no version needs that can be read, or that a job may still be reading."""
    if not dataset.oldest_version:
        return 0
    margin = timedelta(seconds=services.job_timeout_s) + MIN_AGE
    folder = folder_of(services, dataset)
    oldest = await asyncio.to_thread(newest_until, folder, 0, dataset.oldest_version, until - margin)
    used = await asyncio.to_thread(_used, folder, oldest)
    # What is younger may have been written for a version that came later.
    before = (await asyncio.to_thread(change, folder, oldest)).at - margin
    removed = await sweep(services, dataset.storage_key, partial(_without, used), before)
    removed += await asyncio.to_thread(cut_log, folder, oldest)
    if removed:
        logger.info("dataset.vacuumed", dataset=dataset.name, files=removed)
    return removed


def _used(folder: TableFolder, oldest: int) -> set[str]:
    """The files of a version and of the newest, and of those in between that were brought back from earlier ones."""
    latest = datasets.latest(folder)
    between = (number for number in restored_versions(folder) if number >= oldest)
    found = [latest, *(datasets.snapshot(folder, number) for number in (oldest, *between))]
    return {part.name for version in found if version is not None for part in version.parts}


async def _without(used: Collection[str], services: Services, names: list[str]) -> set[str]:
    return {name for name in names if name.endswith(PART_ENDING) and name not in used}
