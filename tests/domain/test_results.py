"""Results can be found by each of their properties, page by page, and every job stores one."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import select

from headgate.domain import batch_ingest, results, stored_results
from headgate.domain.batch_ingest import BatchRequest
from headgate.domain.endings import Halt
from headgate.domain.ingest import IngestRequest
from headgate.domain.pages import encode_cursor
from headgate.domain.permissions import Principal
from headgate.domain.results import ResultFilter, ResultOrder
from headgate.domain.services import Services
from headgate.domain.stored_results import MAX_DATA_BYTES, NewResult
from headgate.errors import UserFault
from headgate.storage.formats import FileFormat
from headgate.storage.ids import new_id
from headgate.storage.tables import AuditEntry, Job, Result, ResultKind, Role
from tests.domain.conftest import Submit, TakeJob
from tests.domain.outcomes import FAULT, a_result, no_bad_rows

NEW = NewResult("forecast", {"rows": [1, 2.5, None, "é"]}, tags=["weekly", "draft"])


async def all_pages(services: Services, wanted: ResultFilter, order: ResultOrder, first: int) -> list[Result]:
    """Follow a list from its first page to its last."""
    found: list[Result] = []
    after = None
    while True:
        page = await results.page(services, wanted, order, first, after)
        found += page.items
        if not page.has_next:
            return found
        after = page.cursor(page.items[-1])


async def test_what_is_stored_is_found_again(services: Services, operator: Principal, submit: Submit) -> None:
    job = await submit()
    stored = await stored_results.store(services, operator, replace(NEW, job_id=job.id))
    found = await results.get(services, stored.result.id)
    assert found is not None
    assert (found.kind, found.name, found.data, found.tags) == ("CUSTOM", NEW.name, NEW.data, NEW.tags)
    assert (found.job_id, found.dataset_id, found.created_by_id) == (job.id, job.dataset_id, operator.user_id)


async def test_a_clients_result_about_a_job_is_not_the_jobs_own(
    services: Services, operator: Principal, submit: Submit, claim: TakeJob, end: Any
) -> None:
    job = await submit()
    await end(await claim(job), a_result())
    await stored_results.store(services, operator, replace(NEW, job_id=job.id))
    assert (await results.of_jobs(services, [job.id]))[job.id].kind is ResultKind.DATASET


async def test_a_result_is_stored_once_for_each_key(services: Services, operator: Principal) -> None:
    first = await stored_results.store(services, operator, NEW, "key")
    again = await stored_results.store(services, operator, NEW, "key")
    assert (first.result.id, first.replayed, again.replayed) == (again.result.id, False, True)
    with pytest.raises(UserFault, match="IDEMPOTENCY_MISMATCH"):
        await stored_results.store(services, operator, replace(NEW, name="other"), "key")
    await stored_results.delete(services, operator, first.result.id)
    with pytest.raises(UserFault, match="NOT_FOUND"):
        await stored_results.store(services, operator, NEW, "key")


@pytest.mark.parametrize(
    ("changed", "code", "path"),
    [
        ({"name": ""}, "INVALID_ARGUMENT", ("name",)),
        ({"name": " "}, "INVALID_ARGUMENT", ("name",)),
        ({"name": "x" * 256}, "INVALID_ARGUMENT", ("name",)),
        ({"name": "a\0"}, "INVALID_ARGUMENT", ("name",)),
        ({"name": "\ud800"}, "INVALID_ARGUMENT", ("name",)),
        ({"tags": ["a"] * 21}, "INVALID_ARGUMENT", ("tags",)),
        ({"tags": ["a", ""]}, "INVALID_ARGUMENT", ("tags", "1")),
        ({"tags": ["x" * 65]}, "INVALID_ARGUMENT", ("tags", "0")),
        ({"tags": ['a"b']}, "INVALID_ARGUMENT", ("tags", "0")),
        ({"tags": ["a,b"]}, "INVALID_ARGUMENT", ("tags", "0")),
        ({"tags": ["\udfff"]}, "INVALID_ARGUMENT", ("tags", "0")),
        ({"data": {"n": 2**70}}, "INVALID_ARGUMENT", ("data",)),
        ({"data": "\ud800"}, "INVALID_ARGUMENT", ("data",)),
        ({"data": "x" * MAX_DATA_BYTES}, "RESULT_TOO_LARGE", ("data",)),
        ({"job_id": "x"}, "INVALID_ID", ("jobId",)),
        ({"job_id": "job_01h455vb4pex5vsknk084sn02q"}, "NOT_FOUND", ("jobId",)),
    ],
    ids=range(16),
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_cannot_be_stored_is_refused(
    services: Services, operator: Principal, changed: dict[str, Any], code: str, path: tuple[str, ...]
) -> None:
    with pytest.raises(UserFault) as refused:
        await stored_results.store(services, operator, replace(NEW, **changed))
    assert (refused.value.code, refused.value.path) == (code, path)
    assert await results.total(services, ResultFilter()) == 0


async def test_what_is_stored_and_deleted_is_told_in_the_audit_log(
    services: Services, operator: Principal
) -> None:
    result = (await stored_results.store(services, operator, NEW)).result
    assert await stored_results.delete(services, operator, result.id) == result.id
    assert await results.get(services, result.id) is None
    async with services.database.read() as session:
        entries = (await session.scalars(select(AuditEntry))).all()
    assert {(entry.action, entry.target) for entry in entries} == {
        ("storeResult", result.id),
        ("deleteResult", result.id),
    }
    with pytest.raises(UserFault, match="NOT_FOUND"):
        await stored_results.delete(services, operator, result.id)


async def test_a_viewer_stores_and_deletes_nothing(services: Services, operator: Principal) -> None:
    viewer = replace(operator, role=Role.VIEWER)
    with pytest.raises(UserFault, match="FORBIDDEN"):
        await stored_results.store(services, viewer, NEW)
    with pytest.raises(UserFault, match="FORBIDDEN"):
        await stored_results.delete(services, viewer, new_id("result"))


async def test_a_job_that_failed_tells_why_in_its_result(
    services: Services, submit: Submit, claim: TakeJob, end: Any
) -> None:
    job = await submit()
    await end(await claim(job), FAULT)
    result = (await results.of_jobs(services, [job.id]))[job.id]
    assert (result.kind, result.name, result.dataset_version) == ("SUMMARY", "ingest", None)
    assert (result.data["status"], result.data["failure"]["code"]) == ("FAILED", FAULT.code)


async def test_a_job_that_was_stopped_stores_nothing(
    services: Services, submit: Submit, claim: TakeJob, end: Any
) -> None:
    job = await submit()
    await end(await claim(job), Halt.CANCELED)
    assert await results.of_jobs(services, [job.id]) == {}


async def test_a_batch_stores_one_result_when_its_last_item_has_ended(
    services: Services, operator: Principal, claim: TakeJob, end: Any
) -> None:
    item = IngestRequest(dataset="sales", text="a\n1\n", format=FileFormat.CSV)
    batch = await batch_ingest.submit(services, operator, BatchRequest([item, item]))
    assert batch.job is not None
    jobs = [each.job for each in batch.items if each.job is not None]
    await end(await claim(jobs[0]), no_bad_rows())
    assert await results.of_jobs(services, [batch.job.id]) == {}
    await end(await claim(jobs[1]), FAULT)
    wanted = ResultFilter(job=batch.job.id)
    [result] = await all_pages(services, wanted, ResultOrder.CREATED_AT_ASC, 10)
    assert result.data["items"] == {"SUCCEEDED": 1, "FAILED": 1}
    assert (result.kind, result.data["status"], result.data["counts"]["accepted"]) == (
        "SUMMARY",
        "PARTIAL",
        3,
    )


NAMES = ("a", "B", "b", "Ä", "日本", "a:b %", "x_y", "A")
TAGS = ("red", "Red", "re", "r d", "日", "%")


@pytest.fixture
async def library(services: Services, operator: Principal, submit: Submit) -> Sequence[Result]:
    """Results of every kind of name and tags, about two jobs of two datasets or about none; in order of time."""
    jobs: list[Job | None] = [None, await submit("sales"), await submit("other")]
    stored = []
    for number in range(40):
        job = jobs[number % 3]
        new = NewResult(
            NAMES[number % len(NAMES)], number, job.id if job else None, TAGS[number % 7 : number % 7 + 2]
        )
        stored.append((await stored_results.store(services, operator, new)).result)
    return stored


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)
@given(data=st.data())
async def test_pages_hold_each_result_that_a_filter_matches_once_and_in_order(
    services: Services, library: Sequence[Result], data: st.DataObject
) -> None:
    some_moment = st.none() | st.sampled_from(library).map(lambda each: each.created_at)
    wanted = ResultFilter(
        kind=data.draw(st.sampled_from([(), (ResultKind.CUSTOM,), (ResultKind.DATASET,)])),
        job=data.draw(st.none() | st.sampled_from(library).map(lambda each: each.job_id) | st.just("x\0")),
        dataset=data.draw(st.none() | st.sampled_from(["sales", "other", "none", "\0"])),
        name_contains=data.draw(st.none() | st.sampled_from([*NAMES, "%", "\0"])),
        tags=data.draw(st.lists(st.sampled_from([*TAGS, '","', "\0"]), max_size=2)),
        created_after=data.draw(some_moment),
        created_before=data.draw(some_moment),
    )
    order, first = data.draw(st.sampled_from(ResultOrder)), data.draw(st.integers(5, 50))
    found = [each.id for each in await all_pages(services, wanted, order, first)]
    matching = [each for each in library if matches(wanted, each, library)]
    assert sorted(found) == [each.id for each in matching]
    assert await results.total(services, wanted) == len(matching)
    if order is not ResultOrder.NAME_ASC:
        assert found == sorted(found, reverse=order is ResultOrder.CREATED_AT_DESC)


def matches(wanted: ResultFilter, result: Result, library: Sequence[Result]) -> bool:
    """Say in Python what the filter says in SQL; SQLite knows upper and lower case of A to Z alone."""
    datasets = {"sales": library[1].dataset_id, "other": library[2].dataset_id}
    return (
        (not wanted.kind or result.kind in wanted.kind)
        and (wanted.job is None or result.job_id == wanted.job)
        and (
            wanted.dataset is None
            or (result.dataset_id is not None and result.dataset_id == datasets.get(wanted.dataset))
        )
        and (wanted.name_contains is None or wanted.name_contains.lower() in result.name.lower())
        and all(tag in result.tags for tag in wanted.tags)
        and (wanted.created_after is None or result.created_at > wanted.created_after)
        and (wanted.created_before is None or result.created_at < wanted.created_before)
    )


async def test_names_are_in_order_and_equal_ones_in_that_of_time(
    services: Services, operator: Principal
) -> None:
    stored = [
        (await stored_results.store(services, operator, replace(NEW, name=name))).result for name in "bab"
    ]
    found = await all_pages(services, ResultFilter(), ResultOrder.NAME_ASC, 1)
    assert [each.id for each in found] == [stored[1].id, stored[0].id, stored[2].id]


@pytest.mark.parametrize(
    "cursor", ["", "x", "é", encode_cursor("result_1:a"), encode_cursor("job_01h455vb4pex5vsknk084sn02q:a")]
)
@pytest.mark.parametrize("order", ResultOrder)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_a_cursor_of_another_list_is_refused(
    services: Services, operator: Principal, order: ResultOrder, cursor: str
) -> None:
    with pytest.raises(UserFault, match="INVALID_CURSOR"):
        await results.page(services, ResultFilter(), order, 10, cursor)


async def test_more_tags_than_a_result_has_are_refused(services: Services, operator: Principal) -> None:
    with pytest.raises(UserFault, match="INVALID_ARGUMENT"):
        await results.page(services, ResultFilter(tags=["a"] * 21), ResultOrder.NAME_ASC, 10, None)


async def test_results_of_a_pipeline_are_those_of_its_jobs(services: Services, operator: Principal) -> None:
    assert await results.total(services, ResultFilter(pipeline="none")) == 0
    assert await results.total(services, ResultFilter(pipeline="\0")) == 0


async def test_a_moment_without_end_is_no_bound(services: Services, operator: Principal) -> None:
    result = (await stored_results.store(services, operator, NEW)).result
    before = result.created_at - timedelta(microseconds=1)
    assert await results.total(services, ResultFilter(created_after=before)) == 1
    assert await results.total(services, ResultFilter(created_after=result.created_at)) == 0
