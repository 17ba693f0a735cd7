"""Datasets: find them and read their rows."""

from collections.abc import Collection
from dataclasses import dataclass

from headgate.domain.pages import Page
from headgate.domain.services import Services
from headgate.storage.rows import RowPageData, RowQuery
from headgate.storage.tables import Dataset


@dataclass(frozen=True, slots=True)
class DatasetFilter:
    """Which datasets to list; an empty field matches all. `name_contains` ignores case."""

    name_contains: str | None = None


async def get(services: Services, name: str) -> Dataset | None:
    """Find a dataset by its name."""
    raise NotImplementedError


async def get_many(services: Services, dataset_ids: Collection[str]) -> dict[str, Dataset]:
    """Find datasets by id, in one query; unknown ids are left out."""
    raise NotImplementedError


async def page(services: Services, wanted: DatasetFilter, first: int, after: str | None) -> Page[Dataset]:
    """List datasets, newest first; raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR)."""
    raise NotImplementedError


async def total(services: Services, wanted: DatasetFilter) -> int:
    """Count the datasets that the filter matches."""
    raise NotImplementedError


async def rows(services: Services, dataset: Dataset, version: int | None, query: RowQuery) -> RowPageData:
    """Read rows of a version, the newest by default; a dataset without any version has no rows.

    Raises UserFault: NOT_FOUND for a version that is not there, and what the query does wrong.
    """
    raise NotImplementedError
