"""The versions of datasets: lists of them, and who is told of a new one."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain.datasets import folder_of, required
from headgate.domain.pages import (
    NUMBER,
    Page,
    check_first,
    decode_cursor,
    encode_cursor,
    invalid_cursor,
)
from headgate.domain.ports import Signals
from headgate.domain.queries import by_id
from headgate.domain.services import Services
from headgate.domain.tablereads import read_table
from headgate.storage import versions
from headgate.storage.tables import Dataset, utc_now
from headgate.storage.versions import Change, Version

TOLD_AT_ONCE = 100
"""So many versions at most are read for a follower at a time."""


@dataclass(frozen=True, slots=True)
class DatasetVersion:
    """A version of a dataset, whose row may show a later one."""

    dataset: Dataset
    version: Version

    @property
    def change(self) -> Change:
        """What its commit did."""
        return self.version.change

    @property
    def number(self) -> int:
        """Its number, from 0."""
        return self.change.version


async def page(services: Services, dataset: Dataset, first: int, after: str | None) -> Page[DatasetVersion]:
    """List the versions that can be read, up to the one that the dataset is at, newest first.

    Raises UserFault: INVALID_ARGUMENT, INVALID_CURSOR, STORE_UNAVAILABLE, TIMED_OUT.
    """
    check_first(first)
    newest = -1 if dataset.version is None else dataset.version
    if after is not None:
        newest = min(newest, _position(after) - 1)
    count = min(newest - dataset.oldest_version + 1, first + 1)
    return Page.cut(await _read(services, dataset, newest, count) if count > 0 else [], first, _cursor)


def total(dataset: Dataset) -> int:
    """Count the versions that can be read."""
    return 0 if dataset.version is None else dataset.version - dataset.oldest_version + 1


async def _read(services: Services, dataset: Dataset, newest: int, count: int) -> list[DatasetVersion]:
    found = await read_table(partial(versions.versions, folder_of(services, dataset), newest, count))
    return [DatasetVersion(dataset, version) for version in found]


def _cursor(version: DatasetVersion) -> str:
    return encode_cursor(str(version.number))


def _position(cursor: str) -> int:
    number = decode_cursor(cursor)
    if not NUMBER.fullmatch(number):
        raise invalid_cursor()
    return int(number)


async def watch(services: Services, name: str) -> AsyncGenerator[DatasetVersion, None]:
    """Follow a dataset: each version that comes from now on, in order, until the dataset is deleted.

    Raises UserFault (NOT_FOUND).
    """
    dataset: Dataset | None = await required(services, name)
    assert dataset is not None
    told = -1 if dataset.version is None else dataset.version
    async with services.signals.listen(topic(dataset.id)) as listener:
        while (dataset := await _still_there(services, dataset.id)) is not None:
            newest = -1 if dataset.version is None else dataset.version
            if told < newest:
                upto = min(told + TOLD_AT_ONCE, newest)
                for each in reversed(await _read(services, dataset, upto, upto - told)):
                    yield each
                told = upto
            else:
                await listener.wait()


async def _still_there(services: Services, dataset_id: str) -> Dataset | None:
    dataset = await by_id(services.database, Dataset, dataset_id)
    return dataset if dataset is not None and dataset.deleted_at is None else None


def topic(dataset_id: str) -> str:
    """Name the topic that is notified of each version of a dataset, and of its end."""
    return f"dataset:{dataset_id}"


def announce(signals: Signals, dataset_ids: Iterable[str]) -> None:
    """Notify whoever follows these datasets, once what has changed is committed."""
    for dataset_id in dataset_ids:
        signals.notify(topic(dataset_id))


async def advance(session: AsyncSession, newest: Mapping[str, Mapping[str, Any]]) -> list[Dataset]:
    """Let the datasets' rows show these versions, each as `Snapshot.to_json` says it, unless they show later ones.

    Answers the rows as they are now, locked.
    """
    statement = (
        select(Dataset)
        .where(col(Dataset.id).in_(newest))
        .order_by(col(Dataset.id))
        .with_for_update(key_share=True)
    )
    datasets = list(await session.scalars(statement))
    for dataset in datasets:
        committed = newest[dataset.id]
        if dataset.version is None or dataset.version < committed["version"]:
            for name in ("version", "row_count", "byte_size", "columns"):
                setattr(dataset, name, committed[name])
            dataset.updated_at = utc_now()
    return datasets
