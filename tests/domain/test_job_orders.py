"""Jobs are listed in the order in which they are run, page by page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headgate.domain import jobs
from headgate.domain.jobs import JobFilter, JobOrder
from headgate.domain.pages import encode_cursor
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.ids import new_id
from headgate.storage.tables import Job, JobKind, Priority

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
JOB = "job_01h455vb4pex5vsknk084sn02q"


async def _add(services: Services, *ranks: datetime, **values: Any) -> list[str]:
    """Add jobs with these ranks; answers their ids."""
    made = [Job(id=new_id("job"), kind=JobKind.INGEST, rank_at=rank, **values) for rank in ranks]
    async with services.database.transaction() as session:
        session.add_all(made)
    return [job.id for job in made]


async def _read(services: Services, wanted: JobFilter, first: int) -> list[str]:
    """Read all pages of this size."""
    seen: list[str] = []
    after = None
    while True:
        page = await jobs.page(services, wanted, JobOrder.PRIORITY, first, after)
        seen += [job.id for job in page.items]
        if not page.has_next:
            return seen
        after = page.cursor(page.items[-1])


@pytest.mark.parametrize("first", [1, 2, 3, 200])
async def test_no_job_is_left_out_or_repeated_where_ranks_are_the_same_or_a_microsecond_apart(
    services: Services, first: int
) -> None:
    step = timedelta(microseconds=1)
    ranks = [NOON + step, NOON, NOON - step, NOON, NOON + 999_999 * step, NOON, NOON + timedelta(seconds=1)]
    made = await _add(services, *ranks)
    expected = [job_id for _, job_id in sorted(zip(ranks, made, strict=True))]
    assert await _read(services, JobFilter(), first) == expected


async def test_jobs_of_high_priority_come_before_those_that_wait_no_longer_than_they_may(
    services: Services, submit: Any
) -> None:
    low, medium, high = [
        (await submit(priority=priority)).id for priority in (Priority.LOW, Priority.MEDIUM, Priority.HIGH)
    ]
    [old] = await _add(services, NOON)
    assert await _read(services, JobFilter(), 2) == [old, high, medium, low]


async def test_the_items_of_a_batch_are_found_by_it(services: Services) -> None:
    [batch, other] = await _add(services, NOON, NOON)
    items = await _add(services, NOON, NOON, parent_id=batch)
    await _add(services, NOON, parent_id=other)
    assert await _read(services, JobFilter(parent=batch), 1) == items
    assert await jobs.total(services, JobFilter(parent=batch)) == 2
    assert await _read(services, JobFilter(parent="\0"), 1) == []


async def test_a_batch_neither_runs_nor_waits_itself(services: Services) -> None:
    async with services.database.transaction() as session:
        session.add(Job(id=new_id("job"), kind=JobKind.BATCH))
        session.add(Job(id=new_id("job"), kind=JobKind.INGEST))
    assert await jobs.counts(services) == jobs.JobCounts(active=0, queued=1)


@pytest.mark.parametrize(
    "position",
    [
        JOB,
        "",
        ":",
        f":{JOB}",
        "1:file_01h455vb4pex5vsknk084sn02q",
        "1:",
        f"-1:{JOB}",
        f"1e3:{JOB}",
        "9" * 18 + f":{JOB}",
    ],
)
async def test_a_cursor_of_another_list_is_refused(services: Services, position: str) -> None:
    with pytest.raises(UserFault, match="INVALID_CURSOR"):
        await jobs.page(services, JobFilter(), JobOrder.PRIORITY, 20, encode_cursor(position))


async def test_a_cursor_of_this_order_is_refused_by_the_others(services: Services) -> None:
    await _add(services, NOON)
    page = await jobs.page(services, JobFilter(), JobOrder.PRIORITY, 20, None)
    with pytest.raises(UserFault, match="INVALID_CURSOR"):
        await jobs.page(services, JobFilter(), JobOrder.CREATED_AT_DESC, 20, page.cursor(page.items[0]))
