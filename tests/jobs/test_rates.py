"""Rates in this process, over Redis and in an outage of Redis keep the same promises."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from time import perf_counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from headgate.domain.ports import Rate, Rates
from headgate.jobs import memory_rates, redis_rates
from headgate.jobs.keys import RATES
from headgate.jobs.memory_rates import InProcessRates
from headgate.jobs.redis_link import PATIENCE_S
from headgate.jobs.redis_rates import ADVANCE_PART, RedisRates
from tests.conftest import MakeRedis
from tests.redis_server import RedisServer

# So slow that nothing comes back while a test runs.
SLOWLY = 1e9
TEN = Rate(10, SLOWLY)


@pytest.fixture(params=["in process", "Redis", "Redis in an outage"])
async def rates(request: pytest.FixtureRequest) -> AsyncIterator[Rates]:
    if request.param == "in process":
        yield InProcessRates()
    elif request.param == "Redis":
        async with RedisRates(request.getfixturevalue("redis_server").url) as rates:
            yield rates
    else:
        server: RedisServer = request.getfixturevalue("make_redis")()
        server.kill()
        async with RedisRates(server.url) as rates:
            yield rates


@pytest.fixture
async def two(redis_server: RedisServer) -> AsyncIterator[tuple[RedisRates, RedisRates]]:
    """The rates of two processes."""
    async with RedisRates(redis_server.url) as here, RedisRates(redis_server.url) as there:
        yield here, there


async def granted(rates: Rates, key: str, rate: Rate, times: int, cost: int = 1) -> int:
    """How many of so many attempts at the same time are granted."""
    taken = await asyncio.gather(*(rates.take(key, rate, cost) for _ in range(times)))
    return sum(each.is_granted for each in taken)


async def test_as_much_as_the_limit_is_granted_at_once_and_no_more(rates: Rates) -> None:
    for left in range(9, -1, -1):
        allowance = await rates.take("a", TEN)
        assert (allowance.is_granted, allowance.limit, allowance.remaining) == (True, 10, left)

    refused = await rates.take("a", TEN)

    assert not refused.is_granted
    assert refused.remaining == 0
    assert refused.retry_after_s == pytest.approx(SLOWLY / 10, rel=1e-3)
    assert refused.resets_at - datetime.now(UTC) == pytest.approx(
        timedelta(seconds=SLOWLY), abs=timedelta(seconds=60)
    )


async def test_what_is_refused_takes_nothing(rates: Rates) -> None:
    await rates.take("a", TEN, 8)

    assert not (await rates.take("a", TEN, 3)).is_granted
    assert (await rates.take("a", TEN, 2)).is_granted


async def test_each_key_has_a_rate_of_its_own(rates: Rates) -> None:
    await rates.take("a", TEN, 10)

    assert (await rates.take("b", TEN)).remaining == 9
    assert (await rates.take("an \ud800 odd one" + "x" * 100_000, TEN)).remaining == 9


async def test_a_cost_beyond_the_limit_is_the_limit(rates: Rates) -> None:
    assert (await rates.take("a", TEN, 1000)).is_granted
    assert not (await rates.take("a", TEN)).is_granted


async def test_asking_what_is_left_takes_nothing(rates: Rates) -> None:
    assert (await rates.take("a", TEN, 0)).remaining == 10
    await rates.take("a", TEN, 10)
    for _ in range(3):
        told = await rates.take("a", TEN, 0)
        assert (told.is_granted, told.remaining) == (True, 0)


async def test_what_is_given_back_can_be_taken_again(rates: Rates) -> None:
    await rates.take("a", TEN, 10)
    await rates.give_back("a", TEN, 4)
    await rates.give_back("unknown", TEN, 4)

    assert await granted(rates, "a", TEN, 20) == 4
    assert (await rates.take("unknown", TEN, 0)).remaining == 10


async def test_what_was_taken_comes_back_bit_by_bit(rates: Rates) -> None:
    quickly = Rate(10, 0.5)
    await rates.take("a", quickly, 10)
    refused = await rates.take("a", quickly)
    assert 0 < refused.retry_after_s <= 0.05
    await asyncio.sleep(refused.retry_after_s)

    assert (await rates.take("a", quickly)).is_granted
    assert not (await rates.take("a", quickly, 10)).is_granted


async def test_who_asks_at_the_same_time_gets_no_more_together(rates: Rates) -> None:
    assert await granted(rates, "a", Rate(20, SLOWLY), 50) == 20
    assert await granted(rates, "b", Rate(1000, SLOWLY), 300, cost=7) == 142


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
@given(
    limit=st.integers(1, 2_000),
    steps=st.lists(
        st.tuples(st.integers(0, 5_000), st.one_of(st.just(0), st.integers(1, 20), st.integers(1, 3_000)))
    ),
)
async def test_it_counts_like_a_leaky_bucket(limit: int, steps: list[tuple[int, int]]) -> None:
    """Of a bucket that leaks `limit` a minute: an exact model, in fractions and on its own clock."""
    now_ms, level = 0, Fraction(0)
    rates = InProcessRates(now=lambda: now_ms / 1000)
    for pause_ms, cost in steps:
        now_ms += pause_ms
        level = max(level - Fraction(limit * pause_ms, 60_000), Fraction(0))
        allowance = await rates.take("a", Rate(limit), cost)
        fits = level + min(cost, limit) <= limit
        assert allowance.is_granted is fits
        if fits:
            level += min(cost, limit)
        else:
            over = level + min(cost, limit) - limit
            assert allowance.retry_after_s == pytest.approx(float(over * 60 / limit), rel=1e-6, abs=1e-9)
        assert allowance.remaining == pytest.approx(float(limit - level), abs=1.00001)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limit=st.integers(1, 3_000),
    steps=st.lists(st.tuples(st.booleans(), st.integers(0, 400)), max_size=40),
)
async def test_two_processes_count_together(
    redis_server: RedisServer, limit: int, steps: list[tuple[bool, int]]
) -> None:
    redis_server.flush()
    rate, taken = Rate(limit, SLOWLY), 0
    held_at_most = limit // ADVANCE_PART
    async with RedisRates(redis_server.url) as here, RedisRates(redis_server.url) as there:
        for is_here, cost in steps:
            allowance = await (here if is_here else there).take("a", rate, cost)
            fits = taken + min(cost, limit) <= limit
            if allowance.is_granted:
                assert fits
                taken += min(cost, limit)
            else:
                assert taken + min(cost, limit) > limit - held_at_most


async def test_limits_that_are_small_are_exact_over_processes(two: tuple[RedisRates, RedisRates]) -> None:
    rate = Rate(99, SLOWLY)
    counts = await asyncio.gather(*(granted(rates, "a", rate, 60) for rates in two))

    assert sum(counts) == 99


async def test_most_requests_take_no_way_to_redis(
    two: tuple[RedisRates, RedisRates], redis_server: RedisServer
) -> None:
    here, there = two
    rate = Rate(6_000, SLOWLY)
    await here.take("another", TEN)
    before = redis_server.run("INFO", "commandstats")["cmdstat_evalsha"]["calls"]
    for _ in range(1_000):
        assert (await here.take("a", rate)).is_granted

    calls = redis_server.run("INFO", "commandstats")["cmdstat_evalsha"]["calls"] - before
    assert calls <= 1_000 / 60 + 1
    assert (await there.take("a", rate)).remaining >= 4_900


async def test_what_is_counted_is_forgotten_once_all_is_there_again(
    two: tuple[RedisRates, RedisRates], redis_server: RedisServer
) -> None:
    await two[0].take("a person's address", Rate(10, 60), 5)

    (key,) = redis_server.run("KEYS", "*")
    assert key.decode().startswith(f"{RATES}:")
    assert b"person" not in key
    assert 29_000 < redis_server.run("PTTL", key) <= 30_001

    await two[1].give_back("a person's address", Rate(10, 60), 5)
    assert redis_server.run("KEYS", "*") == []


async def test_an_advance_lapses_after_a_period(redis_server: RedisServer) -> None:
    now = 0.0
    rate = Rate(1_000, 60)
    async with RedisRates(redis_server.url, now=lambda: now) as rates, RedisRates(redis_server.url) as other:
        await rates.take("a", rate)
        await other.take("a", rate, 960)
        assert (await rates.take("a", rate)).remaining > 900
        now = 61.0
        assert (await rates.take("a", rate)).remaining < 100


async def test_a_hanging_redis_is_waited_for_once_and_told_once(make_redis: MakeRedis) -> None:
    server = make_redis()
    async with RedisRates(server.url) as rates:
        await rates.take("counted before", TEN, 4)
        server.hang()
        with capture_logs() as logs:
            began = perf_counter()
            assert await granted(rates, "a", TEN, 50) == 10
            assert perf_counter() - began < 2 * PATIENCE_S
            began = perf_counter()
            for _ in range(100):
                assert not (await rates.take("a", TEN)).is_granted
            assert perf_counter() - began < 0.1
            server.resume()
            async with asyncio.timeout(10):
                while (await rates.take("counted before", TEN, 0)).remaining != 6:  # noqa: ASYNC110, nobody tells
                    await asyncio.sleep(0.01)
        assert [entry["event"] for entry in logs] == ["redis.fails", "redis.back"]
        assert all(entry["purpose"] == "rates" for entry in logs)


async def test_a_redis_that_forgot_everything_counts_anew(
    two: tuple[RedisRates, RedisRates], redis_server: RedisServer
) -> None:
    await two[0].take("a", TEN, 10)
    redis_server.run("SCRIPT", "FLUSH")
    redis_server.flush()

    assert (await two[0].take("a", TEN)).is_granted


async def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch, redis_server: RedisServer) -> None:
    monkeypatch.setattr(memory_rates, "MAX_KEYS", 10)
    monkeypatch.setattr(redis_rates, "MAX_ADVANCES", 10)
    here = InProcessRates()
    async with RedisRates(redis_server.url) as shared:
        for number in range(50):
            await here.take(f"key_{number}", TEN)
            await shared.take(f"key_{number}", TEN)
        assert len(here._full_at) == len(shared._advances) == 10
    assert (await here.take("key_49", TEN)).remaining == 8
