"""Those who read events at the same time share queries, and each gets their own events."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
from sqlalchemy import event

from headgate.domain import event_reader
from headgate.domain.event_reader import ALL, EventReader, Scope
from headgate.storage.database import Database
from headgate.storage.events import NewEvent, append_events
from headgate.storage.tables import Job, JobEventType, JobKind

AddEvents = Callable[[int, int], Any]
CountQueries = Callable[[], AbstractContextManager[list[str]]]


@pytest.fixture
def add_events(database: Database) -> AddEvents:
    """Add jobs with so many events each, in turn; answers the jobs' ids."""

    async def add(jobs: int, events: int) -> list[str]:
        ids = [f"job_{number}" for number in range(jobs)]
        async with database.transaction() as session:
            session.add_all([Job(id=job_id, kind=JobKind.INGEST) for job_id in ids])
            told = [NewEvent(job_id, seq + 1, JobEventType.LOG) for seq in range(events) for job_id in ids]
            await append_events(session, told)
        return ids

    return add


@pytest.fixture
def count_queries(database: Database) -> CountQueries:
    """Collect the SQL that reads, while a block lasts."""

    @contextmanager
    def counting() -> Iterator[list[str]]:
        queries: list[str] = []
        engine = database._reader.sync_engine
        event.listen(engine, "before_cursor_execute", lambda *arguments: queries.append(arguments[2]))
        yield queries

    return counting


async def _read(reader: EventReader, places: Sequence[tuple[str, int]]) -> list[list[tuple[str, int]]]:
    """Read behind numbers, each of some job, at once; answers the events' jobs and places in them."""
    found = await asyncio.gather(*(reader.after(Scope.of_job(job_id), number) for job_id, number in places))
    return [[(told.job.id, told.event.seq) for told in page] for page in found]


async def test_a_thousand_who_wait_for_one_job_share_one_query(
    database: Database, add_events: AddEvents, count_queries: CountQueries
) -> None:
    [job_id] = await add_events(1, 2)
    reader = EventReader(database)
    with count_queries() as queries:
        assert await _read(reader, [(job_id, 0)] * 1000) == [[(job_id, 1), (job_id, 2)]] * 1000
    assert len(queries) == 1


async def test_those_who_wait_for_different_jobs_share_queries(
    database: Database, add_events: AddEvents, count_queries: CountQueries
) -> None:
    ids = await add_events(250, 2)
    reader = EventReader(database)
    newest = await reader.newest(ALL)
    with count_queries() as queries:
        found = await _read(reader, [(job_id, newest - 125) for job_id in ids])
    assert found == [[]] * 125 + [[(job_id, 2)] for job_id in ids[125:]]
    assert len(queries) == 3


@pytest.mark.parametrize("together", [2, 7, 100])
async def test_each_gets_a_page_of_their_own_in_order_however_many_there_are(
    database: Database, add_events: AddEvents, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr(event_reader, "MAX_EVENTS", 3)
    monkeypatch.setattr(event_reader, "EVENTS_TOGETHER", together)
    ids = await add_events(5, 4)
    reader = EventReader(database)
    before = await reader.newest(ALL) - 4 * 5
    # Event `seq` of the job at a place of the list has the number before + 5 * (seq - 1) + place + 1.
    places = [(place, before + number) for place in range(5) for number in range(4 * 5 + 1)]
    expected = [
        [(ids[place], seq) for seq in range(1, 5) if before + 5 * (seq - 1) + place + 1 > number][:3]
        for place, number in places
    ]
    assert await _read(reader, [(ids[place], number) for place, number in places]) == expected


async def test_a_filter_is_read_beside_jobs(database: Database, add_events: AddEvents) -> None:
    ids = await add_events(2, 1)
    reader = EventReader(database)
    of_all, of_first, of_second = await asyncio.gather(
        reader.after(ALL, 0), *(reader.after(Scope.of_job(job_id), 0) for job_id in ids)
    )
    assert [told.job.id for told in of_all] == ids
    assert [[told.job.id for told in page] for page in (of_first, of_second)] == [[ids[0]], [ids[1]]]


async def test_the_newest_number_is_that_of_the_scope(database: Database, add_events: AddEvents) -> None:
    reader = EventReader(database)
    assert await reader.newest(ALL) == 0
    first, second = await add_events(2, 2)
    *_, last = await reader.after(ALL, 0)
    assert await reader.newest(ALL) == await reader.newest(Scope.of_job(second)) == last.number
    assert await reader.newest(Scope.of_job(first)) == last.number - 1
