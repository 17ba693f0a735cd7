"""What a retry and a batch make of what they are about."""

from dataclasses import replace
from typing import Any

import pytest

from headgate.domain import batch_ingest, cancellation, retries
from headgate.domain.batch_ingest import BatchRequest
from headgate.domain.ingest import IngestRequest
from headgate.domain.permissions import Principal
from headgate.domain.ports import TaskFault
from headgate.domain.retries import RetryRequest, RetryStrategy
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.datasets import WriteMode
from headgate.storage.formats import FileFormat
from headgate.storage.tables import CancelMode, ErrorPolicy, Job, JobStatus, Priority, Role
from tests.domain.outcomes import COUNTS, a_result, no_bad_rows, reread

ITEM = IngestRequest(dataset="sales", text="a\n1\n", format=FileFormat.CSV)
FAULTY = replace(ITEM, text=" ")


async def _rejected_again(services: Services, operator: Principal, job: Job) -> dict[str, Any]:
    request = RetryRequest(job.id, RetryStrategy.FAILED_ROWS)
    return (await retries.retry(services, operator, request)).job.spec


@pytest.mark.parametrize(
    ("mode", "keys", "again"),
    [
        (WriteMode.APPEND, [], WriteMode.APPEND),
        (WriteMode.REPLACE, [], WriteMode.APPEND),
        (WriteMode.UPSERT, ["a"], WriteMode.UPSERT),
    ],
)
async def test_rejected_rows_never_replace_the_good_ones(
    services: Services,
    operator: Principal,
    submit: Any,
    claim: Any,
    end: Any,
    mode: WriteMode,
    keys: list[str],
    again: WriteMode,
) -> None:
    job = await submit(mode=mode, keys=keys)
    await end(await claim(job), a_result())

    spec = await _rejected_again(services, operator, job)

    assert spec["replay"] == job.id
    assert spec["sinks"] == [{"dataset": {"name": "sales", "mode": again, "keys": keys}}]


async def test_of_a_job_without_effect_every_row_is_tried_again(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit(mode=WriteMode.REPLACE)
    await end(await claim(job), TaskFault("OUT_OF_SPACE", "Full.", "DATA", counts=COUNTS))

    spec = await _rejected_again(services, operator, job)

    assert "replay" not in spec
    assert spec["sinks"] == job.spec["sinks"]


@pytest.mark.parametrize(("role", "allowed"), [(Role.VIEWER, [False, False]), (Role.OPERATOR, [False, True])])
async def test_actions_go_by_the_role_of_who_asks(
    services: Services,
    operator: Principal,
    submit: Any,
    claim: Any,
    end: Any,
    role: Role,
    allowed: list[bool],
) -> None:
    job = await submit()
    await end(await claim(job), a_result())
    states = retries.actions(replace(operator, role=role), await reread(services, job))
    assert [state.allowed for state in states] == allowed
    assert all(state.allowed or state.reason for state in states)


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
        await _rejected_again(services, operator, job)


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
