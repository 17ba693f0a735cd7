"""Whoever reads on behind the highest number it has seen sees every event once."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from sqlmodel import col, select

from headgate.storage.database import Database
from headgate.storage.events import NewEvent, append_events
from headgate.storage.tables import Job, JobEvent, JobEventType, JobKind

WRITERS = 6
ROUNDS = 8
EACH = 3
"""So many events of a job are written by one transaction."""


async def add_jobs(database: Database, count: int) -> list[str]:
    jobs = [Job(id=f"job_{number}", kind=JobKind.INGEST) for number in range(count)]
    async with database.transaction() as session:
        session.add_all(jobs)
    return [job.id for job in jobs]


async def append(database: Database, job_ids: Sequence[str], count: int = EACH) -> None:
    """Add events to jobs in one transaction, as the domain does it."""
    async with database.transaction() as session:
        events = []
        for job_id in job_ids:
            job = await session.get_one(Job, job_id, with_for_update=True)
            for _ in range(count):
                job.last_event += 1
                events.append(NewEvent(job_id=job_id, seq=job.last_event, type=JobEventType.LOG))
        await append_events(session, events)


async def read_behind(database: Database, number: int) -> list[JobEvent]:
    statement = select(JobEvent).where(col(JobEvent.number) > number).order_by(col(JobEvent.number))
    async with database.read() as session:
        return list((await session.scalars(statement)).all())


async def follow(database: Database, wanted: int) -> list[JobEvent]:
    """Read on behind the highest number, again and again, until so many events were seen."""
    seen: list[JobEvent] = []
    while len(seen) < wanted:
        seen += await read_behind(database, seen[-1].number or 0 if seen else 0)
    return seen


def by_job(events: Sequence[JobEvent]) -> dict[str, list[int]]:
    seqs = defaultdict(list)
    for event in events:
        seqs[event.job_id].append(event.seq)
    return dict(seqs)


async def test_a_reader_beside_many_writers_sees_every_event_once_and_in_order(
    database: Database, database_url: str
) -> None:
    writers = [Database.connect(database_url) for _ in range(WRITERS)]
    job_ids = await add_jobs(database, WRITERS)

    async def write(number: int) -> None:
        # Each writer has a job of its own, and one that it shares with its neighbour.
        own = [job_ids[number], job_ids[(number + 1) % WRITERS]]
        for round in range(ROUNDS):
            await append(writers[number], sorted(own[: 1 + round % 2]))

    written = sum(EACH * (1 + round % 2) for round in range(ROUNDS)) * WRITERS
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        following = group.create_task(follow(database, written))
        for number in range(WRITERS):
            group.create_task(write(number))

    seen = following.result()
    assert len({event.number for event in seen}) == len(seen) == written
    assert by_job(seen) == {job_id: list(range(1, written // WRITERS + 1)) for job_id in job_ids}
    for writer in writers:
        await writer.close()


async def test_a_later_event_is_not_seen_before_an_earlier_one_that_is_not_committed_yet(
    database: Database, database_url: str
) -> None:
    slow, fast = Database.connect(database_url), Database.connect(database_url)
    first, second = await add_jobs(database, 2)
    written, go_on = asyncio.Event(), asyncio.Event()

    async def write_slowly() -> None:
        async with slow.transaction() as session:
            await append_events(session, [NewEvent(job_id=first, seq=1, type=JobEventType.LOG)])
            written.set()
            await go_on.wait()

    writing = asyncio.create_task(write_slowly())
    await written.wait()
    overtaking = asyncio.create_task(append(fast, [second], 1))
    done, _ = await asyncio.wait([overtaking], timeout=0.2)
    assert (done, await read_behind(database, 0)) == (set(), [])
    go_on.set()
    await asyncio.gather(writing, overtaking)
    assert [event.job_id for event in await read_behind(database, 0)] == [first, second]
    for writer in (slow, fast):
        await writer.close()


async def test_events_that_were_rolled_back_hide_none_that_come_after(database: Database) -> None:
    [job_id] = await add_jobs(database, 1)
    await append(database, [job_id], 1)
    [before] = await read_behind(database, 0)
    try:
        async with database.transaction() as session:
            await append_events(session, [NewEvent(job_id=job_id, seq=2, type=JobEventType.LOG)])
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    await append(database, [job_id], 1)
    [event] = await read_behind(database, before.number or 0)
    assert (event.seq, event.job_id) == (2, job_id)


async def test_no_events_take_no_lock(database: Database, database_url: str) -> None:
    other = Database.connect(database_url)
    [job_id] = await add_jobs(database, 1)
    async with database.transaction() as session:
        await append_events(session, [])
        if session.get_bind().dialect.name == "postgresql":
            await append(other, [job_id], 1)
            assert len(await read_behind(database, 0)) == 1
    await other.close()
