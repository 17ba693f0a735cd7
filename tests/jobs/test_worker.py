"""Every accepted job reaches its end, whatever happens to those who work on it."""

import asyncio
import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from headgate.domain import endings, events, jobs, recovery, runs
from headgate.domain.datasets import get as get_dataset
from headgate.domain.datasets import rows
from headgate.domain.happenings import FINAL
from headgate.domain.ports import Report, TaskFault
from headgate.domain.row_errors import ErrorFilter
from headgate.domain.row_errors import page as page_errors
from headgate.domain.services import Services
from headgate.jobs.children import MIB, ChildPool
from headgate.jobs.identity import machine, worker_name
from headgate.jobs.leases import LeaseKeeper
from headgate.jobs.memory import InProcessQueue
from headgate.jobs.worker import Worker
from headgate.storage.rows import RowQuery
from headgate.storage.tables import Job, JobEventType, JobStatus
from tests.services import path_of

pytestmark = pytest.mark.thorough

TOLD = (sys.executable, str(Path(__file__).with_name("told_child.py")))
SHORT_LEASE_S = 1.0
LONG_LEASE_S = 3600.0


async def end_of(services: Services, job: Job) -> Job:
    ended = await jobs.wait(services, job.id, 30)
    assert ended.status in FINAL
    return ended


async def status_of(services: Services, job: Job) -> JobStatus:
    return (await jobs.wait(services, job.id, 0)).status


async def test_a_job_that_waited_before_the_start_is_run(
    services: Services, submit: Any, working: Any
) -> None:
    job = await submit()
    async with working():
        ended = await end_of(services, job)
    assert (ended.status, ended.attempts, ended.rows_accepted) == (JobStatus.SUCCEEDED, 1, 1)


async def test_a_job_that_is_woken_is_run_at_once(
    services: Services, submit: Any, engine: Any, database_url: str
) -> None:
    assert isinstance(services.queue, InProcessQueue)
    keeper = LeaseKeeper(database_url, worker_name(), lease_s=LONG_LEASE_S)
    worker = Worker(services, engine, services.queue, keeper, concurrency=1)
    running = asyncio.create_task(worker.run())
    assert (await end_of(services, await submit())).status is JobStatus.SUCCEEDED
    await worker.stop(grace_s=1)
    await running


async def test_a_fault_fails_the_job_with_its_reason_and_counts(
    services: Services, submit: Any, working: Any, engine: Any
) -> None:
    async def lead(report: Report) -> None:
        raise TaskFault("TOO_MANY_REJECTED", "Too many.", "DATA", counts={"read": 3, "rejected": 2})

    engine.lead = lead
    job = await submit()
    async with working():
        ended = await end_of(services, job)
    assert ended.failure is not None
    assert (ended.status, ended.failure["code"]) == (JobStatus.FAILED, "TOO_MANY_REJECTED")
    assert (ended.rows_read, ended.rows_rejected) == (3, 2)


async def test_a_bug_fails_the_job_without_telling_secrets(
    services: Services, submit: Any, working: Any, engine: Any
) -> None:
    async def lead(report: Report) -> None:
        raise RuntimeError("the password is in /etc/secret")

    engine.lead = lead
    job = await submit()
    async with working():
        ended = await end_of(services, job)
    assert ended.failure is not None
    assert (ended.failure["code"], ended.failure["category"]) == ("INTERNAL", "SYSTEM")
    assert "secret" not in str(ended.failure)


async def test_no_more_jobs_run_at_once_than_allowed(
    services: Services, submit: Any, working: Any, engine: Any
) -> None:
    engine.lead = engine.wait
    submitted = [await submit() for _ in range(3)]
    async with working(concurrency=2):
        await engine.began.get()
        await engine.began.get()
        assert await jobs.counts(services) == jobs.JobCounts(active=2, queued=1)
        assert engine.began.empty()
        engine.finish.set()
        for job in submitted:
            await end_of(services, job)


async def test_progress_is_recorded_and_thinned_out(
    services: Services, submit: Any, working: Any, engine: Any
) -> None:
    async def lead(report: Report) -> None:
        for number in range(100):
            await report({"stage": "reading", "rows_read": number})
        await engine.finish.wait()

    engine.lead = lead
    job = await submit()
    seen = []
    async with working():
        async for told in events.watch(services, job.id):
            if told.event.type is JobEventType.PROGRESS:
                seen.append(told.event.progress)
                engine.finish.set()
    assert seen == [{"stage": "reading", "rows_read": 99}]


async def test_a_lease_is_renewed_while_the_job_runs(
    services: Services, submit: Any, working: Any, engine: Any
) -> None:
    engine.lead = engine.wait
    job = await submit()
    async with working(lease_s=SHORT_LEASE_S):
        await engine.began.get()
        first = (await jobs.wait(services, job.id, 0)).lease_expires_at
        while (await jobs.wait(services, job.id, 0)).lease_expires_at == first:
            pass
        engine.finish.set()
        assert (await end_of(services, job)).attempts == 1


async def test_who_lost_the_lease_stops_and_changes_nothing(
    services: Services, submit: Any, working: Any, engine: Any
) -> None:
    engine.lead = engine.wait
    job = await submit()
    async with working(lease_s=SHORT_LEASE_S):
        await engine.began.get()
        held = None
        while held is None:
            await recovery.take_back(services, lambda worker: True)
            held = (await runs.claim(services, [job.id], "elsewhere:1:a", LONG_LEASE_S)).get(job.id)
        await engine.canceled.get()
    assert await status_of(services, job) is JobStatus.RUNNING
    assert await runs.renew(services.database, "elsewhere:1:a", {job.id: held.token}, LONG_LEASE_S)


async def test_the_job_of_a_killed_server_is_finished_after_the_restart(
    services: Services, submit: Any, working: Any
) -> None:
    job = await submit()
    killed = f"{socket.gethostname()}:{os.getpid()}:{machine()}-earlier"
    await runs.claim(services, [job.id], killed, LONG_LEASE_S)
    async with working(lease_s=LONG_LEASE_S):
        ended = await end_of(services, job)
    assert (ended.status, ended.attempts) == (JobStatus.SUCCEEDED, 2)


async def test_the_job_of_a_worker_elsewhere_is_left_alone_until_its_lease_ends(
    services: Services, submit: Any, working: Any, engine: Any
) -> None:
    elsewhere, ours = await submit(), await submit()
    await runs.claim(services, [elsewhere.id], "elsewhere:1:a", LONG_LEASE_S)
    async with working():
        await end_of(services, ours)
        assert await status_of(services, elsewhere) is JobStatus.RUNNING
    await recovery.take_back(services, lambda worker: True)
    async with working(lease_s=SHORT_LEASE_S):
        assert (await end_of(services, elsewhere)).status is JobStatus.SUCCEEDED


async def test_a_job_that_is_not_done_in_the_grace_period_is_handed_back(
    services: Services, submit: Any, working: Any, engine: Any
) -> None:
    engine.lead = engine.wait
    job = await submit()
    async with working() as worker:
        await engine.began.get()
        await worker.stop(grace_s=0)
        assert not engine.canceled.empty()
    assert await status_of(services, job) is JobStatus.RETRYING

    engine.finish.set()
    async with working():
        assert (await end_of(services, job)).status is JobStatus.SUCCEEDED


async def test_a_job_that_is_done_in_the_grace_period_is_kept(
    services: Services, submit: Any, working: Any, engine: Any
) -> None:
    engine.lead = engine.wait
    first, second = await submit(), await submit()
    async with working() as worker:
        await engine.began.get()
        stopping = asyncio.create_task(worker.stop(grace_s=30))
        engine.finish.set()
        await stopping
    assert await status_of(services, first) is JobStatus.SUCCEEDED
    assert await status_of(services, second) is JobStatus.QUEUED


async def test_trouble_with_the_database_costs_no_job(
    services: Services, submit: Any, working: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    close, troubles = endings.close, iter([ConnectionError("the database is gone")])

    async def troubled(*args: Any) -> set[str]:
        for trouble in troubles:
            raise trouble
        return await close(*args)

    monkeypatch.setattr(endings, "close", troubled)
    job = await submit()
    async with working():
        ended = await end_of(services, job)
    assert (ended.status, ended.attempts) == (JobStatus.SUCCEEDED, 1)


async def test_a_child_that_is_killed_fails_its_own_job_alone(
    services: Services, submit: Any, working: Any
) -> None:
    pool = ChildPool(2, memory_bytes=100 * MIB, command=TOLD)
    killed = await submit('{"then": "die"}')
    memory = await submit('{"then": "hang", "bytes": 200000000}')
    async with working(engine=pool, concurrency=2):
        first, second = await end_of(services, killed), await end_of(services, memory)
    await pool.close()
    assert first.failure is not None
    assert second.failure is not None
    assert (first.failure["code"], first.failure["retryable"]) == ("CHILD_DIED", True)
    assert (second.failure["code"], second.failure["retryable"]) == ("OUT_OF_MEMORY", False)


async def test_the_real_engine_commits_good_rows_and_explains_bad_ones(
    services: Services, submit: Any, working: Any
) -> None:
    pool = ChildPool(1, memory_bytes=2048 * MIB)
    good = "".join(f"{number},x\n" for number in range(1000))
    job = await submit(f"a,b\n{good}1,2,3\n")
    async with working(engine=pool):
        ended = await end_of(services, job)
    await pool.close()

    dataset = await get_dataset(services, "sales")
    assert dataset is not None
    found = await rows(services, dataset, None, RowQuery(total=True, first=1))
    errors = await page_errors(services, ErrorFilter(job=job.id), 20, None)
    assert ended.status is JobStatus.PARTIAL
    assert (ended.rows_read, ended.rows_accepted, ended.rows_rejected) == (1001, 1000, 1)
    assert (found.total, found.records) == (1000, [{"a": 0, "b": "x"}])
    assert [(error.row, error.code) for error in errors.items] == [(1001, "STRUCTURE")]


def dying(moment: str) -> ChildPool:
    script = str(Path(__file__).with_name("dying_child.py"))
    return ChildPool(1, memory_bytes=2048 * MIB, command=(sys.executable, script, moment))


def parquet_files(services: Services) -> list[Path]:
    return list(path_of(services, "datasets").rglob("*.parquet"))


async def test_a_job_whose_process_is_killed_right_after_its_commit_succeeds(
    services: Services, submit: Any, working: Any
) -> None:
    pool = dying("after")
    job = await submit("a,b\n1,x\n2\n3,z\n")
    async with working(engine=pool):
        ended = await end_of(services, job)
    await pool.close()
    assert (ended.status, ended.failure, ended.dataset_version) == (JobStatus.PARTIAL, None, 0)
    assert (ended.rows_read, ended.rows_accepted, ended.rows_rejected) == (3, 2, 1)
    assert len(parquet_files(services)) == 1


async def test_a_job_whose_process_is_killed_before_its_commit_leaves_nothing_in_the_dataset(
    services: Services, submit: Any, working: Any
) -> None:
    pool = dying("before")
    job = await submit("a,b\n1,x\n")
    async with working(engine=pool):
        ended = await end_of(services, job)
    await pool.close()
    assert ended.failure is not None
    assert (ended.status, ended.failure["code"]) == (JobStatus.FAILED, "CHILD_DIED")
    assert parquet_files(services) == []
    assert not path_of(services, f"scratch/{job.id}").exists()
