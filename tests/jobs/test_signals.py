"""Both kinds of signals keep the same promises, and those over Redis reach other processes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from time import perf_counter

import pytest

from headgate.domain.ports import Signals
from headgate.jobs import redis_signals
from headgate.jobs.memory import InProcessSignals
from headgate.jobs.redis_link import Outage
from headgate.jobs.redis_signals import RedisSignals
from tests.conftest import MakeRedis
from tests.redis_server import RedisServer

PATIENCE_S = 10


@pytest.fixture(params=["in process", "Redis", "Redis in an outage"])
async def signals(request: pytest.FixtureRequest) -> AsyncIterator[Signals]:
    if request.param == "in process":
        yield InProcessSignals()
    elif request.param == "Redis":
        async with RedisSignals(request.getfixturevalue("redis_server").url) as signals:
            yield signals
    else:
        server: RedisServer = request.getfixturevalue("make_redis")()
        server.kill()
        async with RedisSignals(server.url) as signals:
            yield signals


@pytest.fixture
def own_redis(make_redis: MakeRedis) -> RedisServer:
    return make_redis()


@pytest.fixture
async def two(redis_server: RedisServer) -> AsyncIterator[tuple[RedisSignals, RedisSignals]]:
    """The signals of two processes."""
    async with RedisSignals(redis_server.url) as here, RedisSignals(redis_server.url) as there:
        yield here, there


async def test_nothing_is_missed_between_two_waits(signals: Signals) -> None:
    async with signals.listen("a") as listener:
        signals.notify("a")
        signals.notify("a")
        assert await listener.wait(0)
        assert not await listener.wait(0)
        signals.notify("b")
        assert not await listener.wait(0)


async def test_every_listener_hears_its_topic_while_it_listens(signals: Signals) -> None:
    async with signals.listen("a") as first:
        async with signals.listen("a") as second:
            waiting = [asyncio.create_task(listener.wait()) for listener in (first, second)]
            signals.notify("a")
            assert await asyncio.gather(*waiting) == [True, True]
        signals.notify("a")
        assert await first.wait(0)
        assert not await second.wait(0)


async def test_who_is_roused_hears_its_topic(signals: Signals) -> None:
    async with signals.listen("a") as listener, signals.listen("b") as other:
        signals.rouse("a")
        assert await listener.wait(0)
        assert not await other.wait(0)


async def test_rousing_is_not_heard_by_another_process(two: tuple[RedisSignals, RedisSignals]) -> None:
    here, there = two
    async with there.listen("a") as listener, there.listen("b") as fence:
        here.rouse("a")
        here.notify("b")
        assert await fence.wait(PATIENCE_S)
        assert not await listener.wait(0)


async def test_another_process_hears_its_topics_and_no_others(two: tuple[RedisSignals, RedisSignals]) -> None:
    here, there = two
    async with there.listen("a") as first, there.listen("b") as second, there.listen("c") as third:
        here.notify("a")
        here.notify("c")
        assert await first.wait(PATIENCE_S)
        assert await third.wait(PATIENCE_S)
        assert not await second.wait(0)


async def test_who_notifies_hears_no_echo(two: tuple[RedisSignals, RedisSignals]) -> None:
    here, there = two
    async with here.listen("a") as listener, there.listen("a") as other, here.listen("b") as fence:
        here.notify("a")
        assert await listener.wait(0)
        assert await other.wait(PATIENCE_S)
        there.notify("b")
        assert await fence.wait(PATIENCE_S)
        assert not await listener.wait(0)


async def test_another_process_hears_within_milliseconds(two: tuple[RedisSignals, RedisSignals]) -> None:
    here, there = two
    taken_s = []
    async with there.listen("a") as listener:
        for _ in range(100):
            began = perf_counter()
            here.notify("a")
            assert await listener.wait(PATIENCE_S)
            taken_s.append(perf_counter() - began)
    assert sorted(taken_s)[49] < 0.02


async def test_a_burst_goes_out_in_few_messages(
    two: tuple[RedisSignals, RedisSignals], redis_server: RedisServer
) -> None:
    here, there = two
    before = _messages(redis_server)
    async with there.listen("topic_999") as listener:
        for number in range(1000):
            here.notify(f"topic_{number}")
        assert await listener.wait(PATIENCE_S)
    assert _messages(redis_server) - before <= 2


async def test_more_topics_than_can_wait_wake_everybody(
    two: tuple[RedisSignals, RedisSignals], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_signals, "MAX_WAITING", 10)
    here, there = two
    async with there.listen("topic_3") as early, there.listen("topic_99") as late, there.listen("z") as other:
        for number in range(100):
            here.notify(f"topic_{number}")
        for listener in (early, late, other):
            assert await listener.wait(PATIENCE_S)


async def test_what_is_not_understood_is_passed_over(
    two: tuple[RedisSignals, RedisSignals], redis_server: RedisServer
) -> None:
    here, there = two
    for text in ("no JSON", "[]", "3", "{}", '["x",{"a":1}]'):
        assert redis_server.run("PUBLISH", "headgate:signals:0", text) == 2
    async with there.listen("a") as listener:
        here.notify("a")
        assert await listener.wait(PATIENCE_S)


async def test_headgates_in_two_databases_do_not_hear_each_other(redis_server: RedisServer) -> None:
    other_url = redis_server.url.removesuffix("/0") + "/1"
    async with AsyncExitStack() as stack:
        here, there, other = [
            await stack.enter_async_context(RedisSignals(url))
            for url in (redis_server.url, redis_server.url, other_url)
        ]
        async with there.listen("a") as heard, other.listen("a") as unheard, other.listen("b") as fence:
            here.notify("a")
            assert await heard.wait(PATIENCE_S)
            async with RedisSignals(other_url) as neighbour:
                neighbour.notify("b")
                assert await fence.wait(PATIENCE_S)
            assert not await unheard.wait(0)


async def test_what_was_said_last_is_sent_before_the_end(redis_server: RedisServer) -> None:
    async with RedisSignals(redis_server.url) as there, there.listen("a") as listener:
        async with RedisSignals(redis_server.url) as here:
            here.notify("a")
        assert await listener.wait(PATIENCE_S)


async def test_after_an_outage_everybody_is_woken_and_hears_again(own_redis: RedisServer) -> None:
    async with RedisSignals(own_redis.url) as here, RedisSignals(own_redis.url) as there:
        async with there.listen("a") as listener, there.listen("b") as other:
            own_redis.kill()
            here.notify("a")
            own_redis.start()
            assert await listener.wait(PATIENCE_S)
            assert await other.wait(PATIENCE_S)
        async with there.listen("c") as listener:
            here.notify("c")
            assert await listener.wait(PATIENCE_S)


async def test_a_connection_that_has_gone_silent_is_replaced(
    own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = asyncio.Event()

    class Told(Outage):
        def trouble(self, error: BaseException) -> float:
            failed.set()
            return super().trouble(error)

    monkeypatch.setattr(redis_signals, "Outage", Told)
    monkeypatch.setattr(redis_signals, "QUIET_S", 0.05)
    async with RedisSignals(own_redis.url) as signals, signals.listen("a") as listener:
        own_redis.hang()
        await asyncio.wait_for(failed.wait(), PATIENCE_S)
        own_redis.resume()
        assert await listener.wait(PATIENCE_S)


def _messages(server: RedisServer) -> int:
    """Count the messages that were published so far."""
    calls = server.run("INFO", "commandstats").get("cmdstat_publish", {"calls": 0})
    count: int = calls["calls"]
    return count
