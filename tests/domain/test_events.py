"""Jobs are followed by their events: none is missed, none comes twice."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest

from headgate.domain import event_reader, events, runs
from headgate.domain.event_reader import Scope
from headgate.domain.jobs import JobFilter
from headgate.domain.pages import encode_cursor
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.ids import new_id
from headgate.storage.tables import Job, JobEventType
from tests.domain.outcomes import FAULT


async def seen_of(services: Services, job: Job, after: int = 0) -> list[int]:
    """Follow a job that has ended; answers the places of the events in it."""
    return [told.event.seq async for told in events.watch(services, job.id, after)]


async def progress(services: Services, held: Any, stage: str) -> None:
    await runs.progress(services, [(held, {"stage": stage})], with_totals=False)


async def test_a_follower_sees_recorded_and_live_events_once_until_the_last(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    held = await claim(await submit())
    seen = []
    async for told in events.watch(services, held.job_id):
        seen.append(told.event.seq)
        if told.event.seq == 2:
            await progress(services, held, "reading")
        if told.event.seq == 3:
            await end(held, FAULT)
    assert seen == [1, 2, 3, 4]


async def test_a_follower_gets_more_events_than_one_query_reads(
    services: Services, submit: Any, claim: Any, end: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_reader, "MAX_EVENTS", 2)
    monkeypatch.setattr(events, "MAX_EVENTS", 2)
    held = await claim(await submit())
    for number in range(3):
        await progress(services, held, str(number))
    await end(held, FAULT)
    assert await seen_of(services, held.job) == [1, 2, 3, 4, 5, 6]


async def test_whoever_reads_a_long_past_leaves_others_their_turns(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    held = await claim(await submit())
    for number in range(5):
        await progress(services, held, str(number))
    await end(held, FAULT)
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(take_turns())
    seen = [turns async for _ in events.watch(services, held.job_id)]
    other.cancel()
    assert seen == sorted(set(seen))


async def test_a_follower_resumes_behind_its_cursor(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    held = await claim(await submit())
    other = await claim(await submit())
    await end(held, FAULT)
    await end(other, FAULT)
    first, *_, last = [told async for told in events.watch(services, held.job_id)]
    number = events.decode_event_cursor(events.event_cursor(first.event))
    assert await seen_of(services, held.job, number) == [2, 3]
    assert await seen_of(services, held.job, last.number) == []


async def test_a_job_that_is_not_there_cannot_be_followed(services: Services) -> None:
    with pytest.raises(UserFault, match="NOT_FOUND"):
        await anext(events.watch(services, new_id("job")))
    with pytest.raises(UserFault, match="INVALID_ID"):
        await anext(events.watch(services, "job_1"))


@pytest.mark.parametrize(
    "cursor", ["", "x", encode_cursor(""), encode_cursor("-1"), encode_cursor("job_1:2")]
)
async def test_a_cursor_of_something_else_is_refused(cursor: str) -> None:
    with pytest.raises(UserFault, match="INVALID_CURSOR"):
        events.decode_event_cursor(cursor)


async def test_a_slow_follower_is_told_that_it_misses_events_and_still_sees_the_last(
    services: Services, submit: Any, claim: Any, end: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_reader, "MAX_EVENTS", 2)
    monkeypatch.setattr(events, "MAX_EVENTS", 2)
    monkeypatch.setattr(events, "MAX_BEHIND", 4)
    held = await claim(await submit())
    seen = []
    async with aclosing(events.watch(services, held.job_id)) as following:
        seen += [await anext(following) for _ in range(2)]
        waiting = asyncio.create_task(anext(following))
        await progress(services, held, "0")
        seen.append(await waiting)
        for number in range(8):
            await progress(services, held, str(number))
        await end(held, FAULT)
        seen += [told async for told in following]

    lagged = [told for told in seen if told.event.type is JobEventType.LAGGED]
    assert len(lagged) == 1
    assert seen[-1].event.seq == 12
    behind = events.decode_event_cursor(events.event_cursor(lagged[0].event))
    missed = await seen_of(services, held.job, behind)
    kept = [told.event.seq for told in seen if told.event.type is not JobEventType.LAGGED]
    assert sorted({*kept, *missed}) == list(range(1, 13))


async def test_the_feed_tells_of_every_job_that_matches_behind_a_number(
    services: Services, submit: Any, claim: Any, end: Any
) -> None:
    [before] = await services.events.after(Scope.of_job((await submit()).id), 0)
    seen = []
    async with aclosing(events.feed(services, JobFilter(dataset="sales"), before.number)) as feed:
        first = asyncio.create_task(anext(feed))
        other, job = await submit("other"), await submit()
        held = await claim(job)
        await end(await claim(other), FAULT)
        await end(held, FAULT)
        seen += [await first, await anext(feed), await anext(feed)]
    assert [(told.event.job_id, told.event.seq) for told in seen] == [(job.id, 1), (job.id, 2), (job.id, 3)]
