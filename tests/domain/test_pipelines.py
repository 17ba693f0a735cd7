"""Pipelines are found by name, listed in order, and know their newest jobs."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headgate.domain import jobs, pipeline_versions, pipelines
from headgate.domain.jobs import JobFilter, JobOrder
from headgate.domain.pages import encode_cursor
from headgate.domain.pipelines import PipelineFilter, PipelineOrder
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.ids import new_id
from headgate.storage.tables import Job, JobKind, JobStatus, Pipeline, PipelineVersion

Add = Callable[..., Awaitable[Pipeline]]
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def add(services: Services) -> Add:
    """Add a pipeline with so many versions, and jobs with these statuses, first to last."""

    async def add(name: str, *statuses: JobStatus, versions: int = 1, **values: Any) -> Pipeline:
        pipeline = Pipeline(id=new_id("pipeline"), name=name, version=versions, **values)
        numbers = range(1, versions + 1)
        async with services.database.transaction() as session:
            session.add(pipeline)
            await session.flush()
            session.add_all(PipelineVersion(pipeline_id=pipeline.id, version=number) for number in numbers)
            session.add_all(
                Job(id=new_id("job"), kind=JobKind.INGEST, status=status, pipeline_id=pipeline.id)
                for status in statuses
            )
        return pipeline

    return add


async def _names(services: Services, order: PipelineOrder, first: int = 2, **wanted: Any) -> list[str]:
    """The names of all pages, one after the other."""
    names: list[str] = []
    after = None
    while True:
        page = await pipelines.page(services, PipelineFilter(**wanted), order, first, after)
        names += [pipeline.name for pipeline in page.items]
        if not page.has_next:
            return names
        after = page.cursor(page.items[-1])


async def test_a_list_goes_through_every_pipeline_in_its_order(services: Services, add: Add) -> None:
    for day, name in enumerate(["people", "sales", "ads", "clicks", "banks"]):
        await add(name, updated_at=BEGIN + timedelta(days=day % 3))
    by_name = ["ads", "banks", "clicks", "people", "sales"]
    assert await _names(services, PipelineOrder.NAME_ASC) == by_name
    assert await _names(services, PipelineOrder.NAME_DESC) == by_name[::-1]
    assert await _names(services, PipelineOrder.UPDATED_AT_DESC) == [
        "ads",
        "banks",
        "sales",
        "clicks",
        "people",
    ]


async def test_a_filter_goes_by_name_by_switch_and_by_the_newest_job(services: Services, add: Add) -> None:
    await add("sales", JobStatus.FAILED, JobStatus.SUCCEEDED)
    await add("wholesale", JobStatus.SUCCEEDED, JobStatus.FAILED)
    await add("people", enabled=False)
    order = PipelineOrder.NAME_ASC
    assert await _names(services, order, name_contains="SALE") == ["sales", "wholesale"]
    assert await _names(services, order, enabled=False) == ["people"]
    assert await _names(services, order, enabled=True) == ["sales", "wholesale"]
    assert await _names(services, order, status=[JobStatus.FAILED]) == ["wholesale"]
    assert await pipelines.total(services, PipelineFilter(status=[JobStatus.FAILED])) == 1
    assert await _names(services, order, name_contains="\0") == []


@pytest.mark.parametrize("order", PipelineOrder)
@pytest.mark.parametrize("cursor", ["", "?", encode_cursor("\0"), encode_cursor("9" * 18 + ":pipeline_x")])
async def test_a_cursor_of_no_page_is_refused_or_leads_nowhere(
    services: Services, add: Add, order: PipelineOrder, cursor: str
) -> None:
    await add("sales")
    try:
        page = await pipelines.page(services, PipelineFilter(), order, 20, cursor)
    except UserFault as fault:
        code = fault.code
    else:
        code = "" if len(page.items) <= 1 else "TOO_MANY"
    assert code in ("INVALID_CURSOR", "")


async def test_each_pipeline_knows_its_newest_job(services: Services, add: Add) -> None:
    sales = await add("sales", JobStatus.FAILED, JobStatus.SUCCEEDED)
    people = await add("people", JobStatus.CANCELED)
    unused = await add("unused")
    found = await pipelines.last_jobs(services, [sales.id, people.id, unused.id, "\0"])
    assert {id: job.status for id, job in found.items()} == {
        sales.id: JobStatus.SUCCEEDED,
        people.id: JobStatus.CANCELED,
    }


async def test_jobs_are_found_by_the_name_and_by_the_id_of_their_pipeline(
    services: Services, add: Add
) -> None:
    sales = await add("sales", JobStatus.FAILED, JobStatus.SUCCEEDED)
    await add("people", JobStatus.QUEUED)
    for wanted in (JobFilter(pipeline="sales"), JobFilter(pipeline_id=sales.id)):
        page = await jobs.page(services, wanted, JobOrder.CREATED_AT_ASC, 20, None)
        assert [job.status for job in page.items] == [JobStatus.FAILED, JobStatus.SUCCEEDED]
    for name in ("none", "\0", "\ud800"):
        assert await jobs.total(services, JobFilter(pipeline=name)) == 0


@pytest.mark.parametrize("name", ["", "\0", "\ud800", "none"])
async def test_an_unknown_name_finds_nothing(services: Services, name: str) -> None:
    assert await pipelines.get(services, name) is None


async def test_versions_come_newest_first_page_by_page(services: Services, add: Add) -> None:
    sales, people = await add("sales", versions=5), await add("people", versions=1)
    found = await pipeline_versions.pages(services, [sales.id, people.id], first=3)
    assert [each.version for each in found[sales.id].items] == [5, 4, 3]
    assert ([each.version for each in found[people.id].items], found[people.id].has_next) == ([1], False)
    page = found[sales.id]
    rest = await pipeline_versions.page(services, sales.id, 3, page.cursor(page.items[-1]))
    assert ([each.version for each in rest.items], rest.has_next) == ([2, 1], False)


@pytest.mark.parametrize("cursor", ["?", encode_cursor("a"), encode_cursor("9" * 18), encode_cursor("-1")])
async def test_a_cursor_that_no_list_of_versions_gave_is_refused(
    services: Services, add: Add, cursor: str
) -> None:
    sales = await add("sales")
    with pytest.raises(UserFault, match="INVALID_CURSOR"):
        await pipeline_versions.page(services, sales.id, 3, cursor)
