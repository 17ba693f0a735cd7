"""The queue and the signals of one process."""

import asyncio

from headgate.jobs.memory import InProcessQueue, InProcessSignals


async def test_jobs_are_taken_first_come_first_served_and_each_waits_once() -> None:
    queue = InProcessQueue()
    for job_id in ("job_1", "job_2", "job_1"):
        await queue.wake(job_id)
    await queue.wake("job_3")
    assert [await queue.take() for _ in range(3)] == ["job_1", "job_2", "job_3"]


async def test_a_job_that_was_taken_can_be_woken_again() -> None:
    queue = InProcessQueue()
    await queue.wake("job_1")
    assert await queue.take() == "job_1"
    await queue.wake("job_1")
    assert await queue.take() == "job_1"


async def test_who_waits_gets_the_next_job() -> None:
    queue = InProcessQueue()
    taking = [asyncio.create_task(queue.take()) for _ in range(2)]
    await queue.wake("job_1")
    await queue.wake("job_2")
    assert await asyncio.gather(*taking) == ["job_1", "job_2"]


async def test_a_closed_queue_lets_everybody_go() -> None:
    queue = InProcessQueue()
    taking = asyncio.create_task(queue.take())
    await queue.close()
    await queue.wake("job_1")
    assert (await taking, await queue.take()) == (None, None)


async def test_nothing_is_missed_between_two_waits() -> None:
    signals = InProcessSignals()
    async with signals.listen("a") as listener:
        signals.notify("a")
        signals.notify("a")
        assert await listener.wait(0)
        assert not await listener.wait(0)
        signals.notify("b")
        assert not await listener.wait(0)


async def test_every_listener_hears_its_topic_while_it_listens() -> None:
    signals = InProcessSignals()
    async with signals.listen("a") as first:
        async with signals.listen("a") as second:
            waiting = [asyncio.create_task(listener.wait()) for listener in (first, second)]
            signals.notify("a")
            assert await asyncio.gather(*waiting) == [True, True]
        signals.notify("a")
        assert await first.wait(0)
        assert not await second.wait(0)
