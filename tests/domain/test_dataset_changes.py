"""Datasets that are in use aren't deleted, and whoever follows one hears of what the signals lose."""

import asyncio
from typing import Any

import pytest

from headgate.domain import dataset_changes, dataset_versions, datasets
from headgate.domain.acceptance import keep_datasets
from headgate.domain.endings import Halt
from headgate.domain.lookout import Lookout
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.tables import Dataset


async def test_a_dataset_is_kept_while_a_job_may_write_to_it(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit("sales")
    await _refused(services, operator, job.id)
    claimed = await claim(job)
    await _refused(services, operator, job.id)
    await end(claimed, Halt.CANCELED)
    deleted = await dataset_changes.delete(services, operator, "sales")
    assert deleted == job.dataset_id
    assert await datasets.get(services, "sales") is None
    assert await datasets.get(services, f"sales {deleted}") is None


async def _refused(services: Services, operator: Principal, job_id: str) -> None:
    with pytest.raises(UserFault) as raised:
        await dataset_changes.delete(services, operator, "sales")
    assert (raised.value.code, raised.value.path) == ("DATASET_IN_USE", ("name",))
    assert raised.value.retryable
    assert f"the job {job_id}" in raised.value.message


async def test_a_deleted_datasets_name_makes_another_one(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any
) -> None:
    first = await submit("sales")
    await end(await claim(first), Halt.CANCELED)
    await dataset_changes.delete(services, operator, "sales")
    second = await submit("sales")
    assert second.dataset_id != first.dataset_id


async def test_a_job_for_a_dataset_that_was_deleted_just_now_is_refused(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit("sales")
    await end(await claim(job), Halt.CANCELED)
    await dataset_changes.delete(services, operator, "sales")
    async with services.database.transaction() as session:
        with pytest.raises(UserFault, match="DATASET_DELETED") as raised:
            await keep_datasets(session, [job])
    assert raised.value.retryable


async def test_a_lost_signal_delays_the_end_of_a_deleted_dataset_by_one_look(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit("sales")
    await end(await claim(job), Halt.CANCELED)
    lookout = await Lookout.begin(services)
    following = asyncio.create_task(_all_of(services, "sales"))
    # What follows has read the row and waits.
    for _ in range(20):
        await asyncio.sleep(0.01)
    async with services.database.transaction() as session:
        dataset = await session.get_one(Dataset, job.dataset_id)
        dataset.deleted_at = dataset.updated_at
    await asyncio.sleep(0.05)
    assert not following.done()
    await lookout.look()
    assert await asyncio.wait_for(following, 10) == []


async def _all_of(services: Services, name: str) -> list[Any]:
    return [each async for each in dataset_versions.watch(services, name)]
