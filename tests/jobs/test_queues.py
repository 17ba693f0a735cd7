"""Both queues keep the same promises."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from headgate.jobs.memory import InProcessQueue
from headgate.jobs.redis_consumer import RedisConsumer
from headgate.jobs.redis_queue import RedisQueue
from tests.jobs.lines import Line, Recorder, consuming, wakeup

DAY_S = 24 * 3600.0


@pytest.fixture(params=["in process", "Redis"])
async def line(request: pytest.FixtureRequest) -> AsyncIterator[Line]:
    if request.param == "in process":
        queue = InProcessQueue()
        yield Line(queue, lambda: queue)
        return
    url: str = request.getfixturevalue("redis_server").url
    async with RedisQueue(url) as redis_queue:
        yield Line(redis_queue, lambda: RedisConsumer(url))


async def test_what_is_due_longest_is_handed_out_first(line: Line) -> None:
    seen = Recorder()
    due = [
        wakeup("late"),
        wakeup("last", in_s=-0.5),
        wakeup("first", in_s=-8 * DAY_S),
        wakeup("early", in_s=-2),
    ]
    assert await line.queue.wake(due) == 4
    async with consuming(line.make_consumer(), seen):
        assert await seen.next(4) == ["first", "early", "late", "last"]


async def test_nothing_is_handed_out_before_its_moment_nor_long_after(line: Line) -> None:
    seen = Recorder()
    soon = wakeup("soon", in_s=0.2)
    await line.queue.wake([wakeup("tomorrow", in_s=DAY_S), soon, wakeup("now")])
    async with consuming(line.make_consumer(), seen):
        assert await seen.next(2) == ["now", "soon"]
        late_s = (datetime.now(UTC) - soon.at).total_seconds()
    assert 0 <= late_s < 1


async def test_one_that_is_to_come_earlier_is_not_held_up_by_one_that_waits(line: Line) -> None:
    seen = Recorder()
    async with consuming(line.make_consumer(), seen):
        await line.queue.wake([wakeup("later", in_s=3600)])
        await line.queue.wake([wakeup("sooner", in_s=0.05)])
        assert await seen.next() == ["sooner"]


async def test_one_that_waits_is_not_put_in_line_again(line: Line) -> None:
    seen = Recorder()
    assert await line.queue.wake([wakeup("a", in_s=-2), wakeup("b", in_s=-1)]) == 2
    assert await line.queue.wake([wakeup("a", in_s=-3), wakeup("b", in_s=-4), wakeup("c", in_s=0)]) == 1
    async with consuming(line.make_consumer(), seen):
        assert await seen.next(3) == ["a", "b", "c"]
        await line.queue.wake([wakeup("d")])
        assert await seen.next() == ["d"]


async def test_one_that_is_named_twice_waits_once(line: Line) -> None:
    assert await line.queue.wake([wakeup("a"), wakeup("a")]) == 1
    assert await line.queue.wake([]) == 0


async def test_one_that_was_handled_can_be_woken_again(line: Line) -> None:
    seen = Recorder()
    async with consuming(line.make_consumer(), seen):
        for dispatch in range(3):
            assert await line.queue.wake([wakeup("a", dispatch)]) == 1
            assert await seen.next() == ["a"]


async def test_one_that_is_being_handled_is_handed_out_again_under_a_newer_dispatch(line: Line) -> None:
    seen = Recorder(hold=True)
    async with consuming(line.make_consumer(), seen, concurrency=2):
        await line.queue.wake([wakeup("a", 1)])
        await seen.next()
        assert await line.queue.wake([wakeup("a", 2)]) == 1
        assert await seen.next() == ["a"]
        assert seen.running == 2
        seen.let_go()
        seen.let_go()


async def test_no_more_are_handled_at_once_than_allowed(line: Line) -> None:
    seen = Recorder(hold=True)
    await line.queue.wake([wakeup(f"job_{number}") for number in range(6)])
    async with consuming(line.make_consumer(), seen, concurrency=2):
        await seen.next(2)
        for _ in range(4):
            seen.let_go()
            await seen.next()
        seen.let_go()
        seen.let_go()
    assert (seen.most_running, seen.running) == (2, 0)


async def test_a_handle_that_raises_harms_no_other(line: Line) -> None:
    seen = Recorder()

    async def handle(job_id: str) -> None:
        await seen(job_id)
        if job_id == "bad":
            raise RuntimeError("bad")

    await line.queue.wake([wakeup("bad", in_s=-3), wakeup("good", in_s=-2)])
    async with consuming(line.make_consumer(), handle):
        assert await seen.next(2) == ["bad", "good"]


async def test_a_closed_consumer_lets_handles_end_and_hands_out_nothing_more(line: Line) -> None:
    seen = Recorder(hold=True)
    consumer = line.make_consumer()
    async with consuming(consumer, seen, concurrency=2) as running:
        await line.queue.wake([wakeup("a")])
        await seen.next()
        await consumer.close()
        await line.queue.wake([wakeup("b")])
        assert not running.done()
        seen.let_go()
        await running
    assert seen.story == ["a began", "a ended"]


async def test_a_consumer_that_was_closed_before_it_began_returns_at_once(line: Line) -> None:
    consumer = line.make_consumer()
    await consumer.close()
    async with asyncio.timeout(5):
        await consumer.consume(Recorder(), concurrency=1)


async def test_a_canceled_consumer_cancels_its_handles(line: Line) -> None:
    seen = Recorder(hold=True)
    await line.queue.wake([wakeup("a", in_s=-2), wakeup("b")])
    running = asyncio.create_task(line.make_consumer().consume(seen, concurrency=2))
    assert await seen.next(2) == ["a", "b"]
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert sorted(seen.canceled) == ["a", "b"]


async def test_thousands_are_put_in_line_and_each_is_handled_once(line: Line) -> None:
    seen = Recorder()
    many = [wakeup(f"job_{number}") for number in range(1500)]
    assert await line.queue.wake(many) == len(many)
    assert await line.queue.wake(many) == 0
    async with consuming(line.make_consumer(), seen, concurrency=20):
        assert sorted(await seen.next(len(many))) == sorted(one.job_id for one in many)
        assert seen.began.empty()


async def test_the_line_tells_what_is_missing_from_it(line: Line) -> None:
    waiting, later, claimed = wakeup("a"), wakeup("b", in_s=DAY_S), wakeup("c")
    await line.queue.wake([waiting, later, claimed])
    newer, unknown = wakeup("c", 1), wakeup("d")
    assert await line.queue.missing([waiting, newer, later, unknown]) == [newer, unknown]
