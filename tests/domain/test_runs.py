"""A job belongs to one worker at a time; only that one closes it."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from headgate.domain import datasets, files, jobs, runs
from headgate.domain.permissions import Principal
from headgate.domain.runs import Claim, LeaseLost
from headgate.domain.services import Services
from headgate.domain.tasks import task_of
from headgate.errors import JobFault
from headgate.storage.tables import Job, JobEventType, JobStatus, Result, utc_now

COUNTS = {"read": 3, "accepted": 2, "rejected": 1, "filtered": 0, "merged": 0, "warnings": 4}
EXPIRED_S = -1.0


def a_result(version: int = 0, **counts: int) -> dict[str, Any]:
    committed = {"version": version, "row_count": 2, "byte_size": 10, "columns": [{"name": "a"}]}
    return {"counts": COUNTS | counts, "dataset": committed}


async def reread(services: Services, job: Job) -> Job:
    found = await jobs.get(services, job.id)
    assert found is not None
    return found


async def test_of_many_workers_one_gets_the_job(services: Services, submit: Any) -> None:
    job = await submit()
    claims = await asyncio.gather(*(runs.claim(services, job.id, f"host:{n}:a", 30) for n in range(6)))
    assert len([claim for claim in claims if claim is not None]) == 1
    assert (await reread(services, job)).attempts == 1


async def test_a_job_whose_worker_fell_silent_goes_to_the_next_one(
    services: Services, submit: Any, claim: Any
) -> None:
    job = await submit()
    lost = await claim(job, lease_s=EXPIRED_S)
    assert await runs.due(services) == [job.id]

    held = await claim(job)

    assert (held.attempt, held.token) == (lost.attempt + 1, lost.token + 1)
    first, second = (await jobs.attempts_of(services, [job.id]))[job.id]
    assert first.failure is not None
    assert (first.status, first.failure["code"]) == (JobStatus.FAILED, "WORKER_LOST")
    assert second.status is JobStatus.RUNNING


async def test_who_lost_the_lease_changes_nothing_any_more(
    services: Services, submit: Any, claim: Any
) -> None:
    job = await submit()
    lost: Claim = await claim(job, lease_s=EXPIRED_S)
    await claim(job)
    before = await reread(services, job)

    for change in (
        runs.renew(services, lost, 30),
        runs.progress(services, lost, {"stage": "reading"}),
        runs.succeed(services, lost, a_result()),
        runs.fail(services, lost, JobFault("X", "x", "DATA")),
        runs.release(services, lost),
    ):
        with pytest.raises(LeaseLost):
            await change

    assert await reread(services, job) == before


async def test_a_closed_job_stays_closed(services: Services, submit: Any, claim: Any) -> None:
    job = await submit()
    held = await claim(job)
    await runs.succeed(services, held, a_result())
    with pytest.raises(LeaseLost):
        await runs.fail(services, held, JobFault("X", "x", "DATA"))
    assert await runs.claim(services, job.id, "host:2:a", 30) is None


async def test_a_job_that_succeeds_records_counts_version_and_result_at_once(
    services: Services, submit: Any, claim: Any
) -> None:
    job = await submit()
    await runs.succeed(services, await claim(job), a_result(version=7))

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


async def test_a_finished_job_tells_its_pace_over_the_whole_run(
    services: Services, submit: Any, claim: Any
) -> None:
    job = await submit()
    held = await claim(job)
    async with services.database.transaction() as session:
        row = await session.get_one(Job, job.id)
        row.started_at = utc_now() - timedelta(seconds=60)
    await runs.succeed(services, held, a_result(read=600, accepted=599))

    progress = (await reread(services, job)).progress
    assert progress["rows_per_second"] == pytest.approx(10, rel=0.2)
    assert progress["eta_seconds"] == 0


@pytest.mark.parametrize("ending", ["fail", "release", "silence"])
async def test_a_job_that_was_stopped_tells_no_time_left(
    services: Services, submit: Any, claim: Any, ending: str
) -> None:
    job = await submit()
    held = await claim(job, lease_s=EXPIRED_S)
    await runs.progress(services, held, {"stage": "writing", "rows_per_second": 5.0, "eta_seconds": 7.0})
    if ending == "fail":
        await runs.fail(services, held, JobFault("X", "x", "DATA"))
    elif ending == "release":
        await runs.release(services, held)
    else:
        await claim(job)

    assert (await reread(services, job)).progress == {
        "stage": "writing",
        "rows_per_second": 5.0,
        "eta_seconds": None,
    }


async def test_a_job_without_rejected_rows_is_succeeded(services: Services, submit: Any, claim: Any) -> None:
    job = await submit()
    await runs.succeed(services, await claim(job), a_result(rejected=0, accepted=3))
    assert (await reread(services, job)).status is JobStatus.SUCCEEDED


async def test_a_job_whose_counts_do_not_add_up_fails(services: Services, submit: Any, claim: Any) -> None:
    job = await submit()
    await runs.succeed(services, await claim(job), a_result(read=99))
    job = await reread(services, job)
    assert job.failure is not None
    assert (job.status, job.failure["code"]) == (JobStatus.FAILED, "COUNTS_MISMATCH")


async def test_a_failed_job_keeps_the_reason_and_what_it_had_counted(
    services: Services, submit: Any, claim: Any
) -> None:
    job = await submit()
    fault = JobFault("TOO_MANY_REJECTED", "Too many.", "DATA", details={"limit": 1})
    await runs.fail(services, await claim(job), fault, {"read": 5, "rejected": 4})

    job = await reread(services, job)
    assert (job.status, job.rows_read, job.rows_rejected) == (JobStatus.FAILED, 5, 4)
    assert job.failure == {
        "code": "TOO_MANY_REJECTED",
        "category": "DATA",
        "message": "Too many.",
        "retryable": False,
        "details": {"limit": 1},
    }


async def test_a_dataset_never_goes_back_to_an_older_version(
    services: Services, submit: Any, claim: Any
) -> None:
    first, second = await claim(await submit()), await claim(await submit())
    await runs.succeed(services, second, a_result(version=1))
    await runs.succeed(services, first, a_result(version=0))
    dataset = await datasets.get(services, "sales")
    assert dataset is not None
    assert dataset.version == 1


async def test_events_are_numbered_without_a_gap(services: Services, submit: Any, claim: Any) -> None:
    job = await submit()
    held = await claim(job)
    await runs.progress(services, held, {"stage": "reading", "rows_read": 1})
    await runs.release(services, held)
    held = await claim(job)
    await runs.succeed(services, held, a_result())

    events = await jobs.events_after(services, job.id, 0)

    assert [event.seq for event in events] == [1, 2, 3, 4, 5, 6]
    assert [event.status for event in events if event.type is JobEventType.STATUS] == [
        JobStatus.QUEUED,
        JobStatus.RUNNING,
        JobStatus.RETRYING,
        JobStatus.RUNNING,
        JobStatus.PARTIAL,
    ]
    assert (await reread(services, job)).last_event == 6


async def test_a_job_that_was_handed_back_is_due_at_once(services: Services, submit: Any, claim: Any) -> None:
    job = await submit()
    await runs.release(services, await claim(job))
    assert await runs.due(services) == [job.id]


async def test_leases_of_workers_that_are_gone_end_early(services: Services, submit: Any, claim: Any) -> None:
    dead, alive = await submit(), await submit()
    await claim(dead, worker="host:1:dead")
    await claim(alive, worker="host:2:alive")
    await runs.expire_leases(services, lambda worker: worker.endswith("dead"))
    assert await runs.due(services) == [dead.id]


async def test_a_renewed_lease_holds(services: Services, submit: Any, claim: Any) -> None:
    job = await submit()
    held = await claim(job, lease_s=EXPIRED_S)
    await runs.renew(services, held, 30)
    assert await runs.due(services) == []


async def test_a_task_says_where_everything_is(
    services: Services, operator: Principal, arrive: Any, submit: Any, claim: Any
) -> None:
    file = await files.receive(services, operator, await arrive())
    of_file = await claim(await submit(file_id=file.id))
    of_text = await claim(await submit())

    task = task_of(services, of_file, Path("/scratch"))

    store = services.store
    assert task == {
        "task": "ingest",
        "job": of_file.job_id,
        "attempt": 1,
        "source": {
            "path": str(store.path(f"files/{file.id}")),
            "format": "CSV",
            "dialect": {"encoding": "utf-8", "delimiter": ","},
        },
        "dataset": {"path": str(store.path(of_file.dataset.storage_key)), "mode": "APPEND", "keys": []},
        "ledger": str(store.path(f"errors/{of_file.job_id}.parquet")),
        "scratch": "/scratch",
    }
    assert task_of(services, of_text, Path("/scratch"))["source"] == {
        "path": str(store.path(f"inputs/{of_text.job_id}")),
        "format": "CSV",
        "dialect": None,
    }
