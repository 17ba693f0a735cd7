"""Mappings are accepted whole or not at all, and each of their items is accounted for, whatever happens meanwhile."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import update

from headgate.domain import items, mappings, results, retries, runs
from headgate.domain.endings import Ending, Halt, close
from headgate.domain.mappings import MAX_MAPPINGS, MappingRequest, MappingsRequest
from headgate.domain.pages import encode_cursor
from headgate.domain.permissions import Principal
from headgate.domain.retries import RetryRequest, RetryStrategy
from headgate.domain.runs import Claim
from headgate.domain.services import Services
from headgate.domain.tasks import task_of
from headgate.errors import UserFault
from headgate.storage.ids import new_id
from headgate.storage.tables import (
    Endpoint,
    EndpointKind,
    ItemStatus,
    Job,
    JobItem,
    JobKind,
    JobStatus,
    Priority,
    ResultKind,
    Role,
)
from tests.domain.outcomes import DEATH, events_of, reread

FAILURE = {
    "code": "HTTP_STATUS",
    "category": "DEPENDENCY",
    "message": "No.",
    "retryable": False,
    "details": None,
}


@pytest.fixture(autouse=True)
async def endpoints(services: Services) -> None:
    kinds = {"crm": EndpointKind.HTTP, "ads": EndpointKind.SIMULATED, "rows": EndpointKind.SQL}
    async with services.database.transaction() as session:
        for name, kind in kinds.items():
            session.add(Endpoint(id=new_id("endpoint"), name=name, kind=kind))


def mapping(id: str = "a", **values: Any) -> MappingRequest:
    return replace(MappingRequest(id, "crm", "ads"), **values)


def some(count: int) -> list[MappingRequest]:
    return [mapping(f"item-{number}", data={"n": number}) for number in range(count)]


@pytest.fixture
def start(services: Services, operator: Principal) -> Any:
    async def start(asked: Sequence[MappingRequest], key: str | None = None, **values: Any) -> Job:
        return (await mappings.submit(services, operator, MappingsRequest(asked, **values), key)).job

    return start


async def items_of(services: Services, job: Job) -> Sequence[JobItem]:
    return await items.read_items(services, job.id, list(ItemStatus))


def a_result(position: int, *, failed: bool = False, attempts: int = 1) -> items.ItemResult:
    return {
        "position": position,
        "status": "FAILED" if failed else "SUCCEEDED",
        "attempts": attempts,
        "response": None if failed else {"ok": "\0é"},
        "failure": FAILURE if failed else None,
    }


async def record(services: Services, claim: Claim, *results: items.ItemResult) -> set[str]:
    return await runs.progress(services, [], [], [(claim, results)], with_totals=False)


async def counts(services: Services, job: Job) -> tuple[JobStatus, int, int, int]:
    now = await reread(services, job)
    return now.status, now.rows_read, now.rows_accepted, now.rows_rejected


class TestAccepting:
    """What is asked for becomes one job with an item for each mapping, or nothing."""

    async def test_a_job_has_an_item_for_each_mapping_in_their_order(
        self, services: Services, start: Any
    ) -> None:
        asked = [mapping("b", transformation={"select": ["n"]}), mapping("a", source="ads", data=[1])]
        job = await start(asked, batch_size=7, priority=Priority.HIGH)
        assert (job.kind, job.status, job.priority) == (JobKind.MAPPING, JobStatus.QUEUED, Priority.HIGH)
        first, second = await items_of(services, job)
        assert (first.id, first.source, first.target, first.status) == ("b", "crm", "ads", ItemStatus.PENDING)
        assert first.mapping == {"transformation": {"select": [{"from": "n", "to": "n"}]}}
        assert (second.id, second.source, second.mapping) == ("a", "ads", {"data": [1]})
        assert job.spec == {"batchSize": 7, "endpoints": ["ads", "crm"]}

    async def test_the_same_key_starts_nothing_twice(self, services: Services, start: Any) -> None:
        job = await start(some(3), key="k")
        assert (await start(some(3), key="k")).id == job.id
        assert len(await items_of(services, job)) == 3
        with pytest.raises(UserFault, match="IDEMPOTENCY_MISMATCH"):
            await start(some(4), key="k")

    @pytest.mark.parametrize(
        ("asked", "code", "path"),
        [
            ([], "INVALID_ARGUMENT", "mappings"),
            (some(MAX_MAPPINGS + 1), "INVALID_ARGUMENT", "mappings"),
            ([mapping("")], "INVALID_MAPPING", "mappings.0.id"),
            ([mapping("x" * 201)], "INVALID_MAPPING", "mappings.0.id"),
            ([mapping("a\0")], "INVALID_MAPPING", "mappings.0.id"),
            ([mapping("\ud800")], "INVALID_MAPPING", "mappings.0.id"),
            ([mapping("a"), mapping("b"), mapping("a")], "INVALID_MAPPING", "mappings.0.id"),
            ([mapping("a"), mapping("b", source="nowhere")], "NOT_FOUND", "mappings.1.source"),
            ([mapping(target="\0")], "NOT_FOUND", "mappings.0.target"),
            ([mapping(target="rows")], "WRONG_ENDPOINT", "mappings.0.target"),
            ([mapping(transformation={"selct": []})], "INVALID_SPEC", "mappings.0.transformation.selct"),
            ([mapping(transformation="x")], "INVALID_SPEC", "mappings.0.transformation"),
            ([mapping(data={"a": "\ud800"})], "INVALID_MAPPING", "mappings.0"),
            ([mapping(data=2**70)], "INVALID_MAPPING", "mappings.0"),
            ([mapping(transformation={"set": {"a": "\udc00"}})], "INVALID_MAPPING", "mappings.0"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    async def test_what_cannot_be_carried_out_is_refused_with_its_place(
        self, services: Services, start: Any, asked: list[MappingRequest], code: str, path: str
    ) -> None:
        with pytest.raises(UserFault) as refused:
            await start(asked)
        assert (refused.value.code, ".".join(refused.value.path)) == (code, path)

    @pytest.mark.parametrize("size", [0, -1, 101])
    async def test_a_batch_has_one_to_a_hundred_items(self, start: Any, size: int) -> None:
        with pytest.raises(UserFault, match="INVALID_ARGUMENT"):
            await start(some(1), batch_size=size)

    async def test_all_mistakes_are_told_up_to_a_hundred(self, start: Any) -> None:
        asked = [mapping(f"item-{number}", source="nowhere", target="rows") for number in range(500)]
        with pytest.raises(UserFault) as refused:
            await start(asked)
        assert len(refused.value.all) == 100
        assert [fault.path for fault in refused.value.all[:2]] == [
            ("mappings", "0", "source"),
            ("mappings", "0", "target"),
        ]

    async def test_viewers_start_nothing(self, services: Services, operator: Principal) -> None:
        viewer = replace(operator, role=Role.VIEWER)
        with pytest.raises(UserFault, match="FORBIDDEN"):
            await mappings.submit(services, viewer, MappingsRequest(some(1)))


class TestEnding:
    """The items are the truth about what became of a job."""

    @pytest.mark.parametrize(
        ("failed", "status"),
        [([], JobStatus.SUCCEEDED), ([1], JobStatus.PARTIAL), ([0, 1, 2], JobStatus.FAILED)],
        ids=["none failed", "some failed", "all failed"],
    )
    async def test_a_job_ends_as_its_items_did(
        self, services: Services, start: Any, claim: Any, failed: list[int], status: JobStatus
    ) -> None:
        job = await start(some(3))
        held = await claim(job)
        recorded, left = a_result(0, failed=0 in failed), [a_result(n, failed=n in failed) for n in (1, 2)]
        assert await record(services, held, recorded) == set()
        await close(services, [Ending(held, {}, (), left)])

        assert await counts(services, job) == (status, 3, 3 - len(failed), len(failed))
        assert not (await reread(services, job)).has_errors
        assert [item.status is ItemStatus.FAILED for item in await items_of(services, job)] == [
            number in failed for number in range(3)
        ]
        assert (await reread(services, job)).progress.get("fraction") == (1.0 if len(failed) < 3 else None)

    async def test_its_result_has_the_totals(self, services: Services, start: Any, claim: Any) -> None:
        job = await start(some(2))
        held = await claim(job)
        await close(services, [Ending(held, {}, (), [a_result(0), a_result(1, failed=True, attempts=4)])])
        result = (await results.of_jobs(services, [job.id]))[job.id]
        assert (result.kind, result.name) == (ResultKind.MAPPING, "mapping")
        assert result.data["counts"] | result.data == {
            **{"read": 2, "accepted": 1, "rejected": 1, "filtered": 0, "merged": 0, "warnings": 0},
            **{"counts": result.data["counts"], "items": 2},
        }
        succeeded, failed = await items_of(services, job)
        assert (succeeded.response, succeeded.failure) == ({"ok": "\0é"}, None)
        assert (failed.response, failed.failure, failed.attempts) == (None, FAILURE, 4)
        assert "Items that failed: 1." in [event.message for event in await events_of(services, job)]

    async def test_when_all_failed_the_job_says_so(self, services: Services, start: Any, claim: Any) -> None:
        job = await start(some(1))
        await close(services, [Ending(await claim(job), {}, (), [a_result(0, failed=True)])])
        failure = (await reread(services, job)).failure
        assert failure is not None
        assert (failure["code"], failure["category"]) == ("ALL_ITEMS_FAILED", "DEPENDENCY")

    async def test_after_a_death_only_what_was_not_recorded_is_left_to_do(
        self, services: Services, start: Any, claim: Any
    ) -> None:
        job = await start(some(4), batch_size=2)
        held = await claim(job)
        await record(services, held, a_result(2), a_result(0, failed=True))
        await close(services, [Ending(held, DEATH, (), [a_result(3)])])
        assert (await reread(services, job)).status is JobStatus.RETRYING
        await _make_due(services, job)

        task = await task_of(services, await claim(job), Path("scratch"))
        assert [item["id"] for item in task["items"]] == ["item-1"]
        assert task["tally"] == {"items": 4, "succeeded": 2, "failed": 1}
        assert task["at_once"] == 2
        assert set(task["outside"]["endpoints"]) == {"ads", "crm"}

    async def test_a_worker_that_lost_its_lease_records_nothing(
        self, services: Services, start: Any, claim: Any
    ) -> None:
        job = await start(some(2))
        lost = await claim(job, lease_s=-1)
        async with services.database.transaction() as session:
            await session.execute(update(Job).values(lease_token=lost.token + 1))
        assert await record(services, lost, a_result(0)) == {job.id}
        assert await close(services, [Ending(lost, {}, (), [a_result(1)])]) == {job.id}
        assert {item.status for item in await items_of(services, job)} == {ItemStatus.PENDING}

    async def test_a_canceled_job_counts_what_was_carried_out(
        self, services: Services, start: Any, claim: Any
    ) -> None:
        job = await start(some(5))
        held = await claim(job)
        await close(services, [Ending(held, Halt.CANCELED, (), [a_result(0), a_result(1, failed=True)])])
        assert await counts(services, job) == (JobStatus.CANCELED, 2, 1, 1)

    async def test_a_task_that_left_items_undone_did_not_end_well(
        self, services: Services, start: Any, claim: Any
    ) -> None:
        job = await start(some(2))
        await close(services, [Ending(await claim(job), {}, (), [a_result(0)])])
        assert (await reread(services, job)).status is JobStatus.RETRYING


async def _make_due(services: Services, job: Job) -> None:
    async with services.database.transaction() as session:
        await session.execute(update(Job).where(Job.id == job.id).values(due_at=job.created_at))  # type: ignore[arg-type]


class TestPages:
    """Items are listed in their order, by status."""

    async def test_pages_follow_each_other(self, services: Services, start: Any) -> None:
        job = await start(some(7))
        seen, after = [], None
        for _ in range(3):
            page = await items.page(services, job.id, None, 3, after)
            seen += [item.id for item in page.items]
            after = page.cursor(page.items[-1])
        assert seen == [f"item-{number}" for number in range(7)]
        assert not page.has_next
        assert await items.total(services, job.id, None) == 7

    async def test_a_status_picks_items(self, services: Services, start: Any, claim: Any) -> None:
        job, other = await start(some(3)), await start(some(1))
        await record(services, await claim(job), a_result(1, failed=True))
        page = await items.page(services, job.id, ItemStatus.FAILED, 10, None)
        assert [item.id for item in page.items] == ["item-1"]
        assert await items.total(services, job.id, ItemStatus.PENDING) == 2
        assert await items.total(services, other.id, ItemStatus.FAILED) == 0

    @pytest.mark.parametrize("cursor", ["x", encode_cursor("-1"), encode_cursor("9" * 18), encode_cursor("")])
    async def test_a_strange_cursor_is_refused(self, services: Services, start: Any, cursor: str) -> None:
        job = await start(some(1))
        with pytest.raises(UserFault, match="INVALID_CURSOR"):
            await items.page(services, job.id, None, 10, cursor)


class TestRetrying:
    """A retry takes what has not succeeded, as a job of its own."""

    @pytest.fixture
    def retry(self, services: Services, operator: Principal) -> Any:
        async def retry(job: Job, strategy: RetryStrategy = RetryStrategy.FAILED_ROWS, **values: Any) -> Job:
            request = RetryRequest(job.id, strategy, **values)
            return (await retries.retry(services, operator, request)).job

        return retry

    @pytest.fixture
    def ended(self, services: Services, start: Any, claim: Any) -> Any:
        async def ended(outcome: Any, *done: items.ItemResult) -> Job:
            job = await start([*some(2), mapping("item-2", transformation={"select": ["n"]})])
            await close(services, [Ending(await claim(job), outcome, (), done)])
            return await reread(services, job)

        return ended

    async def test_failed_items_alone_are_taken_and_keep_their_ids(
        self, services: Services, ended: Any, retry: Any
    ) -> None:
        job = await ended({}, a_result(0), a_result(1, failed=True), a_result(2, failed=True))
        new = await retry(job, priority=Priority.HIGH)
        assert (new.retry_of_id, new.kind, new.priority) == (job.id, JobKind.MAPPING, Priority.HIGH)
        taken = await items_of(services, new)
        assert [(item.position, item.id, item.attempts) for item in taken] == [
            (0, "item-1", 0),
            (1, "item-2", 0),
        ]
        assert taken[1].mapping == {"transformation": {"select": [{"from": "n", "to": "n"}]}}
        assert {item.status for item in taken} == {ItemStatus.PENDING}
        assert new.spec["batchSize"] == job.spec["batchSize"]

    async def test_of_a_canceled_job_the_rest_is_taken_too(
        self, services: Services, ended: Any, retry: Any
    ) -> None:
        job = await ended(Halt.CANCELED, a_result(0), a_result(1, failed=True))
        assert [item.id for item in await items_of(services, await retry(job))] == ["item-1", "item-2"]

    async def test_a_job_without_effect_can_be_tried_again_as_a_whole(
        self, services: Services, ended: Any, retry: Any
    ) -> None:
        job = await ended({}, *(a_result(number, failed=True) for number in range(3)))
        assert len(await items_of(services, await retry(job, RetryStrategy.ALL))) == 3

    async def test_what_could_only_be_done_twice_is_refused(self, ended: Any, retry: Any) -> None:
        partial = await ended({}, a_result(0), a_result(1), a_result(2, failed=True))
        well = await ended({}, a_result(0), a_result(1), a_result(2))
        for job, strategy in (
            (partial, RetryStrategy.ALL),
            (well, RetryStrategy.ALL),
            (well, RetryStrategy.FAILED_ROWS),
        ):
            with pytest.raises(UserFault, match="NOT_RETRYABLE"):
                await retry(job, strategy)

    async def test_a_job_whose_items_all_succeeded_before_it_was_stopped_has_nothing_left(
        self, ended: Any, retry: Any
    ) -> None:
        with pytest.raises(UserFault, match="NOT_RETRYABLE"):
            await retry(await ended(Halt.CANCELED, *map(a_result, range(3))))

    async def test_only_how_it_is_carried_out_can_be_changed(self, ended: Any, retry: Any) -> None:
        job = await ended(Halt.CANCELED)
        assert (await retry(job, spec={"timeoutSeconds": 5.0})).spec["timeoutSeconds"] == 5.0
        with pytest.raises(UserFault, match="INVALID_ARGUMENT"):
            await retry(job, spec={"checks": []})
