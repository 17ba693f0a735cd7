"""A batch takes its items as they are asked for, and can be stopped and tried again as one."""

from dataclasses import replace
from typing import Any

import pytest

from headgate.domain import batch_ingest, cancellation, retries
from headgate.domain.batch_ingest import BatchRequest
from headgate.domain.ingest import IngestRequest
from headgate.domain.permissions import Principal
from headgate.domain.retries import RetryRequest, RetryStrategy
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.formats import FileFormat
from headgate.storage.tables import CancelMode, ErrorPolicy, JobStatus, Priority
from tests.domain.outcomes import no_bad_rows, reread

ITEM = IngestRequest(dataset="sales", text="a\n1\n", format=FileFormat.CSV)
FAULTY = replace(ITEM, text=" ")


async def test_a_batch_whose_items_all_succeeded_is_not_tried_again(
    services: Services, operator: Principal, claim: Any, end: Any
) -> None:
    batch = await batch_ingest.submit(services, operator, BatchRequest([ITEM]))
    assert batch.job is not None
    await end(await claim(batch.items[0].job), no_bad_rows())

    job = await reread(services, batch.job)

    assert job.status is JobStatus.SUCCEEDED
    assert not any(state.allowed for state in retries.actions(operator, job))
    with pytest.raises(UserFault, match="NOT_RETRYABLE"):
        await retries.retry(services, operator, RetryRequest(job.id, RetryStrategy.FAILED_ROWS))


async def test_a_batch_that_is_canceled_is_canceled_though_items_were_at_fault(
    services: Services, operator: Principal
) -> None:
    batch = await batch_ingest.submit(services, operator, BatchRequest([FAULTY, ITEM]))
    assert batch.job is not None
    canceled = await cancellation.cancel(services, operator, batch.job.id, CancelMode.SAFE)
    assert (canceled.status, canceled.failure) == (JobStatus.CANCELED, None)


async def test_an_item_that_came_with_a_fault_takes_part_as_one_at_fault(
    services: Services, operator: Principal
) -> None:
    fault = UserFault("INVALID_ARGUMENT", "Not here.", ("waitSeconds",))
    taken = await batch_ingest.submit(services, operator, BatchRequest([ITEM, fault]), "key")
    again = await batch_ingest.submit(services, operator, BatchRequest([ITEM, fault]), "key")
    refused = await batch_ingest.submit(
        services, operator, BatchRequest([ITEM, fault], ErrorPolicy.REJECT_ALL)
    )
    assert [str(item.fault) for item in taken.items] == ["None", str(fault)]
    assert (again.replayed, str(again.items[1].fault)) == (True, str(fault))
    assert (refused.job, [item.job for item in refused.items]) == (None, [None, None])


async def test_items_with_the_usual_priority_take_that_of_their_batch(
    services: Services, operator: Principal
) -> None:
    items = [replace(ITEM, priority=priority) for priority in Priority]
    batch = await batch_ingest.submit(services, operator, BatchRequest(items, priority=Priority.LOW))
    assert [item.job and item.job.priority for item in batch.items] == [
        Priority.HIGH,
        Priority.LOW,
        Priority.LOW,
    ]
