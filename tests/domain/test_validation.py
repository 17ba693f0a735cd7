"""A check of data is a job like any other, but for what it writes."""

from pathlib import Path
from typing import Any

import pytest

from headgate.domain import datasets, results, retries, validation
from headgate.domain.acceptance import input_key
from headgate.domain.datasets import DatasetFilter
from headgate.domain.permissions import Principal
from headgate.domain.ports import TaskFault
from headgate.domain.retries import RetryRequest
from headgate.domain.services import Services
from headgate.domain.tasks import settlement_of, task_of
from headgate.domain.validation import ValidateRequest
from headgate.errors import UserFault
from headgate.storage.formats import FileFormat
from headgate.storage.tables import Job, JobKind, JobStatus, Priority, ResultKind, Role, utc_now
from tests.domain.outcomes import DEATH, FAULT, reread
from tests.services import path_of

TEXT: dict[str, Any] = {"text": "a\n1\n", "format": FileFormat.CSV}
RULES: dict[str, Any] = {
    "contract": {"columns": [{"name": "a", "type": "INTEGER"}]},
    "checks": [{"range": {"columns": ["a"], "max": 1}}],
}
COUNTS = {"read": 3, "accepted": 2, "rejected": 1, "filtered": 0, "merged": 0, "warnings": 1}
REPORT = {"passed": False, "issues": 2, "rules": [{"code": "RANGE", "count": 2}]}
ANSWER = {"counts": COUNTS, "errors": 2, "report": REPORT}


@pytest.fixture
def validate(services: Services, operator: Principal) -> Any:
    async def validate(**values: Any) -> Job:
        request = ValidateRequest(**(TEXT | {"rules": RULES} | values))
        return (await validation.submit(services, operator, request)).job

    return validate


async def test_a_validation_is_a_job_that_writes_to_no_dataset(
    services: Services, validate: Any, claim: Any
) -> None:
    job = await validate(priority=Priority.HIGH)
    assert (job.kind, job.dataset_id, job.priority) == (JobKind.VALIDATE, None, Priority.HIGH)
    held = await claim(job)
    task = await task_of(services, held, Path("/scratch"))
    assert (task["task"], task["rules"]) == ("validate", RULES)
    assert "dataset" not in task
    assert settlement_of(services, held) is None
    assert await datasets.total(services, DatasetFilter()) == 0


async def test_its_result_holds_what_was_found(
    services: Services, validate: Any, claim: Any, end: Any
) -> None:
    job = await validate()
    await end(await claim(job), ANSWER)
    ended = await reread(services, job)
    assert (ended.status, ended.warnings, ended.has_errors) == (JobStatus.PARTIAL, 1, True)
    [result] = (await results.of_jobs(services, [job.id])).values()
    assert (result.kind, result.dataset_id, result.created_by_id) == (
        ResultKind.VALIDATION,
        None,
        job.created_by_id,
    )
    assert result.data == {**REPORT, "counts": COUNTS}


async def test_counts_that_do_not_add_up_fail_it(
    services: Services, validate: Any, claim: Any, end: Any
) -> None:
    job = await validate()
    await end(await claim(job), {**ANSWER, "counts": {**COUNTS, "accepted": 1}})
    ended = await reread(services, job)
    assert (ended.status, (ended.failure or {})["code"]) == (JobStatus.FAILED, "COUNTS_MISMATCH")
    told = (await results.of_jobs(services, [job.id]))[job.id]
    assert (told.kind, told.data["failure"]["code"]) == (ResultKind.SUMMARY, "COUNTS_MISMATCH")


async def test_whoever_may_look_may_validate(services: Services, operator: Principal) -> None:
    viewer = Principal(operator.user_id, Role.VIEWER, utc_now())
    accepted = await validation.submit(services, viewer, ValidateRequest(**TEXT))
    assert accepted.job.status is JobStatus.QUEUED


async def test_a_key_stands_for_one_validation(services: Services, operator: Principal) -> None:
    request = ValidateRequest(**TEXT, rules=RULES)
    first, again = [await validation.submit(services, operator, request, "key") for _ in range(2)]
    assert (again.job.id, again.replayed) == (first.job.id, True)
    with pytest.raises(UserFault, match="IDEMPOTENCY_MISMATCH"):
        await validation.submit(services, operator, ValidateRequest(**TEXT), "key")


async def test_rules_that_make_no_sense_are_refused_before_anything_is_kept(
    services: Services, validate: Any
) -> None:
    with pytest.raises(UserFault) as fault:
        await validate(rules={"checks": [{"range": {"columns": ["a"]}}]})
    assert (fault.value.code, fault.value.path) == ("INVALID_SPEC", ("checks", "0", "range"))
    inputs = path_of(services, "inputs")
    assert not inputs.exists() or not list(inputs.iterdir())


async def test_one_that_failed_is_tried_again_by_the_same_rules(
    services: Services, operator: Principal, validate: Any, claim: Any, end: Any
) -> None:
    job = await validate()
    await end(await claim(job), TaskFault("INVALID_FILE", "No.", "DATA"))
    again = (await retries.retry(services, operator, RetryRequest(job.id))).job
    assert (again.kind, again.retry_of_id) == (JobKind.VALIDATE, job.id)
    task = await task_of(services, await claim(again), Path("/scratch"))
    assert (task["task"], task["rules"]) == ("validate", RULES)
    assert task["source"]["object"] == services.store.location(input_key(job.id)).to_json()


async def test_other_rules_may_be_tried(
    services: Services, operator: Principal, validate: Any, claim: Any, end: Any
) -> None:
    job = await validate()
    await end(await claim(job), FAULT)
    changed = RetryRequest(job.id, spec={"checks": []})
    again = (await retries.retry(services, operator, changed)).job
    task = await task_of(services, await claim(again), Path("/scratch"))
    assert task["rules"] == {"contract": RULES["contract"], "checks": []}


async def test_one_that_ended_well_is_not_tried_again(
    services: Services, operator: Principal, validate: Any, claim: Any, end: Any
) -> None:
    job = await validate()
    await end(await claim(job), ANSWER)
    for strategy in retries.RetryStrategy:
        with pytest.raises(UserFault, match="NOT_RETRYABLE"):
            await retries.retry(services, operator, RetryRequest(job.id, strategy))


async def test_one_whose_process_died_runs_again(
    services: Services, validate: Any, claim: Any, end: Any
) -> None:
    job = await validate()
    await end(await claim(job), DEATH)
    assert (await reread(services, job)).status is JobStatus.RETRYING
