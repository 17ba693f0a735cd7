"""A batch has the figures of its items, and ends with the last of them, once."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations_with_replacement, product
from typing import Any

import pytest

from headgate.domain import batch_ingest, batches, cancellation, endings, jobs, runs
from headgate.domain.batch_ingest import BatchRequest
from headgate.domain.endings import Ending, Halt
from headgate.domain.happenings import FINAL
from headgate.domain.ingest import IngestRequest
from headgate.domain.jobs import JobFilter
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.events import append_events
from headgate.storage.formats import FileFormat
from headgate.storage.ids import new_id
from headgate.storage.tables import CancelMode, ErrorPolicy, Job, JobEventType, JobKind, JobStatus
from tests.domain.outcomes import FAULT, a_result, events_of, no_bad_rows, reread

ITEM = IngestRequest(dataset="sales", text="a\n1\n", format=FileFormat.CSV)
BAD = replace(ITEM, dataset="1st")
REJECT_ALL, REJECT_FAILED = ErrorPolicy.REJECT_ALL, ErrorPolicy.REJECT_FAILED
SUCCEEDED, PARTIAL, FAILED, CANCELED = sorted(FINAL, key=list(JobStatus).index)
REFUSED = "refused"
Case = tuple[tuple[str, ...], ErrorPolicy, CancelMode | None]


async def start(
    services: Services, operator: Principal, *items: IngestRequest, policy: ErrorPolicy = REJECT_FAILED
) -> tuple[Job, list[Job]]:
    """Submit a batch; answers its job and those of its items."""
    batch = await batch_ingest.submit(services, operator, BatchRequest(items, policy))
    assert batch.job is not None
    return batch.job, [item.job for item in batch.items if item.job is not None]


async def statuses(services: Services, *made: Job) -> list[JobStatus]:
    return [(await reread(services, job)).status for job in made]


def expected_status(items: Sequence[str], policy: ErrorPolicy, order: CancelMode | None) -> JobStatus:
    some_failed = FAILED in items or REFUSED in items
    some_went_well = SUCCEEDED in items or PARTIAL in items
    if policy is REJECT_ALL and some_failed:
        return FAILED
    if some_went_well:
        return SUCCEEDED if set(items) == {SUCCEEDED} else PARTIAL
    return FAILED if some_failed and order is None else CANCELED


def all_cases() -> list[Case]:
    """Every mix of up to three items, at least one of which was taken, under both policies, ordered to stop or not."""
    ends = [*sorted(FINAL), REFUSED]
    mixes = [mix for size in (1, 2, 3) for mix in combinations_with_replacement(ends, size)]
    taken = [mix for mix in mixes if set(mix) != {REFUSED}]
    return list(product(taken, (REJECT_ALL, REJECT_FAILED), (None, CancelMode.SAFE)))


async def add_case(services: Services, session: Any, case: Case) -> Job:
    """Add a batch whose items have ended, which it has not heard of yet."""
    items, policy, order = case
    noted: list[dict[str, Any]] = [{"errors": []} if item == REFUSED else {"job": "job"} for item in items]
    spec = {"errorPolicy": policy, "items": noted}
    parent = Job(id=new_id("job"), kind=JobKind.BATCH, status=JobStatus.RUNNING, cancel=order, spec=spec)
    session.add(parent)
    await session.flush()
    for item in items:
        if item != REFUSED:
            child = Job(id=new_id("job"), kind=JobKind.INGEST, parent_id=parent.id, status=JobStatus(item))
            child.rows_read, child.warnings = 5, 1
            session.add(child)
    return parent


async def test_a_batch_ends_as_its_items_did_and_its_policy_says(services: Services) -> None:
    cases = all_cases()
    async with services.database.transaction() as session:
        parents = [await add_case(services, session, case) for case in cases]
        await append_events(session, await batches.refresh(session, [parent.id for parent in parents]))

    ended = await jobs.get_many(services, [parent.id for parent in parents])
    for case, parent in zip(cases, parents, strict=True):
        batch = ended[parent.id]
        taken = len([item for item in case[0] if item != REFUSED])
        assert batch.status is expected_status(*case), case
        assert (batch.rows_read, batch.warnings) == (5 * taken, taken)
        assert (batch.progress["fraction"], batch.progress["stage"]) == (1, "done")
        assert (batch.failure is not None) == (batch.status is FAILED)
        assert batch.finished_at is not None


async def test_a_batch_runs_with_its_first_item_and_sums_up_what_they_have_come_to(
    services: Services, operator: Principal, claim: Any, end: Any
) -> None:
    batch, (first, second, third) = await start(services, operator, ITEM, ITEM, ITEM)
    assert await statuses(services, batch) == [JobStatus.QUEUED]
    held = await claim(first)
    assert await statuses(services, batch) == [JobStatus.RUNNING]
    await end(await claim(second), a_result())
    figures = {"rows_read": 10, "rows_written": 8, "fraction": 0.5}

    await runs.progress(services, [(held, figures)], with_totals=True)

    batch = await reread(services, batch)
    assert (batch.rows_read, batch.rows_accepted, batch.rows_rejected, batch.warnings) == (3, 2, 1, 4)
    assert (batch.progress["rows_read"], batch.progress["rows_written"]) == (13, 10)
    assert batch.progress["fraction"] == pytest.approx(1.5 / 3)
    assert batch.progress["stage"] == "items"
    await end(held, no_bad_rows(1))
    await end(await claim(third), no_bad_rows(2))
    batch = await reread(services, batch)
    assert (batch.status, batch.rows_read, batch.rows_accepted, batch.rows_rejected) == (PARTIAL, 9, 8, 1)
    seen = await events_of(services, batch)
    assert [event.seq for event in seen] == list(range(1, batch.last_event + 1))
    assert [event.status for event in seen if event.status] == [JobStatus.QUEUED, JobStatus.RUNNING, PARTIAL]


async def test_a_batch_is_never_claimed_itself(services: Services, operator: Principal) -> None:
    batch, items = await start(services, operator, ITEM)
    assert set(await runs.claim(services, [batch.id, items[0].id], "host:1:a", 30)) == {items[0].id}


async def test_items_that_end_at_the_same_time_end_their_batch_once(
    services: Services, operator: Principal, claim: Any
) -> None:
    made = [await start(services, operator, ITEM, ITEM, replace(ITEM, dataset="other")) for _ in range(4)]
    claims = [await claim(item) for _, items in made for item in items]

    closings = (endings.close(services, [Ending(claim, a_result())]) for claim in claims)
    assert await asyncio.gather(*closings) == [set()] * len(claims)

    for batch, _ in made:
        ended = await reread(services, batch)
        assert (ended.status, ended.rows_read, ended.rows_rejected) == (PARTIAL, 9, 3)
        seen = await events_of(services, batch)
        assert [event.status for event in seen if event.type is JobEventType.STATUS] == [
            JobStatus.QUEUED,
            JobStatus.RUNNING,
            PARTIAL,
        ]
        assert seen[-1].status is PARTIAL


async def test_under_reject_all_the_first_failure_stops_the_others(
    services: Services, operator: Principal, claim: Any, end: Any
) -> None:
    batch, (failing, running, waiting) = await start(services, operator, *[ITEM] * 3, policy=REJECT_ALL)
    held = await claim(running)
    await end(await claim(failing), FAULT)
    await cancellation.carry_out(services)

    assert await statuses(services, batch, waiting) == [JobStatus.RUNNING, CANCELED]
    assert await runs.orders(services, [running.id]) == {running.id: CancelMode.SAFE}
    await end(held, Halt.CANCELED)
    batch = await reread(services, batch)
    assert batch.failure is not None
    assert (batch.status, batch.failure["code"]) == (FAILED, "BATCH_FAILED")
    assert batch.failure["details"] == {"failed": 1, "items": 3}


async def test_under_reject_failed_the_others_go_on(
    services: Services, operator: Principal, claim: Any, end: Any
) -> None:
    batch, (failing, other) = await start(services, operator, ITEM, ITEM)
    await end(await claim(failing), FAULT)
    await cancellation.carry_out(services)
    await end(await claim(other), no_bad_rows())
    assert await statuses(services, batch, other) == [PARTIAL, SUCCEEDED]


async def test_an_item_that_waits_for_another_attempt_keeps_its_batch_open(
    services: Services, operator: Principal, claim: Any, end: Any
) -> None:
    batch, (item,) = await start(services, operator, ITEM)
    await end(await claim(item), Halt.INTERRUPTED)
    assert await statuses(services, batch) == [JobStatus.RUNNING]
    await end(await claim(item), no_bad_rows())
    assert await statuses(services, batch) == [SUCCEEDED]


async def test_items_that_are_at_fault_are_told_and_the_others_taken(
    services: Services, operator: Principal, claim: Any, end: Any
) -> None:
    batch = await batch_ingest.submit(services, operator, BatchRequest([ITEM, BAD, ITEM]))
    assert batch.job is not None
    assert [item.fault and item.fault.code for item in batch.items] == [None, "INVALID_NAME", None]
    items = [item.job for item in batch.items if item.job is not None]
    assert [(item.parent_id, item.position) for item in items] == [(batch.job.id, 0), (batch.job.id, 2)]
    for version, item in enumerate(items):
        await end(await claim(item), no_bad_rows(version))
    assert await statuses(services, batch.job) == [PARTIAL]


@pytest.mark.parametrize(
    ("items", "policy"), [([ITEM, BAD], REJECT_ALL), ([BAD, BAD], REJECT_FAILED), ([BAD], REJECT_ALL)]
)
async def test_a_batch_of_which_nothing_is_to_be_taken_leaves_nothing(
    services: Services, operator: Principal, items: list[IngestRequest], policy: ErrorPolicy
) -> None:
    batch = await batch_ingest.submit(services, operator, BatchRequest(items, policy))
    assert batch.job is None
    assert [item.fault is not None for item in batch.items] == [item is BAD for item in items]
    assert await jobs.total(services, JobFilter()) == 0


@pytest.mark.parametrize("size", [0, batch_ingest.MAX_ITEMS + 1])
async def test_a_batch_has_at_least_one_item_and_not_too_many(
    services: Services, operator: Principal, size: int
) -> None:
    with pytest.raises(UserFault, match="INVALID_ARGUMENT") as refusal:
        await batch_ingest.submit(services, operator, BatchRequest([ITEM] * size))
    assert refusal.value.path == ("items",)
