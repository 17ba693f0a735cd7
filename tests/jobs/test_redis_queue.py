"""Jobs get done whatever happens to Redis, and whatever stands in it."""

import asyncio
import json
import pickle
from collections.abc import AsyncIterator
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest
from structlog.testing import capture_logs

from headgate.jobs import keys, redis_consumer
from headgate.jobs.redis_consumer import RedisConsumer
from headgate.jobs.redis_link import Outage
from headgate.jobs.redis_queue import RedisQueue
from tests.conftest import MakeRedis
from tests.fleet import until
from tests.jobs.lines import PATIENCE_S, Recorder, consuming, wakeup
from tests.redis_server import RedisServer

DAY_MS = 24 * 3600 * 1000


@pytest.fixture
async def queue(redis_server: RedisServer) -> AsyncIterator[RedisQueue]:
    async with RedisQueue(redis_server.url) as queue:
        yield queue


@pytest.fixture
def own_redis(make_redis: MakeRedis) -> RedisServer:
    return make_redis()


@pytest.fixture
async def own_queue(own_redis: RedisServer) -> AsyncIterator[RedisQueue]:
    """A queue in a Redis that the test may kill."""
    async with RedisQueue(own_redis.url) as queue:
        yield queue


async def test_redis_holds_ids_in_json_and_nothing_else(queue: RedisQueue, redis_server: RedisServer) -> None:
    await queue.wake([wakeup("job_1", 7, in_s=-3 * 24 * 3600)])
    stored = {key.decode() for key in redis_server.run("KEYS", "*")}
    assert stored == {keys.QUEUE, "arq:job:job_1:7"}
    assert redis_server.run("ZRANGE", keys.QUEUE, 0, -1) == [b"job_1:7"]
    entry = json.loads(redis_server.run("GET", "arq:job:job_1:7"))
    assert entry.pop("et") > 0
    assert entry == {"f": keys.FUNCTION, "a": ["job_1"], "k": {}, "t": None}


async def test_an_entry_outlives_its_moment_by_days(queue: RedisQueue, redis_server: RedisServer) -> None:
    await queue.wake([wakeup("old", in_s=-30 * 24 * 3600), wakeup("far", in_s=30 * 24 * 3600)])
    assert redis_server.run("PTTL", "arq:job:old:0") > 6 * DAY_MS
    assert redis_server.run("PTTL", "arq:job:far:0") > 36 * DAY_MS


async def test_nothing_is_left_of_what_was_handled(queue: RedisQueue, redis_server: RedisServer) -> None:
    seen = Recorder()
    await queue.wake([wakeup("a")])
    async with consuming(RedisConsumer(redis_server.url), seen):
        await seen.next()
    assert redis_server.run("KEYS", "*") == [keys.HEALTH_CHECK.encode()]


async def test_one_that_died_with_its_worker_is_put_in_line_again_once(
    queue: RedisQueue, redis_server: RedisServer
) -> None:
    seen = Recorder()
    await queue.wake([wakeup("a", 1), wakeup("b", 1)])
    redis_server.run("SET", keys.in_progress_key("a:1"), "1")
    again = [wakeup("a", 1), wakeup("b", 1)]
    assert [await queue.wake(again), await queue.wake(again)] == [1, 0]
    redis_server.run("SET", keys.in_progress_key("a:1.1"), "1")
    assert [await queue.wake(again), await queue.wake(again)] == [1, 0]
    async with consuming(RedisConsumer(redis_server.url), seen):
        assert sorted(await seen.next(2)) == ["a", "b"]


async def test_running_and_dead_entries_of_others_do_not_hold_up_the_rest(
    queue: RedisQueue, redis_server: RedisServer
) -> None:
    seen = Recorder()
    dead = [wakeup(f"dead_{number}", in_s=-9) for number in range(60)]
    await queue.wake([*dead, wakeup("a")])
    for one in dead:
        redis_server.run("SET", keys.in_progress_key(f"{one.job_id}:0"), "1")
    async with consuming(RedisConsumer(redis_server.url), seen):
        assert await seen.next() == ["a"]


async def test_what_a_closed_consumer_leaves_another_takes(
    queue: RedisQueue, redis_server: RedisServer
) -> None:
    first, second = Recorder(hold=True), Recorder()
    many = [wakeup(f"job_{number}") for number in range(40)]
    await queue.wake(many)
    async with consuming(RedisConsumer(redis_server.url), first, concurrency=10):
        await first.next()
        for _ in many:
            first.let_go()
    taken = {line.split()[0] for line in first.story}
    async with consuming(RedisConsumer(redis_server.url), second, concurrency=10):
        left = await second.next(len(many) - len(taken))
    assert not taken & set(left)


async def test_two_consumers_share_the_line(queue: RedisQueue, redis_server: RedisServer) -> None:
    seen = Recorder()
    many = [wakeup(f"job_{number}") for number in range(300)]
    await queue.wake(many)
    async with (
        consuming(RedisConsumer(redis_server.url), seen, concurrency=5),
        consuming(RedisConsumer(redis_server.url), seen, concurrency=5),
    ):
        assert len(set(await seen.next(len(many)))) == len(many)
        assert seen.began.empty()


class Trap:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self._path,)


@pytest.mark.parametrize(
    "text", [b"no JSON", b"[]", b'{"a":[1],"et":0}', b'{"a":["a"],"et":-1}', b'{"a":["a"],"et":1e99}', None]
)
async def test_what_is_no_entry_is_thrown_away_unread(
    queue: RedisQueue, redis_server: RedisServer, tmp_path: Path, text: bytes | None
) -> None:
    seen = Recorder()
    redis_server.run("SET", "arq:job:evil", text or pickle.dumps(Trap(tmp_path / "touched")))
    redis_server.run("ZADD", keys.QUEUE, 1, "evil")
    redis_server.run("ZADD", keys.QUEUE, 2, "without an entry")
    await queue.wake([wakeup("good")])
    async with consuming(RedisConsumer(redis_server.url), seen):
        assert await seen.next() == ["good"]

        async def is_empty() -> bool:
            return bool(redis_server.run("ZCARD", keys.QUEUE) == 0)

        # What was handed over leaves the line a moment later than it begins.
        await until(is_empty, PATIENCE_S, "the line keeps what is no entry")
    assert not (tmp_path / "touched").exists()


async def test_an_outage_is_logged_once_and_costs_nobody_time(
    own_queue: RedisQueue, own_redis: RedisServer
) -> None:
    await own_queue.wake([wakeup("a")])
    own_redis.kill()
    began = perf_counter()
    with capture_logs() as logs:
        assert [await own_queue.wake([wakeup("b")]) for _ in range(3)] == [0, 0, 0]
    assert perf_counter() - began < 1
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("redis.fails", "warning")]
    own_redis.start()
    with capture_logs() as logs:
        assert await own_queue.wake([wakeup("a"), wakeup("b")]) == 2
    assert [entry["event"] for entry in logs] == ["redis.back"]


async def test_a_hanging_redis_is_given_up_soon(own_queue: RedisQueue, own_redis: RedisServer) -> None:
    await own_queue.ping()
    own_redis.hang()
    began = perf_counter()
    assert await own_queue.wake([wakeup("a")]) == 0
    assert perf_counter() - began < 1.5
    own_redis.resume()
    await own_queue.ping()


async def test_a_ping_tells_whether_redis_is_there(own_queue: RedisQueue, own_redis: RedisServer) -> None:
    await own_queue.ping()
    own_redis.kill()
    with pytest.raises(ConnectionError):
        await own_queue.ping()


async def test_a_refusal_of_redis_is_trouble_like_any_other(
    own_queue: RedisQueue, own_redis: RedisServer
) -> None:
    seen = Recorder()
    own_redis.run("SET", keys.QUEUE, "no line")
    assert await own_queue.wake([wakeup("a")]) == 0
    async with consuming(RedisConsumer(own_redis.url), seen):
        own_redis.flush()
        assert await own_queue.wake([wakeup("a")]) == 1
        assert await seen.next() == ["a"]


async def test_a_restart_interrupts_no_handle_and_stops_no_consumer(
    own_queue: RedisQueue, own_redis: RedisServer
) -> None:
    seen = Recorder(hold=True)
    async with consuming(RedisConsumer(own_redis.url), seen, concurrency=2):
        await own_queue.wake([wakeup("a")])
        await seen.next()
        for job_id in ("b", "c"):
            own_redis.restart()
            assert await own_queue.wake([wakeup(job_id)]) == 1
            assert await seen.next() == [job_id]
            seen.let_go()
        seen.let_go()
    assert (seen.canceled, seen.most_running) == ([], 2)


async def test_a_consumer_gets_over_a_redis_that_does_not_answer(
    own_queue: RedisQueue, own_redis: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_consumer, "SILENCE_S", 0.2)
    failed = asyncio.Event()

    class Told(Outage):
        def trouble(self, error: BaseException) -> float:
            failed.set()
            return super().trouble(error)

    monkeypatch.setattr(redis_consumer, "Outage", Told)
    seen = Recorder(hold=True)
    async with consuming(RedisConsumer(own_redis.url), seen, concurrency=2):
        await own_queue.wake([wakeup("a")])
        await seen.next()
        own_redis.hang()
        await asyncio.wait_for(failed.wait(), 5)
        own_redis.resume()
        await own_queue.wake([wakeup("b")])
        assert await seen.next() == ["b"]
        seen.let_go()
        seen.let_go()
    assert seen.canceled == []


async def test_handles_from_before_a_restart_count_among_those_allowed(
    own_queue: RedisQueue, own_redis: RedisServer
) -> None:
    seen = Recorder(hold=True)
    async with consuming(RedisConsumer(own_redis.url), seen, concurrency=2):
        await own_queue.wake([wakeup("a"), wakeup("b")])
        await seen.next(2)
        own_redis.restart()
        await own_queue.wake([wakeup("c", in_s=-3), wakeup("d", in_s=-2)])
        began = []
        for _ in range(2):
            seen.let_go()
            began += await seen.next()
        assert sorted(began) == ["c", "d"]
        seen.let_go()
        seen.let_go()
    assert seen.most_running == 2


async def test_what_redis_forgot_is_handed_out_when_it_is_woken_again(
    queue: RedisQueue, redis_server: RedisServer
) -> None:
    seen = Recorder(hold=True)
    async with consuming(RedisConsumer(redis_server.url), seen, concurrency=2):
        await queue.wake([wakeup("running"), wakeup("later", in_s=3600)])
        await seen.next()
        redis_server.flush()
        assert await queue.wake([wakeup("later", in_s=0.02)]) == 1
        assert await seen.next() == ["later"]
        seen.let_go()
        seen.let_go()
    assert seen.story[-2:] == ["running ended", "later ended"]


async def test_a_consumer_that_begins_in_an_outage_waits_for_its_end(own_redis: RedisServer) -> None:
    seen = Recorder()
    own_redis.kill()
    with capture_logs() as logs:
        async with consuming(RedisConsumer(own_redis.url), seen), RedisQueue(own_redis.url) as queue:
            assert await queue.wake([wakeup("a")]) == 0
            own_redis.start()
            assert await queue.wake([wakeup("a")]) == 1
            assert await seen.next() == ["a"]
    assert sum(entry["event"] == "redis.fails" and entry["purpose"] == "consumer" for entry in logs) <= 1


async def test_a_consumer_that_is_closed_in_an_outage_returns(own_redis: RedisServer) -> None:
    seen = Recorder(hold=True)
    async with RedisQueue(own_redis.url) as queue, consuming(RedisConsumer(own_redis.url), seen):
        await queue.wake([wakeup("a")])
        await seen.next()
        own_redis.kill()
        seen.let_go()
    assert seen.story == ["a began", "a ended"]
