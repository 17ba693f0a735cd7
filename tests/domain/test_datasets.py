"""Datasets are found by name and read at any of their versions."""

from typing import Any

import pytest

from headgate.domain import datasets
from headgate.domain.datasets import DatasetFilter
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.rows import RowQuery
from headgate.storage.tables import Dataset
from tests.domain.outcomes import no_bad_rows


async def find(services: Services, name: str) -> Dataset:
    found = await datasets.get(services, name)
    assert found is not None
    return found


async def test_a_dataset_without_a_commit_has_no_rows_and_no_version(services: Services, submit: Any) -> None:
    await submit("sales")
    dataset = await find(services, "sales")

    page = await datasets.rows(services, dataset, None, RowQuery(total=True))

    assert (page.records, page.total, page.has_next) == ([], 0, False)
    with pytest.raises(UserFault, match="NOT_FOUND"):
        await datasets.rows(services, dataset, 0, RowQuery())


@pytest.mark.parametrize("version", [-1, 4])
async def test_a_version_that_is_not_there_is_not_found(
    services: Services, submit: Any, claim: Any, end: Any, version: int
) -> None:
    await end(await claim(await submit("sales")), no_bad_rows(version=3))
    with pytest.raises(UserFault, match="NOT_FOUND"):
        await datasets.rows(services, await find(services, "sales"), version, RowQuery())


@pytest.mark.parametrize("name", ["", "\0", "\ud800", "none"])
async def test_an_unknown_name_finds_nothing(services: Services, name: str) -> None:
    assert await datasets.get(services, name) is None


async def test_datasets_are_listed_newest_first_and_filtered(services: Services, submit: Any) -> None:
    for name in ("sales", "people", "Salaries"):
        await submit(name)

    listed = await datasets.page(services, DatasetFilter(), 2, None)
    named = await datasets.page(services, DatasetFilter(name_contains="sal"), 20, None)

    assert [dataset.name for dataset in listed.items] == ["Salaries", "people"]
    assert listed.has_next
    assert [dataset.name for dataset in named.items] == ["Salaries", "sales"]
    assert await datasets.total(services, DatasetFilter(name_contains="sal")) == 2
    found = await datasets.get_many(services, [dataset.id for dataset in listed.items])
    assert {dataset.id: dataset.name for dataset in listed.items} == {
        id: row.name for id, row in found.items()
    }
