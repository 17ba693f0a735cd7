"""What killed servers leave behind in the store, and how it goes."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import aclosing
from datetime import datetime, timedelta
from functools import partial
from pathlib import PurePosixPath

from sqlalchemy import func
from sqlmodel import col, select

from headgate.domain.datasets import all_where, folder_of
from headgate.domain.happenings import FINAL
from headgate.domain.services import Services
from headgate.storage.compaction import uncommitted
from headgate.storage.datasets import COMPACTION, maker_of
from headgate.storage.ids import is_id, made_at
from headgate.storage.object_store import ObjectStore
from headgate.storage.objects import LocalStore
from headgate.storage.tables import Dataset, File, Job, JobStatus, Upload, User, utc_now

MIN_AGE = timedelta(hours=1)
"""What is younger may belong to a request that some process is still working on."""

LEDGER_ENDING = ".parquet"
BRIEF = ("append", "inspection", "profile", "check")
"""What ids of scratch begin with that nobody needs after an hour."""

Select = Callable[[Services, list[str]], Awaitable[set[str]]]
"""Answers which of these names, all of one folder, nobody needs any more."""


async def remove_leftovers(services: Services, *, min_age: timedelta = MIN_AGE) -> int:
    """Remove what no row names and no task uses; answers how many objects and folders went.

    Whatever has changed within `min_age` stays, and so does all that a job which has not ended may use.
    """
    before = utc_now() - min_age
    removed = await services.store.discard_unfinished(before, partial(_being_uploaded, services))
    for folder, select_useless in USELESS.items():
        removed += await sweep(services, folder, select_useless, before)
    async for dataset in all_where(services):
        if dataset.deleted_at is None:
            removed += await sweep(
                services, dataset.storage_key, partial(_uncommitted_parts, dataset), before
            )
        elif dataset.deleted_at < before - timedelta(seconds=services.job_timeout_s):
            # No job that reads it can go on any more.
            await services.store.remove(dataset.storage_key)
    return removed


async def remove_scratch(services: Services, *, min_age: timedelta = MIN_AGE) -> int:
    """Remove what tasks that were killed left on this very machine; answers how many folders and files went."""
    scratch = services.store.scratch
    here = LocalStore(scratch.parent)
    return await sweep(services, scratch.name, _unused_scratch, utc_now() - min_age, store=here)


async def _being_uploaded(services: Services, keys: list[str]) -> set[str]:
    """Those of these objects that come in pieces, over a time that is theirs."""
    ids = {PurePosixPath(key).name: key for key in keys}
    async with services.database.read() as session:
        found = await session.scalars(select(Upload.file_id).where(col(Upload.file_id).in_(ids)))
        return {ids[file_id] for file_id in found}


async def sweep(
    services: Services,
    folder: str,
    select_useless: Select,
    before: datetime,
    *,
    store: ObjectStore | None = None,
) -> int:
    """Remove what is useless right below a folder and has not changed since a moment; answers how much went.

    The folder is that of another `store` where one is given.
    """
    store = store or services.store
    removed = 0
    async with aclosing(store.unchanged(folder, before)) as batches:
        async for names in batches:
            useless = await select_useless(services, names)
            for name in useless:
                await store.remove(f"{folder}/{name}")
            removed += len(useless)
    return removed


async def _unnamed_files(services: Services, names: list[str]) -> set[str]:
    """Files without a row, and those of which only the row was to be kept; not those that are being completed."""
    ids = await _made_here(services, names, "file")
    kept = select(File.id).where(col(File.id).in_(ids), col(File.storage_key).is_not(None))
    async with services.database.read() as session:
        ids -= set(await session.scalars(kept))
    return await _ended_uploads(services, list(ids))


async def _ended_uploads(services: Services, names: list[str]) -> set[str]:
    """What came of files that nobody sends any more."""
    ids = await _made_here(services, names, "file")
    async with services.database.read() as session:
        return ids - set(await session.scalars(select(Upload.file_id).where(col(Upload.file_id).in_(ids))))


async def _unnamed_inputs(services: Services, names: list[str]) -> set[str]:
    ids = await _made_here(services, names, "job")
    async with services.database.read() as session:
        return ids - set(await session.scalars(select(Job.id).where(col(Job.id).in_(ids))))


async def _unused_scratch(services: Services, names: list[str]) -> set[str]:
    """What is left of jobs that have ended, of calls, of inspections and of checks of the store."""
    ended = select(Job.id).where(col(Job.id).in_(_ids(names, "job")), col(Job.status).in_(FINAL))
    async with services.database.read() as session:
        of_calls = (name for prefix in BRIEF for name in _ids(names, prefix))
        return {*await session.scalars(ended), *of_calls}


async def _unnamed_ledgers(services: Services, names: list[str]) -> set[str]:
    ledgers = {name.removesuffix(LEDGER_ENDING): name for name in names if name.endswith(LEDGER_ENDING)}
    return {ledgers[id] for id in await _unnamed_inputs(services, list(ledgers))}


async def _uncommitted_parts(dataset: Dataset, services: Services, names: list[str]) -> set[str]:
    """Parts that were written and never committed: `<id of a job or a compaction>-<attempt>-….parquet`."""
    makers = {name: maker_of(name) for name in names}
    ids = set(makers.values())
    ended = select(Job.id).where(
        col(Job.id).in_(_ids(ids, "job")),
        col(Job.status).in_([JobStatus.FAILED, JobStatus.CANCELED]),
    )
    async with services.database.read() as session:
        useless = set(await session.scalars(ended))
    if compactions := _ids(ids, COMPACTION):
        folder = folder_of(services, dataset)
        useless |= await asyncio.to_thread(uncommitted, folder, sorted(compactions))
    return {name for name, maker in makers.items() if maker in useless}


USELESS: dict[str, Select] = {
    "files": _unnamed_files,
    "uploads": _ended_uploads,
    "inputs": _unnamed_inputs,
    "fetched": _unnamed_inputs,
    "errors": _unnamed_ledgers,
    "resolved": _unnamed_ledgers,
    "scratch": _unused_scratch,
}


async def _made_here(services: Services, names: Iterable[str], prefix: str) -> set[str]:
    """The ids among these names, without those older than the database: it cannot know whose they are."""
    async with services.database.read() as session:
        first = (await session.scalars(select(func.min(User.created_at)))).one()
    return {id for id in _ids(names, prefix) if first is not None and made_at(id) >= first}


def _ids(names: Iterable[str], prefix: str) -> set[str]:
    return {name for name in names if is_id(name, prefix)}
