"""Corrections are checked before they are accepted, and their job knows what of the first one goes for it."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headgate.domain import batch_ingest, cancellation, corrections, files, validation
from headgate.domain.acceptance import Accepted, input_key
from headgate.domain.batch_ingest import BatchRequest
from headgate.domain.corrections import MAX_CORRECTIONS, Correction, CorrectRequest
from headgate.domain.ingest import IngestRequest
from headgate.domain.ledgers import ledger_key
from headgate.domain.permissions import Principal
from headgate.domain.retention import forget_errors
from headgate.domain.retries import JobAction, actions
from headgate.domain.services import Services
from headgate.domain.tasks import task_of
from headgate.errors import UserFault
from headgate.storage.formats import FileFormat
from headgate.storage.ids import new_id
from headgate.storage.tables import CancelMode, Job, JobKind, Role
from tests.domain.ledgers import an_error, write_ledger
from tests.domain.outcomes import FAULT, a_result, no_bad_rows, reread
from tests.services import path_of

AGE = {"age": 36}


@pytest.fixture
def partial(services: Services, submit: Any, claim: Any, end: Any) -> Any:
    """Make a job whose rows 2 and 3 were rejected, and whose row 4 has a warning."""

    async def partial(**values: Any) -> Job:
        job = await submit(**values)
        errors = [an_error(2), an_error(3), an_error(4, severity="WARNING"), an_error(None, code="SCHEMA")]
        write_ledger(path_of(services, ledger_key(job.id)), errors)
        await end(await claim(job), a_result(read=4, accepted=2, rejected=2))
        return await reread(services, job)

    return partial


@pytest.fixture
def correct(services: Services, operator: Principal) -> Any:
    """Ask for corrections of a job, by row."""

    async def correct(job: Job, given: Any, *, key: str | None = None, **values: Any) -> Accepted:
        listed = [Correction(row, each) for row, each in given] if given is not None else None
        request = CorrectRequest(job.id, listed, **values)
        return await corrections.submit(services, operator, request, key)

    return correct


REFUSED: list[tuple[Any, str, tuple[str, ...]]] = [
    ([], "INVALID_CORRECTIONS", ()),
    ([(row, AGE) for row in range(MAX_CORRECTIONS + 1)], "INVALID_CORRECTIONS", ()),
    ([(2, AGE), (2, AGE)], "INVALID_CORRECTIONS", ("1", "row")),
    ([(2, {})], "INVALID_CORRECTIONS", ("0", "values")),
    ([(2, [1])], "INVALID_CORRECTIONS", ("0", "values")),
    ([(2, None)], "INVALID_CORRECTIONS", ("0", "values")),
    ([(2, "age")], "INVALID_CORRECTIONS", ("0", "values")),
    ([(2, {"age": 2**70})], "INVALID_CORRECTIONS", ("0", "values")),
    ([(2, {"age": "\ud800"})], "INVALID_CORRECTIONS", ("0", "values")),
    ([(2, AGE), (1, AGE)], "ROW_NOT_OPEN", ("1", "row")),
    ([(4, AGE)], "ROW_NOT_OPEN", ("0", "row")),
    ([(0, AGE)], "ROW_NOT_OPEN", ("0", "row")),
    ([(-1, AGE)], "ROW_NOT_OPEN", ("0", "row")),
    ([(2**53, AGE)], "ROW_NOT_OPEN", ("0", "row")),
    (None, "INVALID_DATA", ()),
]


async def test_corrections_that_make_no_sense_are_refused_with_their_place(
    partial: Any, correct: Any
) -> None:
    job = await partial()
    for given, code, path in REFUSED:
        with pytest.raises(UserFault, match=code) as refusal:
            await correct(job, given)
        assert (refusal.value.code, refusal.value.path) == (code, ("corrections", *path))


async def test_a_table_of_corrections_is_a_csv_that_is_there(
    services: Services, operator: Principal, arrive: Any, inspector: Any, partial: Any, correct: Any
) -> None:
    job = await partial()
    table = await files.receive(services, operator, await arrive())
    inspector.answer = inspector.answer | {"format": "PARQUET", "dialect": None}
    other = await files.receive(services, operator, await arrive(name="sales.parquet"))
    inspector.answer = FAULT
    with pytest.raises(files.UnusableFile) as unusable:
        await files.receive(services, operator, await arrive())
    for file_id, given, code, path in (
        (table.id, [(2, AGE)], "INVALID_DATA", ("corrections",)),
        (new_id("file"), None, "NOT_FOUND", ("file",)),
        ("x", None, "INVALID_ID", ("file",)),
        (other.id, None, "INVALID_CORRECTIONS", ("file",)),
        (unusable.value.file.id, None, "FILE_NOT_READY", ("file",)),
    ):
        with pytest.raises(UserFault, match=code) as refusal:
            await correct(job, given, file_id=file_id)
        assert refusal.value.path == path
    accepted = (await correct(job, None, file_id=table.id)).job
    assert (accepted.file_id, accepted.resolves_id) == (table.id, job.id)


async def test_jobs_without_rows_to_correct_are_refused_with_the_reason(
    services: Services, operator: Principal, submit: Any, claim: Any, end: Any, correct: Any, partial: Any
) -> None:
    waiting, running, whole, failed, canceled = [await submit() for _ in range(5)]
    await claim(running)
    await end(await claim(whole), no_bad_rows())
    await end(await claim(failed), FAULT)
    await cancellation.cancel(services, operator, canceled.id, CancelMode.SAFE)
    item = IngestRequest(dataset="sales", text="a\n1\n", format=FileFormat.CSV)
    batch = (await batch_ingest.submit(services, operator, BatchRequest([item]))).job
    old = await partial()
    await forget_errors(services, days=1e-9)
    for job, reason in (
        (waiting, "QUEUED"),
        (running, "RUNNING"),
        (whole, "No row"),
        (failed, "No row"),
        (canceled, "No row"),
        (batch, "QUEUED"),
        (old, "time that has passed"),
    ):
        assert job is not None
        with pytest.raises(UserFault, match=reason) as refusal:
            await correct(job, [(2, AGE)])
        assert (refusal.value.code, refusal.value.path) == ("NOT_CORRECTABLE", ("jobId",))
        states = {each.action: each for each in actions(operator, await reread(services, job))}
        assert reason in str(states[JobAction.CORRECT].reason)


async def test_a_job_that_only_checked_or_failed_as_a_whole_has_nothing_to_correct(
    services: Services, operator: Principal, claim: Any, end: Any, correct: Any, reject: Any
) -> None:
    request = validation.ValidateRequest(text="a\n1\n", format=FileFormat.CSV)
    checked = (await validation.submit(services, operator, request)).job
    report = {"counts": a_result()["counts"], "errors": 1, "report": {}}
    await end(await claim(checked), report)
    too_many = await reject(an_error(2))
    for job, reason in ((checked, "VALIDATE"), (too_many, "as a whole")):
        with pytest.raises(UserFault, match=f"NOT_CORRECTABLE.*{reason}"):
            await correct(job, [(2, AGE)])


async def test_only_operators_correct(services: Services, operator: Principal, partial: Any) -> None:
    job = await partial()
    viewer = replace(operator, role=Role.VIEWER)
    for principal, job_id, code in (
        (viewer, job.id, "FORBIDDEN"),
        (operator, new_id("job"), "NOT_FOUND"),
        (operator, "x", "INVALID_ID"),
    ):
        with pytest.raises(UserFault, match=code):
            await corrections.submit(services, principal, CorrectRequest(job_id, [Correction(2, AGE)]))


async def test_corrections_sent_again_with_their_key_answer_the_first_job(
    services: Services, partial: Any, correct: Any
) -> None:
    job = await partial()
    first = await correct(job, [(2, AGE)], key="k")
    again = await correct(job, [(2, AGE)], key="k")
    assert (again.replayed, again.job.id) == (True, first.job.id)
    with pytest.raises(UserFault, match="IDEMPOTENCY_MISMATCH"):
        await correct(job, [(2, {"age": 37})], key="k")
    with pytest.raises(UserFault, match="ROWS_TAKEN"):
        await correct(job, [(3, AGE)], key="other")
    inputs = path_of(services, "inputs")
    assert {path.name for path in inputs.iterdir()} == {job.id, first.job.id}


async def test_corrections_go_by_the_rules_of_their_job_but_for_its_limits(
    services: Services, partial: Any, correct: Any, claim: Any
) -> None:
    rules = {
        "contract": {"columns": [{"name": "a", "type": "INTEGER"}]},
        "checks": [{"required": {"columns": ["a"]}}],
        "acceptance": {"onInvalid": "REJECT_ROWS", "maxRejectedRows": 3},
    }
    job = await partial(spec={**rules, "timeoutSeconds": 9.0})
    new = (await correct(job, [(3, AGE), (2, {"age": None})])).job
    assert (new.kind, new.priority, new.retry_of_id) == (JobKind.CORRECTION, job.priority, job.id)
    task = await task_of(services, await claim(new), Path("/scratch"))
    assert task["rules"] == {**rules, "acceptance": {}}
    assert (task["dataset"]["mode"], task["dataset"]["keys"]) == ("APPEND", [])
    assert (task["lineage"], task["replay"], new.spec["timeoutSeconds"]) == ([job.id], None, 9.0)
    source = task["source"]
    given = await services.store.read(input_key(new.id), 0, 100)
    assert given == b'{"row":3,"values":{"age":36}}\n{"row":2,"values":{"age":null}}\n'
    assert source["corrections"] == {
        "of": {"ledger": services.store.location(ledger_key(job.id)).to_json(), "resolved": []},
        "own": [],
        "columns": ["a"],
        "asText": True,
        "fetched": None,
    }
