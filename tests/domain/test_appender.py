"""Records that are appended: taken once, kept in their order, and each committed by one batch."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from sqlalchemy import func, update
from sqlmodel import select

from headgate.domain import appended, cancellation, endings, pipeline_changes, runs, streams, users
from headgate.domain.acceptance import input_key
from headgate.domain.appender import Appender
from headgate.domain.appends import Appended, AppendRequest, ndjson
from headgate.domain.audit import AuditFilter
from headgate.domain.audit import page as audit_page
from headgate.domain.endings import Ending
from headgate.domain.jobs import get as get_job
from headgate.domain.permissions import Principal
from headgate.domain.pipeline_changes import Change, NewPipeline
from headgate.domain.pipeline_specs import Said
from headgate.domain.runs import Claim
from headgate.domain.services import Services
from headgate.domain.streams import BatchLimits
from headgate.errors import JobFault, UserFault
from headgate.pipelines import compression
from headgate.pipelines.vettingtask import run_vet
from headgate.storage.database import Database
from headgate.storage.tables import Append, CancelMode, IdempotencyKey, Job, JobStatus, Role, Stream, utc_now
from tests.services import make_services

LONG = BatchLimits(seconds=3_600)
AT_ONCE = BatchLimits(seconds=0)
Take = Callable[..., Awaitable[Appended]]


class HereEngine:
    """Runs the task in this process."""

    async def run(self, task: Any, report: Any = None, **_: Any) -> dict[str, Any]:
        return await asyncio.to_thread(run_vet, task)


@pytest.fixture
def services(database: Database, tmp_path: Path) -> Services:
    return make_services(database, tmp_path / "store", HereEngine())


@pytest.fixture
async def operator(services: Services) -> Principal:
    user = await users.ensure_administrator(services.database)
    return Principal(user.id, Role.OPERATOR, utc_now() + timedelta(hours=1))


@asynccontextmanager
async def appending(services: Services, limits: BatchLimits = LONG) -> AsyncIterator[Appender]:
    appender = Appender(services, HereEngine(), limits)
    try:
        yield appender
    finally:
        await appender.close()


@pytest.fixture
async def appender(services: Services) -> AsyncIterator[Appender]:
    """Seals nothing by itself."""
    async with appending(services) as appender:
        yield appender


@pytest.fixture
def take(appender: Appender, operator: Principal) -> Take:
    """Append records to the dataset `live`."""

    async def take(
        *records: Any, key: str | None = None, dataset: str = "live", pipeline: str | None = None
    ) -> Appended:
        return await appender.append(operator, AppendRequest(dataset, ndjson(records), pipeline), key)

    return take


async def claimed(services: Services, job_id: str) -> Claim:
    """Claim the job of a sealed batch, and write its input."""
    claim = (await runs.claim(services, [job_id], "host:1:a", 30.0))[job_id]
    await collected(services, claim.job)
    return claim


async def collected(services: Services, job: Job) -> None:
    await appended.collect(services, job, job.spec["source"]["input"])


async def input_of(services: Services, job_id: str) -> list[Any]:
    """The records that the job of a batch reads."""
    content = await services.store.read(input_key(job_id), 0, 1 << 24)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "input"
        await asyncio.to_thread(path.write_bytes, content)
        text, _ = compression.read_head(path, 1 << 24)
    return [orjson.loads(line) for line in text.splitlines()]


async def finish(services: Services, claim: Claim, accepted: int) -> None:
    """End the job of a batch well."""
    counts = {"read": accepted, "accepted": accepted, "rejected": 0, "filtered": 0, "merged": 0}
    version = {"version": 0, "row_count": 1, "byte_size": 1, "columns": []}
    assert not await endings.close(services, [Ending(claim, {"counts": counts, "dataset": version})])


async def seal(services: Services) -> None:
    await streams.seal_all(services, AT_ONCE)


async def test_calls_of_one_stream_are_one_batch_in_their_order(services: Services, take: Take) -> None:
    answers = [await take({"n": 1}, {"n": 2}), await take({"n": 3}), await take({"n": 4}, dataset="other")]
    first, second, other = [answer.job_id for answer in answers]
    assert first == second != other
    assert first is not None
    job = await get_job(services, first)
    assert job is not None
    assert (job.status, job.due_at) == (JobStatus.QUEUED, streams.OPEN_UNTIL)
    await seal(services)
    await claimed(services, first)
    assert await input_of(services, first) == [{"n": 1}, {"n": 2}, {"n": 3}]


async def test_bad_records_are_told_by_their_number_and_the_others_are_taken(take: Take) -> None:
    answer = await take({"n": 1}, "text", {"n": 2}, None, {"n": 10**30}, {"n": "\ud800"})
    assert (answer.accepted, answer.rejected, answer.replayed) == (3, 3, False)
    assert [(error.row, error.code) for error in answer.errors] == [
        (2, "STRUCTURE"),
        (4, "STRUCTURE"),
        (6, "STRUCTURE"),
    ]


async def test_a_call_of_bad_records_alone_has_no_batch(services: Services, take: Take) -> None:
    answer = await take(1, 2, key="k")
    assert (answer.accepted, answer.rejected, answer.job_id) == (0, 2, None)
    again = await take(1, 2, key="k")
    assert (again.rejected, again.replayed, len(again.errors)) == (2, True, 2)


async def test_a_key_takes_records_once(services: Services, take: Take) -> None:
    answers = await asyncio.gather(*(take({"n": 1}, "bad", key="k") for _ in range(8)))
    assert sorted(answer.replayed for answer in answers) == [False] + [True] * 7
    assert {(answer.accepted, answer.rejected, answer.job_id) for answer in answers} == {
        (1, 1, answers[0].job_id)
    }
    with pytest.raises(UserFault, match="IDEMPOTENCY_MISMATCH"):
        await take({"n": 2}, key="k")
    await seal(services)
    assert answers[0].job_id is not None
    await claimed(services, answers[0].job_id)
    assert await input_of(services, answers[0].job_id) == [{"n": 1}]
    later = await take({"n": 1}, "bad", key="k")
    assert (later.replayed, later.accepted, later.errors[0].row) == (True, 1, 2)


async def test_processes_that_take_the_same_key_at_once_take_it_once(
    services: Services, operator: Principal
) -> None:
    async with appending(services) as one, appending(services) as other:
        request = AppendRequest("live", b'{"n": 1}')
        calls = [each.append(operator, request, f"k{n % 3}") for n in range(6) for each in (one, other)]
        answers = await asyncio.gather(*calls)
    assert sum(not answer.replayed for answer in answers) == 3
    async with services.database.read() as session:
        assert (await session.scalars(select(func.sum(Append.row_count)))).one() == 3


async def test_a_batch_is_sealed_when_it_is_large(services: Services, operator: Principal) -> None:
    async with appending(services, BatchLimits(3_600, batch_bytes=40)) as appender:
        request = AppendRequest("live", b'{"number": 123456789}\n')
        jobs = [(await appender.append(operator, request)).job_id for _ in range(4)]
        # The second is not sealed before the first has ended.
        assert len(set(jobs)) == 2
        assert jobs[0] == jobs[1] != jobs[2] == jobs[3]
        first, second = jobs[0] or "", jobs[2] or ""
        claim = await claimed(services, first)
        assert second not in await runs.claim(services, [second], "host:1:a", 30.0)
        await finish(services, claim, 2)
        while await services.queue.take() != second:  # type: ignore[attr-defined]
            pass
    assert await runs.claim(services, [second], "host:1:a", 30.0)


async def test_a_batch_is_sealed_when_it_is_old(services: Services, operator: Principal) -> None:
    async with appending(services, BatchLimits(seconds=0.05)) as appender:
        answer = await appender.append(operator, AppendRequest("live", b'{"n": 1}'))
        taken = await services.queue.take()  # type: ignore[attr-defined]
    assert taken == answer.job_id


async def test_records_wait_for_the_batch_before_them_to_end(services: Services, take: Take) -> None:
    first = (await take({"n": 1})).job_id
    await seal(services)
    second = (await take({"n": 2})).job_id
    assert first is not None
    assert second is not None
    await seal(services)
    assert not await runs.claim(services, [second], "host:1:a", 30.0)
    await finish(services, await claimed(services, first), 1)
    await seal(services)
    await claimed(services, second)
    assert await input_of(services, second) == [{"n": 2}]


async def test_too_many_bytes_wait_and_are_taken_again_once_some_are_gone(
    services: Services, operator: Principal
) -> None:
    async with appending(services, BatchLimits(3_600, backlog_bytes=16)) as appender:
        request = AppendRequest("live", b'{"number": 123456}\n')
        answer = await appender.append(operator, request)
        with pytest.raises(UserFault) as refused:
            await appender.append(operator, request, "k")
        assert (refused.value.code, refused.value.retryable) == ("BACKLOG_FULL", True)
        await seal(services)
        later = await appender.append(operator, request, "k")
    assert not later.replayed
    assert later.job_id != answer.job_id


async def test_a_canceled_batch_takes_no_more_and_can_be_retried(
    services: Services, take: Take, operator: Principal
) -> None:
    first = (await take({"n": 1})).job_id or ""
    await cancellation.cancel(services, operator, first, CancelMode.SAFE)
    second = (await take({"n": 2})).job_id
    assert second not in (None, first)
    job = await get_job(services, first)
    assert job is not None
    # As a retry reads it.
    given = {"job": first, **job.spec["source"]["input"]}
    await appended.collect(services, job, given)
    assert await input_of(services, first) == [{"n": 1}]


async def test_input_is_written_once_and_what_it_was_made_of_goes(services: Services, take: Take) -> None:
    job_id = (await take({"n": 1})).job_id or ""
    await take({"n": 2}, key="kept")
    await seal(services)
    claim = await claimed(services, job_id)
    async with services.database.read() as session:
        left = (await session.scalars(select(Append))).all()
    assert [(each.row_count, each.records) for each in left] == [(1, None)]
    await collected(services, claim.job)
    assert await input_of(services, job_id) == [{"n": 1}, {"n": 2}]
    await services.store.delete(input_key(job_id))
    with pytest.raises(JobFault, match="INPUT_GONE"):
        await collected(services, claim.job)


async def test_calls_of_long_ago_are_forgotten_once_their_batch_has_ended(
    services: Services, take: Take
) -> None:
    job_id = (await take({"n": 1}, key="old")).job_id or ""
    await take(5, key="bad")
    async with services.database.transaction() as session:
        await session.execute(update(Append).values(created_at=utc_now() - timedelta(days=8)))
    assert await appended.forget_appends(services) == 1
    await seal(services)
    await finish(services, await claimed(services, job_id), 1)
    assert await appended.forget_appends(services) == 1
    async with services.database.read() as session:
        assert (await session.scalars(select(IdempotencyKey))).all() == []


async def test_a_pipeline_checks_at_once_and_a_change_of_it_opens_another_batch(
    services: Services, take: Take, operator: Principal
) -> None:
    spec = {
        "source": {"dataset": {"name": "x"}},
        "contract": {"columns": [{"name": "n", "type": "INTEGER", "nullable": False}]},
        "checks": [{"range": {"columns": ["n"], "min": 0}}, {"unique": {"columns": ["n"]}}],
        "sinks": [{"dataset": {"name": "x"}}],
    }
    await pipeline_changes.create(services, operator, NewPipeline(name="p", said=Said(spec=spec)))
    answer = await take({"n": 1}, {"n": -1}, {"n": "x"}, {"n": None}, {"n": 1}, pipeline="p")
    assert [(error.row, error.code) for error in answer.errors] == [
        (2, "RANGE"),
        (3, "TYPE"),
        (4, "REQUIRED"),
    ]
    with pytest.raises(UserFault, match="PIPELINE_BUSY"):
        await pipeline_changes.delete(services, operator, "p")
    await pipeline_changes.update(
        services, operator, Change(name="p", said=Said(spec={**spec, "checks": []}))
    )
    later = await take({"n": -1}, pipeline="p")
    assert later.accepted == 1
    assert later.job_id != answer.job_id
    entries = (await audit_page(services, AuditFilter(action="appendRecords"), 9, None)).items
    assert [(entry.target, (entry.details or {})["pipeline"]) for entry in entries] == [("live", "p")] * 2
    for job_id in (answer.job_id, later.job_id):
        await cancellation.cancel(services, operator, job_id or "", CancelMode.SAFE)
    await pipeline_changes.delete(services, operator, "p")
    async with services.database.read() as session:
        assert (await session.scalars(select(Stream))).all() == []


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (AppendRequest("live", b" \n"), "EMPTY_DATA"),
        (AppendRequest("no such name!", b"{}"), "INVALID_NAME"),
        (AppendRequest("live", b'{"a":1}', "missing"), "NOT_FOUND"),
        (AppendRequest("live", b"{}"), "NO_COLUMNS"),
        (AppendRequest("live", b'{"a":1,"A":2}'), "INVALID_COLUMN_NAME"),
        (AppendRequest("live", b"1\n" * 500_001), "TOO_MANY_RECORDS"),
    ],
    ids=["empty", "name", "pipeline", "no-columns", "twice", "too-many"],
)
async def test_what_can_be_taken_by_no_rule_is_refused(
    appender: Appender, operator: Principal, request_: AppendRequest, code: str
) -> None:
    with pytest.raises(UserFault) as refused:
        await appender.append(operator, request_)
    assert refused.value.code == code


async def test_viewers_append_nothing(appender: Appender, operator: Principal) -> None:
    with pytest.raises(UserFault, match="FORBIDDEN"):
        await appender.append(replace(operator, role=Role.VIEWER), AppendRequest("live", b'{"a":1}'))
