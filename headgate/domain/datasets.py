"""Datasets: find them and read their rows."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass
from functools import partial

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from headgate.domain.ids import is_storable
from headgate.domain.pages import Keyset, Page, read_page
from headgate.domain.queries import by_ids, contains, count_rows
from headgate.domain.services import Services
from headgate.domain.tablereads import read_table
from headgate.errors import UserFault
from headgate.storage.datasets import snapshot
from headgate.storage.rows import RowPageData, RowQuery, read_rows
from headgate.storage.tablefolders import TableFolder, table_folder
from headgate.storage.tables import Dataset

DATASETS_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class DatasetFilter:
    """Which datasets to list; an empty field matches all. `name_contains` ignores case."""

    name_contains: str | None = None


async def get(services: Services, name: str) -> Dataset | None:
    """Find a dataset by its name."""
    if not is_storable(name):
        return None
    async with services.database.read() as session:
        found = select(Dataset).where(Dataset.name == name, col(Dataset.deleted_at).is_(None))
        return (await session.scalars(found)).first()


async def by_names(services: Services, names: Collection[str]) -> dict[str, Dataset]:
    """Find datasets by name, in one query; unknown names are left out."""
    statement = select(Dataset).where(col(Dataset.name).in_([name for name in names if is_storable(name)]))
    async with services.database.read() as session:
        return {dataset.name: dataset for dataset in await session.scalars(statement)}


async def get_many(services: Services, dataset_ids: Collection[str]) -> dict[str, Dataset]:
    """Find datasets by id, in one query; unknown ids are left out, and those of deleted ones."""
    found = await by_ids(services.database, Dataset, dataset_ids)
    return {dataset_id: dataset for dataset_id, dataset in found.items() if dataset.deleted_at is None}


async def page(services: Services, wanted: DatasetFilter, first: int, after: str | None) -> Page[Dataset]:
    """List datasets, newest first; raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR)."""
    statement = select(Dataset).where(*_conditions(wanted))
    keyset: Keyset[Dataset] = Keyset.by_id(Dataset.id, "dataset")
    return await read_page(services.database, statement, keyset, first=first, after=after)


def all_with_versions(services: Services) -> AsyncIterator[Dataset]:
    """Go through all datasets that have a version, some at a time."""
    return all_where(services, col(Dataset.deleted_at).is_(None), col(Dataset.version).is_not(None))


async def all_where(services: Services, *conditions: ColumnElement[bool]) -> AsyncIterator[Dataset]:
    """Go through the datasets that meet the conditions, deleted ones too, some at a time, in the order of their ids."""
    last = ""
    while True:
        behind = select(Dataset).where(col(Dataset.id) > last, *conditions).order_by(col(Dataset.id))
        async with services.database.read() as session:
            found = (await session.scalars(behind.limit(DATASETS_AT_ONCE))).all()
        for dataset in found:
            yield dataset
            last = dataset.id
        if len(found) < DATASETS_AT_ONCE:
            return


async def total(services: Services, wanted: DatasetFilter) -> int:
    """Count the datasets that the filter matches."""
    return await count_rows(services.database, Dataset, _conditions(wanted))


async def at_version(services: Services, dataset: Dataset, version: int) -> Dataset | None:
    """Describe a dataset as it was at a version; None for one that it does not have.

    Raises UserFault: VERSION_EXPIRED, STORE_UNAVAILABLE, TIMED_OUT.
    """
    if not _has_version(dataset, version):
        return None
    require_version(dataset, version)
    past = await read_table(partial(snapshot, folder_of(services, dataset), version))
    return Dataset(**{**dataset.model_dump(), **past.to_json()})


async def required(services: Services, name: str) -> Dataset:
    """Find a dataset by its name; raises UserFault (NOT_FOUND)."""
    if (dataset := await get(services, name)) is None:
        raise UserFault("NOT_FOUND", f"There is no dataset {name}.", ("name",))
    return dataset


def folder_of(services: Services, dataset: Dataset) -> TableFolder:
    """Where a dataset's table is."""
    return table_folder(services.store.location(dataset.storage_key))


def require_version(dataset: Dataset, version: int) -> None:
    """Raise UserFault unless the dataset has this version (NOT_FOUND), and it can still be read (VERSION_EXPIRED)."""
    if not _has_version(dataset, version):
        raise UserFault("NOT_FOUND", f"The dataset {dataset.name} has no version {version}.", ("version",))
    if version < dataset.oldest_version:
        message = f"Version {version} of {dataset.name} can be read no more: the oldest is {dataset.oldest_version}."
        raise UserFault("VERSION_EXPIRED", message, ("version",))


async def rows(services: Services, dataset: Dataset, version: int | None, query: RowQuery) -> RowPageData:
    """Read rows of a version, the newest by default; a dataset without any version has no rows.

    Raises UserFault: NOT_FOUND for a version that is not there, VERSION_EXPIRED for one that can be read no more,
    STORE_UNAVAILABLE, TIMED_OUT, and what the query does wrong.
    """
    if version is not None:
        require_version(dataset, version)
    chosen = version if version is not None else dataset.version
    if chosen is None:
        return RowPageData([], [], has_next=False, end_cursor=None, total=0 if query.total else None)
    read = partial(read_rows, folder_of(services, dataset), chosen, query, oldest=dataset.oldest_version)
    return await read_table(read)


def _has_version(dataset: Dataset, version: int) -> bool:
    return dataset.version is not None and 0 <= version <= dataset.version


def _conditions(wanted: DatasetFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [col(Dataset.deleted_at).is_(None)]
    if wanted.name_contains:
        conditions.append(contains(Dataset.name, wanted.name_contains))
    return conditions
