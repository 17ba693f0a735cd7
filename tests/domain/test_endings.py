"""An attempt ends once, for who holds its lease; a job is closed, or waits for its next attempt."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import select

from headgate.domain import datasets, endings, jobs, recovery, runs
from headgate.domain.endings import Ending, Halt, Outcome, Unsettled
from headgate.domain.ports import TaskFault, TimedOut
from headgate.domain.ranking import wake_up
from headgate.domain.retry_policy import RetryPolicy
from headgate.domain.services import Services
from headgate.storage.tables import CancelMode, Job, JobEventType, JobStatus, Result, utc_now
from tests.domain.outcomes import (
    DEATH,
    EXPIRED_S,
    FAULT,
    OUTAGE,
    a_result,
    events_of,
    no_bad_rows,
    reread,
)

AT_ONCE = RetryPolicy(max_attempts=10, initial_delay_s=0)


async def order(services: Services, job: Job, mode: CancelMode = CancelMode.SAFE) -> None:
    async with services.database.transaction() as session:
        (await session.get_one(Job, job.id)).cancel = mode


async def test_a_closed_job_stays_closed(services: Services, submit: Any, claim: Any, end: Any) -> None:
    job = await submit()
    held = await claim(job)
    assert await end(held, a_result()) == set()
    assert await end(held, FAULT) == {job.id}
    assert await runs.claim(services, [job.id], "host:2:a", 30) == {}
    assert (await reread(services, job)).status is JobStatus.PARTIAL


async def test_an_attempt_that_is_ended_twice_in_one_go_ends_as_it_did_first(
    services: Services, submit: Any, claim: Any
) -> None:
    job = await submit()
    held = await claim(job)
    both = [Ending(held, no_bad_rows()), Ending(held, Halt.INTERRUPTED)]
    await endings.close(services, both)
    assert (await reread(services, job)).status is JobStatus.SUCCEEDED


@pytest.mark.parametrize("is_first", [True, False])
async def test_who_lost_the_lease_ends_nothing_beside_who_holds_it(
    services: Services, submit: Any, claim: Any, is_first: bool
) -> None:
    job = await submit()
    lost = await claim(job, lease_s=EXPIRED_S)
    await recovery.take_back(services, lambda worker: False)
    held = await claim(job)
    stale, fresh = Ending(lost, FAULT), Ending(held, no_bad_rows())

    await endings.close(services, [stale, fresh] if is_first else [fresh, stale])

    job = await reread(services, job)
    assert (job.status, job.failures) == (JobStatus.SUCCEEDED, 0)


async def test_many_attempts_end_at_once_each_in_its_own_way(
    services: Services, submit: Any, claim: Any
) -> None:
    claims = [await claim(await submit()) for _ in range(5)]
    outcomes: list[Outcome] = [no_bad_rows(0), a_result(1), FAULT, Halt.CANCELED, Halt.INTERRUPTED]
    stranger = replace(claims[0], job=await submit())

    ended = [Ending(claim, outcome) for claim, outcome in zip(claims, outcomes, strict=True)]
    assert await endings.close(services, [*ended, Ending(stranger, FAULT)]) == {stranger.job_id}

    assert [(await reread(services, claim.job)).status for claim in claims] == [
        JobStatus.SUCCEEDED,
        JobStatus.PARTIAL,
        JobStatus.FAILED,
        JobStatus.CANCELED,
        JobStatus.RETRYING,
    ]
    assert (await reread(services, stranger.job)).status is JobStatus.QUEUED


async def test_workers_that_close_jobs_of_the_same_datasets_at_once_do_not_hinder_each_other(
    services: Services, submit: Any, claim: Any
) -> None:
    rounds = [
        [await claim(await submit(name)) for name in names]
        for names in (["a", "b", "c"], ["c", "b", "a"]) * 3
    ]

    async def close(version: int, claims: list[Any]) -> set[str]:
        return await endings.close(services, [Ending(claim, a_result(version)) for claim in claims])

    lost = await asyncio.gather(*(close(number, claims) for number, claims in enumerate(rounds)))

    assert lost == [set()] * len(rounds)
    found = [await datasets.get(services, name) for name in "abc"]
    assert [dataset and dataset.version for dataset in found] == [len(rounds) - 1] * 3


async def test_a_job_that_succeeds_records_counts_version_and_result_at_once(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit()
    await end(await claim(job), a_result(version=7))

    job = await reread(services, job)
    dataset = await datasets.get(services, "sales")
    async with services.database.read() as session:
        result = (await session.scalars(select(Result).where(Result.job_id == job.id))).one()
    assert dataset is not None
    assert (job.status, job.rows_read, job.rows_rejected, job.warnings) == (JobStatus.PARTIAL, 3, 1, 4)
    assert job.progress["fraction"] == 1
    assert job.finished_at is not None
    assert job.dataset_version == dataset.version == result.dataset_version == 7
    assert (dataset.row_count, dataset.columns) == (2, [{"name": "a"}])
    [attempt] = (await jobs.attempts_of(services, [job.id]))[job.id]
    assert attempt.status is JobStatus.PARTIAL


@pytest.mark.parametrize(
    ("outcome", "has_errors"),
    [
        (a_result(accepted=3, rejected=0, warnings=0), False),
        (a_result(accepted=3, rejected=0, warnings=0) | {"errors": 2}, True),
        (a_result(), True),
        (a_result() | {"errors": 0}, False),
        (TaskFault("X", "x", "DATA", details={"errors": 1}), True),
        (TaskFault("X", "x", "DATA", counts={"read": 1, "rejected": 1}), True),
        (TaskFault("X", "x", "DATA"), False),
    ],
)
async def test_a_job_has_errors_where_its_ledger_holds_some(
    services: Services, submit: Any, claim: Any, end: Any, outcome: Outcome, has_errors: bool
) -> None:
    job = await submit()
    await end(await claim(job), outcome)
    assert (await reread(services, job)).has_errors is has_errors


async def test_rejected_rows_are_told_before_the_last_status(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit()
    await end(await claim(job), a_result())
    *_, errors, last = await events_of(services, job)
    assert (errors.type, errors.message) == (JobEventType.ERRORS, "Rejected rows: 1.")
    assert (last.type, last.status) == (JobEventType.STATUS, JobStatus.PARTIAL)
    assert last.progress == (await reread(services, job)).progress


async def test_a_finished_job_tells_its_pace_over_the_whole_run(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit()
    held = await claim(job)
    async with services.database.transaction() as session:
        row = await session.get_one(Job, job.id)
        row.started_at = utc_now() - timedelta(seconds=60)
    await end(held, a_result(read=600, accepted=599))

    progress = (await reread(services, job)).progress
    assert progress["rows_per_second"] == pytest.approx(10, rel=0.2)
    assert progress["eta_seconds"] == 0


@pytest.mark.parametrize("ending", [FAULT, OUTAGE, Halt.INTERRUPTED, Halt.CANCELED, "silence"])
async def test_a_job_that_was_stopped_tells_no_time_left(
    services: Services, submit: Any, claim: Any, end: Any, ending: Any
) -> None:
    job = await submit()
    held = await claim(job, lease_s=EXPIRED_S)
    figures = {"stage": "writing", "rows_per_second": 5.0, "eta_seconds": 7.0}
    await runs.progress(services, [(held, figures)], with_totals=False)
    if ending == "silence":
        await recovery.take_back(services, lambda worker: False)
    else:
        await end(held, ending)

    assert (await reread(services, job)).progress == figures | {"eta_seconds": None}


async def test_a_job_without_rejected_rows_is_succeeded(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit()
    await end(await claim(job), no_bad_rows())
    assert (await reread(services, job)).status is JobStatus.SUCCEEDED
    assert JobEventType.ERRORS not in [event.type for event in await events_of(services, job)]


async def test_a_job_whose_counts_do_not_add_up_fails(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit()
    await end(await claim(job), a_result(read=99))
    job = await reread(services, job)
    assert job.failure is not None
    assert (job.status, job.failure["code"]) == (JobStatus.FAILED, "COUNTS_MISMATCH")
    assert job.failure["details"]["counts"]["read"] == 99


async def test_a_failed_job_keeps_the_reason_and_what_it_had_counted(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit()
    counts = {"read": 5, "rejected": 4}
    fault = TaskFault(
        "TOO_MANY_REJECTED", "Too many.", "DATA", details={"limit": 1}, counts=counts, step="steps.2.derive"
    )
    await end(await claim(job), fault)

    job = await reread(services, job)
    assert (job.status, job.rows_read, job.rows_rejected) == (JobStatus.FAILED, 5, 4)
    assert job.failure == {
        "code": "TOO_MANY_REJECTED",
        "category": "DATA",
        "message": "Too many.",
        "retryable": False,
        "details": {"limit": 1},
        "step": "steps.2.derive",
    }
    [attempt] = (await jobs.attempts_of(services, [job.id]))[job.id]
    assert (attempt.status, attempt.failure) == (JobStatus.FAILED, job.failure)


async def test_a_dataset_never_goes_back_to_an_older_version(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    first, second = await claim(await submit()), await claim(await submit())
    await end(second, a_result(version=1))
    await end(first, a_result(version=0))
    dataset = await datasets.get(services, "sales")
    assert dataset is not None
    assert dataset.version == 1


async def test_of_many_commits_at_once_a_dataset_shows_the_newest(
    services: Services, submit: Any, claim: Any
) -> None:
    claims = [await claim(await submit()) for _ in range(3)]
    ended = [Ending(claims[n], a_result(version)) for n, version in enumerate((1, 2, 0))]
    await endings.close(services, ended)
    dataset = await datasets.get(services, "sales")
    assert dataset is not None
    assert dataset.version == 2
    assert [(await reread(services, claim.job)).dataset_version for claim in claims] == [1, 2, 0]


async def test_events_are_numbered_without_a_gap(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit()
    held = await claim(job)
    await runs.progress(services, [(held, {"stage": "reading", "rows_read": 1})], with_totals=False)
    await end(held, Halt.INTERRUPTED)
    await end(await claim(job), a_result())

    events = await events_of(services, job)

    assert [event.seq for event in events] == [1, 2, 3, 4, 5, 6, 7]
    assert [event.status for event in events if event.type is JobEventType.STATUS] == [
        JobStatus.QUEUED,
        JobStatus.RUNNING,
        JobStatus.RETRYING,
        JobStatus.RUNNING,
        JobStatus.PARTIAL,
    ]
    assert (await reread(services, job)).last_event == 7


async def test_a_job_that_was_handed_back_is_due_at_once_and_has_not_failed(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit()
    await end(await claim(job), Halt.INTERRUPTED)
    waiting = await reread(services, job)
    assert (waiting.status, waiting.failures, waiting.lease_expires_at) == (JobStatus.RETRYING, 0, None)
    assert (await claim(job)).attempt == 2


async def test_a_job_whose_system_failed_waits_as_its_policy_says(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit(retry=RetryPolicy(max_attempts=2, initial_delay_s=100))
    await end(await claim(job), OUTAGE)

    waiting = await reread(services, job)
    wait_s = (waiting.due_at - utc_now()).total_seconds()
    assert (waiting.status, waiting.failures, waiting.failure) == (JobStatus.RETRYING, 1, None)
    assert 40 < wait_s <= 100
    assert wake_up(waiting).at == waiting.due_at
    assert await runs.claim(services, [job.id], "host:1:a", 30) == {}
    [attempt] = (await jobs.attempts_of(services, [job.id]))[job.id]
    assert attempt.failure is not None
    assert (attempt.status, attempt.failure["code"]) == (JobStatus.FAILED, "OUTAGE")


async def test_a_job_fails_with_the_last_of_the_attempts_that_its_policy_allows(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit(retry=AT_ONCE.model_copy(update={"max_attempts": 3}))
    for expected in (JobStatus.RETRYING, JobStatus.RETRYING, JobStatus.FAILED):
        await end(await claim(job), OUTAGE)
        assert (await reread(services, job)).status is expected
    assert (await reread(services, job)).failure == OUTAGE.to_json()


async def test_three_crashes_end_a_job_whatever_its_policy_says(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit(retry=AT_ONCE)
    for outcome in (DEATH, OUTAGE, DEATH):
        await end(await claim(job), outcome)
        assert (await reread(services, job)).status is JobStatus.RETRYING
    await end(await claim(job), DEATH)
    job = await reread(services, job)
    assert (job.status, job.failures, job.crashes) == (JobStatus.FAILED, 4, 3)
    assert job.failure is not None
    assert job.failure["code"] == DEATH.code
    assert job.failure["details"]["crashes"] == 3
    assert "not run again by itself" in job.failure["message"]


async def test_an_attempt_that_took_too_long_is_a_failure_and_no_crash(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit(retry=AT_ONCE)
    for _ in range(4):
        await end(await claim(job), TimedOut("TIMED_OUT", "Too long.", "SYSTEM", retryable=True))
    job = await reread(services, job)
    assert (job.status, job.failures, job.crashes) == (JobStatus.RETRYING, 4, 0)


async def test_lost_workers_and_interruptions_do_not_count_against_a_job(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit(retry=AT_ONCE.model_copy(update={"max_attempts": 2}))
    for _ in range(4):
        await claim(job, lease_s=EXPIRED_S)
        await recovery.take_back(services, lambda worker: False)
        await end(await claim(job), Halt.INTERRUPTED)
    await end(await claim(job), OUTAGE)
    waiting = await reread(services, job)
    assert (waiting.status, waiting.attempts, waiting.failures, waiting.crashes) == (
        JobStatus.RETRYING,
        9,
        1,
        0,
    )


async def test_a_commit_that_came_before_the_order_to_stop_stays_done(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit()
    held = await claim(job)
    await order(services, job, CancelMode.FORCE)
    await end(held, no_bad_rows())
    assert (await reread(services, job)).status is JobStatus.SUCCEEDED


async def test_a_job_that_fails_while_it_is_to_stop_is_canceled_and_its_attempt_says_why(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit(retry=AT_ONCE)
    held = await claim(job)
    await order(services, job)
    await end(held, OUTAGE)
    ended = await reread(services, job)
    [attempt] = (await jobs.attempts_of(services, [job.id]))[job.id]
    assert (ended.status, attempt.status) == (JobStatus.CANCELED, JobStatus.CANCELED)
    assert attempt.failure == OUTAGE.to_json()


async def test_a_job_that_may_have_committed_is_not_canceled_before_that_is_found_out(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit(retry=AT_ONCE)
    held = await claim(job)
    await order(services, job)
    await end(held, Unsettled())
    assert (await reread(services, job)).status is JobStatus.RETRYING
    await end(await claim(job), no_bad_rows())
    assert (await reread(services, job)).status is JobStatus.SUCCEEDED


async def test_what_is_not_known_to_be_committed_is_looked_into_again_beyond_the_policy(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit(retry=AT_ONCE.model_copy(update={"max_attempts": 1}))
    await end(await claim(job), Unsettled())
    assert (await reread(services, job)).status is JobStatus.RETRYING
    await end(await claim(job), no_bad_rows())
    assert (await reread(services, job)).status is JobStatus.SUCCEEDED
