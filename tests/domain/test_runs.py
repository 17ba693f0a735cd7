"""A job belongs to one worker at a time."""

import asyncio
from pathlib import Path
from typing import Any

from headgate.domain import endings, files, recovery, runs
from headgate.domain.endings import Ending, Halt, Outcome
from headgate.domain.permissions import Principal
from headgate.domain.runs import Claim
from headgate.domain.samples import Sample, samples_of
from headgate.domain.services import Services
from headgate.domain.tasks import task_of
from headgate.storage.tables import CancelMode, Job, JobStatus
from tests.domain.ledgers import an_error
from tests.domain.outcomes import EXPIRED_S, FAULT, a_result, events_of, no_bad_rows, reread

LOST: list[Outcome] = [a_result(), FAULT, Halt.INTERRUPTED, Halt.CANCELED]


def a_sample(row: int) -> Sample:
    [sample] = samples_of([an_error(row)])
    return sample


def everyone(_worker: str) -> bool:
    return True


def nobody(_worker: str) -> bool:
    return False


async def test_of_many_workers_one_gets_the_job(services: Services, submit: Any) -> None:
    job = await submit()
    claims = await asyncio.gather(*(runs.claim(services, [job.id], f"host:{n}:a", 30) for n in range(6)))
    assert [list(claimed) for claimed in claims if claimed] == [[job.id]]
    assert (await reread(services, job)).attempts == 1


async def test_many_jobs_are_claimed_at_once_and_those_that_are_not_to_be_had_are_left_out(
    services: Services, submit: Any, claim: Any
) -> None:
    first, second, taken, done = [await submit() for _ in range(4)]
    await claim(taken)
    await endings.close(services, [Ending(await claim(done), FAULT)])

    asked = [job.id for job in (first, second, taken, done)]
    claims = await runs.claim(services, [*asked, "job_unknown"], "host:2:a", 30)

    assert set(claims) == {first.id, second.id}
    assert [claims[job.id].token for job in (first, second)] == [1, 1]


async def test_a_running_job_is_not_to_be_had_even_if_its_lease_has_run_out(
    services: Services, submit: Any, claim: Any
) -> None:
    job = await submit()
    await claim(job, lease_s=EXPIRED_S)
    assert await runs.claim(services, [job.id], "host:2:a", 30) == {}


async def test_a_job_whose_worker_fell_silent_goes_to_the_next_one(
    services: Services, submit: Any, claim: Any
) -> None:
    job = await submit()
    lost = await claim(job, lease_s=EXPIRED_S)
    assert await recovery.take_back(services, nobody) == 1

    held = await claim(job)

    assert (held.attempt, held.token) == (lost.attempt + 1, lost.token + 1)


async def test_samples_of_errors_are_told_before_the_progress_and_the_end(
    services: Services, submit: Any, claim: Any
) -> None:
    job = await submit()
    held: Claim = await claim(job)
    await runs.progress(
        services, [(held, {"stage": "reading"})], [(held, [a_sample(1), a_sample(2)])], with_totals=False
    )
    await endings.close(services, [Ending(held, no_bad_rows(), [a_sample(3)])])
    seen = [
        (event.type.value, [sample["row"] for sample in event.errors or ()])
        for event in await events_of(services, job)
    ]
    assert seen == [
        ("STATUS", []),
        ("STATUS", []),
        ("ERRORS", [1, 2]),
        ("PROGRESS", []),
        ("ERRORS", [3]),
        ("STATUS", []),
    ]


async def test_samples_hold_any_text(services: Services, submit: Any, claim: Any) -> None:
    held: Claim = await claim(await submit())
    strange = an_error(1, column="a\0b", value="\0'\"\\u0000\U0001f600", record='{"a\\u0000b":"\\u0000"}')
    await runs.progress(services, [], [(held, samples_of([strange]))], with_totals=False)
    event = (await events_of(services, held.job))[-1]
    assert event.errors == [strange]


async def test_who_lost_the_lease_changes_nothing_any_more(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    job = await submit()
    lost: Claim = await claim(job)
    await recovery.take_back(services, everyone)
    await claim(job)
    before, seen = await reread(services, job), await events_of(services, job)

    assert await runs.renew(services.database, "host:1:a", {job.id: lost.token}, 60) == {}
    assert await runs.progress(services, [(lost, {"stage": "reading"})], with_totals=True) == {job.id}
    assert await runs.progress(services, [], [(lost, [a_sample(1)])], with_totals=True) == {job.id}
    for outcome in LOST:
        assert await end(lost, outcome) == {job.id}
    assert await endings.close(services, [Ending(lost, FAULT, [a_sample(1)])]) == {job.id}

    assert await reread(services, job) == before
    assert await events_of(services, job) == seen


async def test_a_renewed_lease_holds(services: Services, submit: Any, claim: Any) -> None:
    job = await submit()
    held = await claim(job, lease_s=EXPIRED_S)
    assert await runs.renew(services.database, "host:1:a", {job.id: held.token}, 30) == {job.id: None}
    assert await recovery.take_back(services, nobody) == 0
    assert (await reread(services, job)).status is JobStatus.RUNNING


async def test_a_renewal_tells_which_leases_are_lost_and_which_jobs_are_to_stop(
    services: Services, submit: Any, claim: Any
) -> None:
    held, lost, stopping = [await claim(await submit()) for _ in range(3)]
    async with services.database.transaction() as session:
        (await session.get_one(Job, stopping.job_id)).cancel = CancelMode.FORCE
    tokens = {held.job_id: held.token, stopping.job_id: stopping.token, lost.job_id: lost.token + 1}

    renewed = await runs.renew(services.database, "host:1:a", tokens, 30)

    assert renewed == {held.job_id: None, stopping.job_id: CancelMode.FORCE}
    assert await runs.orders(services, tokens) == {stopping.job_id: CancelMode.FORCE}


async def test_progress_of_many_jobs_is_recorded_at_once(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    first, second, done = [await claim(await submit()) for _ in range(3)]
    await end(done, FAULT)
    reports = [(claim, {"rows_read": n}) for n, claim in enumerate((first, second, done))]

    assert await runs.progress(services, reports, with_totals=False) == {done.job_id}

    assert [(await reread(services, claim.job)).progress for claim in (first, second)] == [
        {"rows_read": 0},
        {"rows_read": 1},
    ]
    assert (await events_of(services, second.job))[-1].progress == {"rows_read": 1}


async def test_a_task_says_where_everything_is(
    services: Services, operator: Principal, arrive: Any, submit: Any, claim: Any
) -> None:
    file = await files.receive(services, operator, await arrive())
    of_file = await claim(await submit(file_id=file.id))
    of_text = await claim(await submit())

    task = await task_of(services, of_file, Path("/scratch"))

    store = services.store
    assert task == {
        "task": "ingest",
        "job": of_file.job_id,
        "attempt": 1,
        "source": {
            "object": store.location(f"files/{file.id}").to_json(),
            "format": "CSV",
            "dialect": {"encoding": "utf-8", "delimiter": ","},
        },
        "dataset": {
            "folder": store.location(of_file.dataset.storage_key).to_json(),
            "mode": "APPEND",
            "keys": [],
            "partitionBy": None,
            "step": "sinks.0.dataset",
        },
        "ledger": store.location(f"errors/{of_file.job_id}.parquet").to_json(),
        "replay": None,
        "resolved": store.location(f"resolved/{of_file.job_id}.parquet").to_json(),
        "lineage": [],
        "sinks": [{"dataset": {"name": "sales", "mode": "APPEND", "keys": []}}],
        "outside": {
            "endpoints": {},
            "networks": [],
            "folders": [],
            "own_files": [services.database.file] if services.database.file else [],
            "timeout_s": services.job_timeout_s,
        },
        "rules": {},
        "datasets": {},
        "scratch": "/scratch",
    }
    assert (await task_of(services, of_text, Path("/scratch")))["source"] == {
        "object": store.location(f"inputs/{of_text.job_id}").to_json(),
        "format": "CSV",
        "dialect": None,
    }
