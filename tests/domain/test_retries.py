"""What did not go well is tried again by hand: a new job that is linked to the old one."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headgate.domain import batch_ingest, cancellation, files, jobs, retries
from headgate.domain.acceptance import input_key
from headgate.domain.batch_ingest import BatchRequest
from headgate.domain.endings import Halt
from headgate.domain.ingest import IngestRequest, WriteMode
from headgate.domain.permissions import Principal
from headgate.domain.ports import TaskFault
from headgate.domain.retries import JobAction, RetryRequest, RetryStrategy
from headgate.domain.retry_policy import RetryPolicy
from headgate.domain.row_errors import ledger_key
from headgate.domain.services import Services
from headgate.domain.tasks import task_of
from headgate.errors import UserFault
from headgate.storage.formats import FileFormat
from headgate.storage.ids import new_id
from headgate.storage.tables import CancelMode, Job, JobKind, JobStatus, Priority, Role, utc_now
from tests.domain.outcomes import FAULT, a_result, no_bad_rows, reread

ALL, FAILED_ROWS = RetryStrategy.ALL, RetryStrategy.FAILED_ROWS
SCRATCH = Path("/scratch")
TOO_MANY = TaskFault("TOO_MANY_REJECTED", "Too many.", "DATA", counts={"read": 9, "rejected": 9})


async def again(services: Services, operator: Principal, job: Job, *args: Any, **values: Any) -> Job:
    accepted = await retries.retry(services, operator, RetryRequest(job.id, *args, **values))
    assert not accepted.replayed
    return await reread(services, accepted.job)


@pytest.mark.parametrize("outcome", [FAULT, Halt.CANCELED])
async def test_a_job_without_effect_is_tried_again_as_a_whole_under_a_new_id(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any, outcome: Any
) -> None:
    policy = RetryPolicy(max_attempts=7)
    job = await submit(
        mode=WriteMode.UPSERT, keys=["a"], priority=Priority.HIGH, retry=policy, spec={"timeoutSeconds": 9.0}
    )
    await end(await claim(job), outcome)

    new = await again(services, operator, job)

    assert (new.status, new.attempts, new.retry_of_id) == (JobStatus.QUEUED, 0, job.id)
    assert (new.dataset_id, new.priority, new.kind) == (job.dataset_id, Priority.HIGH, JobKind.INGEST)
    assert new.spec["sinks"] == job.spec["sinks"]
    assert (RetryPolicy.of(new.spec), new.spec["timeoutSeconds"]) == (policy, 9)
    assert "replay" not in new.spec


async def test_a_retry_may_have_another_priority_policy_and_time_limit(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit()
    await end(await claim(job), FAULT)
    policy = RetryPolicy(max_attempts=9)
    new = await again(
        services,
        operator,
        job,
        priority=Priority.LOW,
        spec={"retry": policy.to_json(), "timeoutSeconds": 2.5},
    )
    assert (new.priority, RetryPolicy.of(new.spec), new.spec["timeoutSeconds"]) == (Priority.LOW, policy, 2.5)


async def test_a_text_is_read_by_all_retries_from_where_the_first_job_left_it(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any
) -> None:
    first = await submit()
    job = first
    for _ in range(2):
        await end(await claim(job), FAULT)
        job = await again(services, operator, job)
    source = (await task_of(services, await claim(job), SCRATCH))["source"]
    assert source == {
        "object": services.store.location(input_key(first.id)).to_json(),
        "format": "CSV",
        "dialect": None,
    }
    assert await services.store.exists(input_key(first.id))


async def test_a_file_is_read_again(
    services: Services, operator: Principal, arrive: Any, submit: Any, claim: Any, end: Any
) -> None:
    file = await files.receive(services, operator, await arrive())
    job = await submit(file_id=file.id)
    await end(await claim(job), FAULT)
    new = await again(services, operator, job)
    assert new.file_id == file.id
    assert (await task_of(services, await claim(new), SCRATCH))["source"]["object"]["path"].endswith(file.id)


async def test_only_the_rejected_rows_of_a_job_that_went_well_otherwise_are_read_again(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit()
    await end(await claim(job), a_result())

    new = await again(services, operator, job, FAILED_ROWS)

    assert new.resolves_id == job.id
    task = await task_of(services, await claim(new), SCRATCH)
    assert task["replay"] == {"ledger": services.store.location(ledger_key(job.id)).to_json(), "resolved": []}
    assert task["lineage"] == [job.id]


async def test_rejected_rows_do_not_replace_the_good_rows_of_their_job(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any
) -> None:
    for mode, expected in ((WriteMode.REPLACE, WriteMode.APPEND), (WriteMode.APPEND, WriteMode.APPEND)):
        job = await submit(mode=mode)
        await end(await claim(job), a_result())
        new = await again(services, operator, job, FAILED_ROWS)
        assert new.spec["sinks"][0]["dataset"]["mode"] == expected


async def test_a_job_that_failed_is_read_as_a_whole_as_none_of_its_rows_got_in(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit()
    await end(await claim(job), TOO_MANY)
    assert (await again(services, operator, job, FAILED_ROWS)).resolves_id is None


async def test_a_replay_that_failed_is_tried_again_as_the_same_replay(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit()
    await end(await claim(job), a_result())
    replay = await again(services, operator, job, FAILED_ROWS)
    await end(await claim(replay), FAULT)
    assert (await again(services, operator, replay)).resolves_id == job.id


@pytest.mark.parametrize(
    ("outcome", "strategy", "reason"),
    [
        (None, ALL, "not ended yet: it is QUEUED"),
        (None, FAILED_ROWS, "not ended yet"),
        (no_bad_rows(), ALL, "already"),
        (no_bad_rows(), FAILED_ROWS, "No row"),
        (a_result(), ALL, "already"),
    ],
)
async def test_what_cannot_be_tried_again_is_refused_with_the_reason(
    services: Services,
    operator: Principal,
    submit: Any,
    claim: Any,
    end: Any,
    outcome: Any,
    strategy: RetryStrategy,
    reason: str,
) -> None:
    job = await submit()
    if outcome is not None:
        await end(await claim(job), outcome)
    with pytest.raises(UserFault, match=reason) as refusal:
        await again(services, operator, job, strategy)
    assert (refusal.value.code, refusal.value.path) == ("NOT_RETRYABLE", ("jobId",))


async def test_only_operators_retry_and_only_in_a_way_that_makes_sense(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit()
    await end(await claim(job), FAULT)
    viewer = replace(operator, role=Role.VIEWER)
    for principal, request, code in (
        (viewer, RetryRequest(job.id), "FORBIDDEN"),
        (operator, RetryRequest(new_id("job")), "NOT_FOUND"),
        (operator, RetryRequest(new_id("file")), "INVALID_ID"),
        (operator, RetryRequest(job.id, spec={"timeoutSeconds": 0}), "INVALID_SPEC"),
        (operator, RetryRequest(job.id, spec={"retry": {"maxAttempts": 0}}), "INVALID_SPEC"),
    ):
        with pytest.raises(UserFault, match=code):
            await retries.retry(services, principal, request)


@pytest.mark.parametrize("strategy", list(RetryStrategy))
async def test_a_retried_batch_takes_the_items_that_are_left(
    services: Services, operator: Principal, claim: Any, end: Any, strategy: RetryStrategy
) -> None:
    items = [IngestRequest(dataset=name, text="a\n1\n", format=FileFormat.CSV) for name in "abcd"]
    batch = await batch_ingest.submit(services, operator, BatchRequest(items))
    assert batch.job is not None
    well, partial, failed, canceled = [item.job for item in batch.items if item.job is not None]
    await end(await claim(failed), TOO_MANY)
    await cancellation.cancel(services, operator, canceled.id, CancelMode.SAFE)
    await end(await claim(partial), Halt.CANCELED if strategy is ALL else a_result())
    await end(await claim(well), Halt.CANCELED if strategy is ALL else no_bad_rows())

    new = await again(services, operator, batch.job, strategy)

    assert (new.kind, new.retry_of_id, new.status) == (JobKind.BATCH, batch.job.id, JobStatus.QUEUED)
    children = [await jobs.require_job(services, item["job"]) for item in new.spec["items"]]
    expected = [well, partial, failed, canceled] if strategy is ALL else [partial, failed, canceled]
    assert [child.retry_of_id for child in children] == [old.id for old in expected]
    assert [(child.parent_id, child.position) for child in children] == [
        (new.id, position) for position in range(len(expected))
    ]
    resolved = [child.resolves_id for child in children]
    assert resolved == ([None] * 4 if strategy is ALL else [partial.id, None, None])


async def test_what_may_be_done_with_a_job_is_told(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any
) -> None:
    waiting, failed, partial, well = [await submit() for _ in range(4)]
    await end(await claim(failed), FAULT)
    await end(await claim(partial), a_result())
    await end(await claim(well), no_bad_rows())

    async def allowed(job: Job, principal: Principal = operator) -> set[JobAction]:
        states = retries.actions(principal, await reread(services, job))
        assert [state.action for state in states] == list(JobAction)
        return {state.action for state in states if state.allowed}

    assert await allowed(waiting) == {JobAction.CANCEL}
    assert await allowed(failed) == {JobAction.RETRY}
    assert await allowed(partial) == {JobAction.RETRY, JobAction.CORRECT}
    assert await allowed(well) == set()
    viewer = Principal(operator.user_id, Role.VIEWER, utc_now())
    assert await allowed(waiting, viewer) == await allowed(failed, viewer) == set()
