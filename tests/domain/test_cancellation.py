"""A job is stopped wherever it is, and what had committed by then stays done."""

import asyncio
from typing import Any

import pytest

from headgate.domain import batch_ingest, cancellation, recovery, runs
from headgate.domain.batch_ingest import BatchRequest
from headgate.domain.endings import Halt
from headgate.domain.happenings import FINAL, ORDERS
from headgate.domain.ingest import IngestRequest
from headgate.domain.permissions import Principal
from headgate.domain.retry_policy import RetryPolicy
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.jobs.memory import InProcessQueue
from headgate.storage.formats import FileFormat
from headgate.storage.ids import new_id
from headgate.storage.tables import CancelMode, Job, JobEventType, JobStatus, Role, utc_now
from tests.domain.outcomes import EXPIRED_S, FAULT, OUTAGE, events_of, no_bad_rows, reread

SAFE, FORCE = CancelMode.SAFE, CancelMode.FORCE
ITEM = IngestRequest(dataset="sales", text="a\n1\n", format=FileFormat.CSV)


async def batch_of(services: Services, operator: Principal, size: int) -> tuple[Job, list[Job]]:
    batch = await batch_ingest.submit(services, operator, BatchRequest([ITEM] * size))
    assert batch.job is not None
    return batch.job, [item.job for item in batch.items if item.job is not None]


@pytest.mark.parametrize("mode", list(CancelMode))
async def test_a_job_that_never_ran_is_canceled_at_once(
    services: Services, operator: Principal, submit: Any, mode: CancelMode
) -> None:
    job = await submit()
    canceled = await cancellation.cancel(services, operator, job.id, mode)
    assert (canceled.status, canceled.cancel, canceled.attempts) == (JobStatus.CANCELED, mode, 0)
    assert canceled.finished_at is not None
    events = await events_of(services, job)
    assert [event.status for event in events] == [JobStatus.QUEUED, JobStatus.CANCELED]
    assert await runs.claim(services, [job.id], "host:1:a", 30) == {}


async def test_a_job_that_waits_for_its_next_attempt_is_due_at_once_with_the_order(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any
) -> None:
    assert isinstance(services.queue, InProcessQueue)
    job = await submit(retry=RetryPolicy(initial_delay_s=3600, max_delay_s=3600))
    await services.queue.take()
    await end(await claim(job), OUTAGE)

    waiting = await cancellation.cancel(services, operator, job.id, SAFE)

    assert (waiting.status, waiting.cancel) == (JobStatus.RETRYING, SAFE)
    assert await services.queue.take() == job.id
    held = await claim(job)
    assert held.job.cancel is SAFE
    await end(held, Halt.CANCELED)
    assert (await reread(services, job)).status is JobStatus.CANCELED


async def test_a_job_that_lost_its_worker_is_canceled_by_the_next_one_which_knows_whether_it_committed(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit()
    await claim(job, lease_s=EXPIRED_S)
    await recovery.take_back(services, lambda worker: False)
    await cancellation.cancel(services, operator, job.id, FORCE)
    await end(await claim(job), no_bad_rows())
    assert (await reread(services, job)).status is JobStatus.SUCCEEDED


async def test_a_running_job_is_ordered_to_stop_and_its_worker_is_told(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit()
    held = await claim(job)
    async with services.signals.listen(ORDERS) as orders:
        ordered = await cancellation.cancel(services, operator, job.id, SAFE)
        assert await orders.wait(0)
    assert (ordered.status, ordered.cancel) == (JobStatus.RUNNING, SAFE)
    assert await runs.orders(services, [job.id]) == {job.id: SAFE}
    assert (await events_of(services, job))[-1].type is JobEventType.LOG
    assert await end(held, Halt.CANCELED) == set()
    assert (await reread(services, job)).status is JobStatus.CANCELED


async def test_an_order_gets_stricter_and_never_milder(
    services: Services, operator: Principal, submit: Any, claim: Any
) -> None:
    job = await submit()
    await claim(job)
    for mode, expected in ((SAFE, SAFE), (SAFE, SAFE), (FORCE, FORCE), (SAFE, FORCE), (FORCE, FORCE)):
        assert (await cancellation.cancel(services, operator, job.id, mode)).cancel is expected
    logs = [event for event in await events_of(services, job) if event.type is JobEventType.LOG]
    assert len(logs) == 2


@pytest.mark.parametrize("outcome", [no_bad_rows(), FAULT])
async def test_a_job_that_has_ended_cannot_be_canceled(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any, outcome: Any
) -> None:
    job = await submit()
    await end(await claim(job), outcome)
    before = await reread(services, job)
    with pytest.raises(UserFault, match=f"JOB_ENDED: .*{before.status}"):
        await cancellation.cancel(services, operator, job.id, FORCE)
    assert await reread(services, job) == before


async def test_a_job_that_succeeded_in_spite_of_an_order_cannot_be_canceled(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit()
    held = await claim(job)
    await cancellation.cancel(services, operator, job.id, SAFE)
    await end(held, no_bad_rows())
    with pytest.raises(UserFault, match="JOB_ENDED"):
        await cancellation.cancel(services, operator, job.id, SAFE)


async def test_a_job_that_was_canceled_may_be_canceled_again_by_who_did_not_hear_of_it(
    services: Services, operator: Principal, submit: Any
) -> None:
    job = await submit()
    canceled = [await cancellation.cancel(services, operator, job.id, SAFE) for _ in range(2)]
    assert [each.status for each in canceled] == [JobStatus.CANCELED] * 2
    assert len(await events_of(services, job)) == 2


async def test_only_operators_cancel_and_only_jobs_that_are_there(
    services: Services, operator: Principal, submit: Any
) -> None:
    viewer = Principal(operator.user_id, Role.VIEWER, utc_now())
    for principal, job_id, code in (
        (viewer, (await submit()).id, "FORBIDDEN"),
        (operator, "job_1", "INVALID_ID"),
        (operator, new_id("file"), "INVALID_ID"),
        (operator, new_id("job"), "NOT_FOUND"),
    ):
        with pytest.raises(UserFault, match=code):
            await cancellation.cancel(services, principal, job_id, SAFE)


@pytest.mark.parametrize("round", range(3))
async def test_of_a_cancel_and_a_worker_at_the_same_time_one_gets_the_job(
    services: Services, operator: Principal, submit: Any, round: int
) -> None:
    made = [await submit() for _ in range(4)]
    canceled = [cancellation.cancel(services, operator, job.id, SAFE) for job in made]
    claimed = [runs.claim(services, [job.id], "host:1:a", 30) for job in made]
    await asyncio.gather(*canceled, *claimed)
    for job in made:
        found = await reread(services, job)
        assert (found.status, found.attempts) in {(JobStatus.CANCELED, 0), (JobStatus.RUNNING, 1)}
        assert found.cancel is SAFE
        assert [event.seq for event in await events_of(services, job)] == list(range(1, found.last_event + 1))


async def test_a_batch_is_canceled_with_its_items(
    services: Services, operator: Principal, claim: Any, end: Any
) -> None:
    batch, (running, waiting, done) = await batch_of(services, operator, 3)
    held = await claim(running)
    await end(await claim(done), no_bad_rows())

    ordered = await cancellation.cancel(services, operator, batch.id, SAFE)

    assert (ordered.status, ordered.cancel) == (JobStatus.RUNNING, SAFE)
    assert (await reread(services, waiting)).status is JobStatus.CANCELED
    assert (await reread(services, running)).cancel is SAFE
    assert (await reread(services, done)).cancel is None
    assert (await cancellation.cancel(services, operator, batch.id, FORCE)).cancel is FORCE
    assert (await reread(services, running)).cancel is FORCE
    await end(held, Halt.CANCELED)
    assert (await reread(services, batch)).status is JobStatus.PARTIAL


async def test_a_batch_that_never_ran_is_canceled_at_once(services: Services, operator: Principal) -> None:
    batch, items = await batch_of(services, operator, 3)
    canceled = await cancellation.cancel(services, operator, batch.id, SAFE)
    assert (canceled.status, canceled.failure) == (JobStatus.CANCELED, None)
    assert {(await reread(services, item)).status for item in items} == {JobStatus.CANCELED}
    assert (await events_of(services, batch))[-1].status is JobStatus.CANCELED


async def test_the_cancellation_of_a_batch_is_carried_out_though_its_process_was_killed(
    services: Services, operator: Principal, claim: Any, end: Any
) -> None:
    batch, (running, *waiting) = await batch_of(services, operator, 3)
    other, (untouched,) = await batch_of(services, operator, 1)
    held = await claim(running)
    # What the killed process had come to: the order at the batch itself.
    async with services.database.transaction() as session:
        (await session.get_one(Job, batch.id)).cancel = FORCE

    await cancellation.carry_out(services)

    assert {(await reread(services, item)).status for item in waiting} == {JobStatus.CANCELED}
    assert await runs.orders(services, [running.id, untouched.id]) == {running.id: FORCE}
    assert (await reread(services, other)).cancel is None
    await end(held, Halt.CANCELED)
    assert (await reread(services, batch)).status in FINAL
    events = await events_of(services, batch)
    await cancellation.carry_out(services)
    assert await events_of(services, batch) == events


async def test_an_order_that_is_carried_out_already_is_not_told_again(
    services: Services, operator: Principal, claim: Any
) -> None:
    batch, (running,) = await batch_of(services, operator, 1)
    await claim(running)
    await cancellation.cancel(services, operator, batch.id, SAFE)
    events = await events_of(services, batch)
    await cancellation.carry_out(services)
    assert await events_of(services, batch) == events


async def test_the_last_item_to_be_canceled_by_itself_ends_its_batch(
    services: Services, operator: Principal, claim: Any, end: Any
) -> None:
    batch, (first, last) = await batch_of(services, operator, 2)
    await end(await claim(first), no_bad_rows())
    await cancellation.cancel(services, operator, last.id, SAFE)
    assert (await reread(services, batch)).status is JobStatus.PARTIAL
