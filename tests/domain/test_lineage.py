"""Rows that pass later are taken off the open errors of their whole lineage; one job at a time takes rows of it."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any

import polars as pl
import pytest

from headgate.domain import batch_ingest, corrections, jobs, retries
from headgate.domain.batch_ingest import BatchRequest
from headgate.domain.corrections import Correction, CorrectRequest
from headgate.domain.ingest import IngestRequest
from headgate.domain.ledgers import ledger_key, resolved_key
from headgate.domain.lineage import LINEAGE, RESOLVED_BY
from headgate.domain.permissions import Principal
from headgate.domain.ports import TaskFault
from headgate.domain.retention import forget_errors
from headgate.domain.retries import RetryRequest, RetryStrategy
from headgate.domain.services import Services
from headgate.domain.tasks import task_of
from headgate.errors import UserFault
from headgate.storage.datasets import WriteMode
from headgate.storage.formats import FileFormat
from headgate.storage.tables import Job, JobEventType, JobKind, JobStatus, utc_now
from tests.domain.ledgers import an_error, write_ledger
from tests.domain.outcomes import FAULT, a_result, events_of, reread
from tests.services import path_of

AGE = {"age": 36}


class Lineage:
    """Lets jobs end as an engine would let them."""

    def __init__(self, services: Services, operator: Principal, claim: Any, end: Any) -> None:
        self.services, self.operator, self._claim, self._end = services, operator, claim, end

    async def end(self, job: Job, rejected: list[int], passed: list[int], **counts: int) -> Job:
        """End a job that rejected these rows, and accepted these others unless its counts say more."""
        path = partial(path_of, self.services)
        if rejected:
            write_ledger(path(ledger_key(job.id)), [an_error(row) for row in rejected])
        resolved = path(resolved_key(job.id))
        resolved.parent.mkdir(parents=True, exist_ok=True)
        pl.DataFrame({"row": passed}, schema={"row": pl.Int64}).write_parquet(resolved)
        read = len(rejected) + len(passed)
        counted = {"read": read, "accepted": len(passed), "rejected": len(rejected), "warnings": 0} | counts
        claim = await self._claim(job)
        if passed:
            await self._end(claim, a_result(**counted))
        else:
            await self._end(claim, TaskFault("ALL_ROWS_REJECTED", "None.", "DATA", counts=counted))
        return await reread(self.services, job)

    async def correct(self, job: Job, *rows: int, key: str | None = None) -> Job:
        request = CorrectRequest(job.id, [Correction(row, AGE) for row in rows])
        return (await corrections.submit(self.services, self.operator, request, key)).job

    async def corrected(self, job: Job, rejected: list[int], passed: list[int], **counts: int) -> Job:
        """Correct rows of a job."""
        return await self.end(await self.correct(job, *rejected, *passed), rejected, passed, **counts)

    async def state(self, job: Job) -> tuple[JobStatus, int, int, bool]:
        """A job's status, its rows that were accepted and rejected, and whether it has errors."""
        now = await reread(self.services, job)
        counted = now.rows_accepted + now.rows_rejected + now.rows_filtered + now.rows_merged
        assert now.rows_read == counted
        return now.status, now.rows_accepted, now.rows_rejected, now.has_errors


@pytest.fixture
def lineage(services: Services, operator: Principal, claim: Any, end: Any) -> Lineage:
    return Lineage(services, operator, claim, end)


async def test_what_passes_counts_for_the_first_job_which_succeeds_with_its_last_row(
    services: Services, lineage: Lineage, submit: Any
) -> None:
    first = await lineage.end(await submit(), [2, 3], [1])
    assert await lineage.state(first) == ("PARTIAL", 1, 2, True)
    later = await lineage.corrected(first, [3], [2])
    assert (later.kind, later.status, later.retry_of_id) == (JobKind.CORRECTION, "PARTIAL", first.id)
    assert await lineage.state(first) == ("PARTIAL", 2, 1, True)
    last = await lineage.corrected(first, [], [3])
    assert await lineage.state(first) == ("SUCCEEDED", 3, 0, False)
    event = (await events_of(services, first))[-1]
    assert (event.type, event.status) == (JobEventType.STATUS, "SUCCEEDED")
    assert event.message == f"1 of its rejected rows passed in {last.id}."
    now = await reread(services, first)
    assert (now.last_event, now.finished_at, now.failure) == (event.seq, first.finished_at, None)


async def test_a_job_all_of_whose_rows_were_rejected_is_partial_with_the_first_that_passes(
    lineage: Lineage, submit: Any
) -> None:
    first = await lineage.end(await submit(mode=WriteMode.REPLACE), [1, 2, 3], [])
    assert await lineage.state(first) == ("FAILED", 0, 3, True)
    failed = await lineage.corrected(first, [1], [])
    second = await lineage.corrected(first, [], [2])
    now = await reread(lineage.services, first)
    assert (now.status, now.failure) == ("PARTIAL", None)
    third = await lineage.corrected(first, [], [3])
    fourth = await lineage.corrected(failed, [], [1])
    modes = [job.spec["sinks"][0]["dataset"]["mode"] for job in (failed, second, third, fourth)]
    assert modes == ["REPLACE", "REPLACE", "APPEND", "APPEND"]
    assert await lineage.state(first) == ("SUCCEEDED", 3, 0, False)


async def test_rows_are_taken_off_every_job_of_the_lineage_in_which_they_are_open(
    lineage: Lineage, submit: Any
) -> None:
    first = await lineage.end(await submit(), [2, 3, 4], [1])
    one = await lineage.corrected(first, [2, 3], [])
    two = await lineage.corrected(one, [2], [])
    three = await lineage.corrected(first, [4], [2])
    assert await lineage.state(first) == ("PARTIAL", 2, 2, True)
    assert await lineage.state(one) == ("PARTIAL", 1, 1, True)
    assert await lineage.state(two) == ("SUCCEEDED", 1, 0, False)
    assert await lineage.state(three) == ("PARTIAL", 1, 1, True)
    with pytest.raises(UserFault, match="ROW_NOT_OPEN"):
        await lineage.correct(one, 2)
    with pytest.raises(UserFault, match="NOT_CORRECTABLE"):
        await lineage.correct(two, 2)
    await lineage.corrected(one, [], [3])
    await lineage.corrected(three, [], [4])
    assert [await lineage.state(job) for job in (first, one, two, three)] == [
        ("SUCCEEDED", 4, 0, False),
        ("SUCCEEDED", 2, 0, False),
        ("SUCCEEDED", 1, 0, False),
        ("SUCCEEDED", 2, 0, False),
    ]


async def test_rows_that_were_merged_or_filtered_count_as_such(lineage: Lineage, submit: Any) -> None:
    first = await lineage.end(await submit(), [2, 3, 4, 5], [1])
    one = await lineage.corrected(first, [2, 3, 4], [])
    await lineage.corrected(first, [], [3, 4, 5], accepted=1, merged=1, filtered=1)
    now = await reread(lineage.services, first)
    assert (now.rows_accepted, now.rows_merged, now.rows_filtered, now.rows_rejected) == (2, 1, 1, 1)
    assert (await lineage.state(one))[2] == 1


async def test_jobs_know_what_of_their_input_was_committed_before(lineage: Lineage, submit: Any) -> None:
    first = await lineage.end(await submit(), [2, 3, 4], [1])
    one = await lineage.corrected(first, [3], [2])
    two = await lineage.corrected(one, [], [3])
    three = await lineage.correct(first, 4)
    assert (one.spec[RESOLVED_BY], one.spec[LINEAGE]) == ([], [first.id])
    assert (two.spec[RESOLVED_BY], two.spec[LINEAGE]) == ([], [first.id, one.id])
    assert (three.spec[RESOLVED_BY], three.spec[LINEAGE]) == ([one.id, two.id], [first.id, one.id, two.id])


async def test_one_job_at_a_time_is_at_the_rows_of_a_lineage(lineage: Lineage, submit: Any) -> None:
    first = await lineage.end(await submit(), [2, 3], [1])
    one = await lineage.corrected(first, [3], [])
    running = await lineage.correct(first, 2)
    replay = RetryRequest(first.id, RetryStrategy.FAILED_ROWS)
    again = RetryRequest(one.id, RetryStrategy.ALL)
    for attempt in (
        lineage.correct(first, 3),
        lineage.correct(one, 3),
        retries.retry(lineage.services, lineage.operator, replay),
        retries.retry(lineage.services, lineage.operator, again),
    ):
        with pytest.raises(UserFault, match="ROWS_TAKEN") as refusal:
            await attempt
        assert refusal.value.retryable
    await lineage.end(running, [2], [])
    await lineage.corrected(one, [], [3])
    assert await lineage.state(first) == ("PARTIAL", 2, 1, True)


async def test_of_corrections_that_come_at_the_same_time_one_is_accepted(
    lineage: Lineage, submit: Any
) -> None:
    first = await lineage.end(await submit(), [2, 3], [1])
    one = await lineage.corrected(first, [2, 3], [])
    attempts = [lineage.correct(job, row) for job in (first, one) for row in (2, 3, 2)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, UserFault)]
    accepted = [outcome for outcome in outcomes if isinstance(outcome, Job)]
    assert ([fault.code for fault in refused], len(accepted)) == (["ROWS_TAKEN"] * 5, 1)
    await lineage.end(accepted[0], [], [2])
    assert await lineage.state(first) == ("PARTIAL", 2, 1, True)


async def test_a_retry_of_corrections_that_failed_is_for_the_same_job(
    lineage: Lineage, submit: Any, claim: Any, end: Any
) -> None:
    first = await lineage.end(await submit(), [2], [1])
    failed = await lineage.correct(first, 2)
    await end(await claim(failed), FAULT)
    assert await lineage.state(first) == ("PARTIAL", 1, 1, True)
    again = (await retries.retry(lineage.services, lineage.operator, RetryRequest(failed.id))).job
    assert (again.kind, again.resolves_id, again.retry_of_id) == (JobKind.CORRECTION, first.id, failed.id)
    task = await task_of(lineage.services, await claim(again), path_of(lineage.services, "scratch"))
    assert task["source"]["object"]["path"].endswith(f"inputs/{failed.id}")
    assert task["source"]["corrections"]["of"]["ledger"]["path"].endswith(ledger_key(first.id))


async def test_corrections_of_rows_that_were_read_again_resolve_both_jobs(
    lineage: Lineage, submit: Any
) -> None:
    first = await lineage.end(await submit(), [2, 3], [1])
    replay = RetryRequest(first.id, RetryStrategy.FAILED_ROWS)
    second = (await retries.retry(lineage.services, lineage.operator, replay)).job
    second = await lineage.end(second, [3], [2])
    assert await lineage.state(first) == ("PARTIAL", 2, 1, True)
    await lineage.corrected(second, [], [3])
    assert await lineage.state(second) == ("SUCCEEDED", 2, 0, False)
    assert await lineage.state(first) == ("SUCCEEDED", 3, 0, False)


async def test_a_batch_succeeds_when_the_last_row_of_its_items_passes(lineage: Lineage) -> None:
    items = [IngestRequest(dataset=name, text="a\n1\n", format=FileFormat.CSV) for name in "ab"]
    batch = await batch_ingest.submit(lineage.services, lineage.operator, BatchRequest(items))
    assert batch.job is not None
    one, two = [item.job for item in batch.items if item.job is not None]
    one, two = await lineage.end(one, [2, 3], [1]), await lineage.end(two, [1], [])
    before = await reread(lineage.services, batch.job)
    assert (before.status, before.rows_read, before.rows_rejected) == ("PARTIAL", 4, 3)
    await lineage.corrected(one, [], [2, 3])
    assert await lineage.state(batch.job) == ("PARTIAL", 3, 1, False)
    await lineage.corrected(two, [], [1])
    assert await lineage.state(batch.job) == ("SUCCEEDED", 4, 0, False)
    events = await events_of(lineage.services, batch.job)
    after = await reread(lineage.services, batch.job)
    assert (events[-1].status, events[-1].seq) == ("SUCCEEDED", after.last_event)
    assert [event.seq for event in events] == list(range(1, after.last_event + 1))
    assert after.finished_at == before.finished_at


async def test_a_retried_batch_reads_no_item_again_whose_good_rows_are_there_and_whose_errors_are_gone(
    lineage: Lineage,
) -> None:
    items = [IngestRequest(dataset=name, text="a\n1\n", format=FileFormat.CSV) for name in "ab"]
    batch = (await batch_ingest.submit(lineage.services, lineage.operator, BatchRequest(items))).job
    assert batch is not None
    one, two = [await jobs.require_job(lineage.services, item["job"]) for item in batch.spec["items"]]
    await lineage.end(one, [2], [1])
    await forget_errors(lineage.services, days=1e-9)
    await lineage.end(two, [2], [1])
    request = RetryRequest(batch.id, RetryStrategy.FAILED_ROWS)
    again = (await retries.retry(lineage.services, lineage.operator, request)).job
    [child] = [await jobs.require_job(lineage.services, item["job"]) for item in again.spec["items"]]
    assert (child.retry_of_id, child.resolves_id) == (two.id, two.id)


async def test_a_job_whose_errors_are_gone_gets_none_back(lineage: Lineage, submit: Any) -> None:
    first = await lineage.end(await submit(), [2, 3, 4], [1])
    later = await lineage.corrected(first, [2, 3], [])
    async with lineage.services.database.transaction() as session:
        (await session.get_one(Job, first.id)).finished_at = utc_now() - timedelta(days=2)
    await forget_errors(lineage.services, days=1)
    await lineage.corrected(later, [], [2])
    assert await lineage.state(later) == ("PARTIAL", 1, 1, True)
    assert await lineage.state(first) == ("PARTIAL", 2, 2, False)
