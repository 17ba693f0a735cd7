"""PROGRESS comes at a pace; nothing else waits, and nothing but PROGRESS is left out."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from headgate.domain.event_reader import Told
from headgate.graphql.pace import paced
from headgate.storage.tables import Job, JobEvent, JobEventType, JobKind


def _event(name: str) -> Told:
    """Make an event: `p…` is PROGRESS and `s…` STATUS, of a job named after what stands behind a dot."""
    kind = JobEventType.PROGRESS if name.startswith("p") else JobEventType.STATUS
    job = Job(id=name.partition(".")[2] or "job", kind=JobKind.INGEST)
    return Told(JobEvent(job_id=job.id, seq=1, type=kind, message=name), job)


async def _recorded(*names: str) -> AsyncGenerator[Told, None]:
    for name in names:
        yield _event(name)


async def _passed(events: AsyncGenerator[Told, None], interval_s: float) -> list[str | None]:
    return [told.event.message async for told in paced(events, interval_s)]


@pytest.mark.parametrize(
    ("names", "passed"),
    [
        ("s1 p1 p2 p3 s2", "s1 p1 p3 s2"),
        ("p1 p2 s1 p3 p4 s2 s3", "p1 p2 s1 p4 s2 s3"),
        ("p1 p2 p3", "p1 p3"),
        ("s1 s2", "s1 s2"),
        ("p0.a p1.a p2.b p3.a p4.b s1.c", "p0.a p3.a p4.b s1.c"),
        ("p0.a p1.b p2.a", "p0.a p1.b p2.a"),
        ("", ""),
    ],
)
async def test_of_progress_in_an_interval_the_newest_passes(names: str, passed: str) -> None:
    assert await _passed(_recorded(*names.split()), 60) == passed.split()


async def test_without_an_interval_everything_passes() -> None:
    names = ["p1", "p2", "p3", "s1", "p4", "p5"]
    assert await _passed(_recorded(*names), 0) == names


async def test_held_progress_passes_when_its_time_has_come() -> None:
    more = asyncio.Event()

    async def live() -> AsyncGenerator[Told, None]:
        yield _event("p1")
        yield _event("p2")
        await more.wait()

    events = paced(live(), 0.01)
    assert [(await anext(events)).event.message for _ in range(2)] == ["p1", "p2"]
    more.set()
    assert await anext(events, None) is None


async def test_whoever_stops_listening_ends_the_source() -> None:
    ended = asyncio.Event()

    async def endless() -> AsyncGenerator[Told, None]:
        try:
            yield _event("s1")
            await asyncio.Event().wait()
        finally:
            ended.set()

    events = paced(endless(), 1)
    await anext(events)
    await events.aclose()
    assert ended.is_set()


async def test_trouble_at_the_source_reaches_the_listener() -> None:
    async def broken() -> AsyncGenerator[Told, None]:
        yield _event("s1")
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await _passed(broken(), 1)
