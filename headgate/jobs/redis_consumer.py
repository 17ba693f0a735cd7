"""Takes due jobs out of the line in Redis, by workers of ARQ that are replaced whenever Redis fails them."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any

import orjson
import structlog
from arq import ArqRedis, Retry, func
from arq.typing import WorkerCoroutine
from arq.utils import timestamp_ms
from arq.worker import Worker

from headgate.jobs import keys
from headgate.jobs.consumer import Handle, Handles
from headgate.jobs.redis_link import (
    LONGEST_PAUSE_S,
    PATIENCE_S,
    TROUBLE,
    Outage,
    unlimited_connections,
)
from headgate.jobs.waiting import is_set_within

POLL_INTERVAL_S = 0.02
HEALTH_CHECK_INTERVAL_S = 3600
MARK_MS = 15_000
"""Others leave an entry alone for so long after a worker has died while it took it out of the line."""

SILENCE_S = 5.0
"""A worker that has looked into the line for longer than this is replaced."""

LATEST_MS = 1 << 43

logger = structlog.get_logger(__name__)


class LivingWorker(Worker):
    """A worker of ARQ that takes many entries at once, and notices where Redis keeps a connection but is silent."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._freed = asyncio.Event()

    async def work(self) -> None:
        """Take jobs until retired; raises TimeoutError where a look into the line takes too long."""
        async with asyncio.timeout(SILENCE_S) as self._silence:
            await self.main()

    def allow(self, places: int) -> None:
        """Take so many jobs from now on."""
        if places > self.max_jobs:
            self._freed.set()
        self.max_jobs = places

    async def heart_beat(self) -> None:
        """Called after each look into the line."""
        self._silence.reschedule(asyncio.get_running_loop().time() + SILENCE_S)
        await super().heart_beat()

    async def start_jobs(self, job_ids: list[bytes]) -> None:
        """Called with what is due: takes what there are places for, until it is time to look again.

        ARQ would ask Redis for each entry by itself, and several times.
        """
        names = [name.decode() for name in job_ids]
        until = asyncio.get_running_loop().time() + POLL_INTERVAL_S
        while names and (left_s := until - asyncio.get_running_loop().time()) > 0:
            self._freed.clear()
            if self.max_jobs or await is_set_within(self._freed, left_s):
                some, names = names[: self.max_jobs], names[self.max_jobs :]
                await self._take(some)

    async def _take(self, names: Sequence[str]) -> None:
        """Hand over those of these entries that no other worker is taking, and end them."""
        marked = await self._mark(names)
        done = [name for name, (score, text) in marked.items() if await self._hand_over(name, score, text)]
        if marked:
            # Nothing waits for this; ARQ's loop looks after it, and `dispose` does in the end.
            ending = asyncio.create_task(self._finish(marked, done))
            self.tasks[ending.get_name()] = ending

    async def _mark(self, names: Sequence[str]) -> dict[str, tuple[float | None, bytes | None]]:
        """Keep others from taking these; answers where in line they are and what they say, unless others take them."""
        async with self.pool.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.set(keys.in_progress_key(name), b"1", px=MARK_MS, nx=True)
                # After the mark: who ends an entry takes it out of the line together with its mark.
                pipe.zscore(keys.QUEUE, name)
                pipe.get(keys.entry_key(name))
            answers = await pipe.execute()
        found = zip(names, answers[::3], answers[1::3], answers[2::3], strict=True)
        return {name: (score, text) for name, is_ours, score, text in found if is_ours}

    async def _hand_over(self, name: str, score: float | None, text: bytes | None) -> bool:
        """Hand an entry over; False where it is none that is due, or stays in line."""
        if score is None or score > timestamp_ms():
            return False
        job_id = _job_id(text)
        if job_id is None:
            logger.warning("consumer.no_entry", name=name)
            return True
        try:
            await self.functions[keys.FUNCTION].coroutine(self.ctx, job_id)
        except Retry:
            return False
        return True

    async def _finish(self, marked: Collection[str], done: Collection[str]) -> None:
        """Let others take these again, but for those that are done: they leave the line."""
        async with asyncio.timeout(PATIENCE_S), self.pool.pipeline(transaction=True) as pipe:
            pipe.delete(*map(keys.in_progress_key, marked), *map(keys.entry_key, done))
            if done:
                pipe.zrem(keys.QUEUE, *done)
            await pipe.execute()

    async def dispose(self) -> None:
        """End all connections; what was handed over leaves the line, if Redis allows that soon."""
        tasks = list(self.tasks.values())
        if tasks:
            await asyncio.wait(tasks, timeout=2 * PATIENCE_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.pool.aclose(close_connection_pool=True)


class RedisConsumer:
    """Hands out the ids of due jobs that wait in Redis; see Consumer.

    A handle is no job of ARQ's: that ends once the handle has begun, and the entry leaves the line. So no entry
    is lost or run again for what happens to Redis or to ARQ's worker while a handle is under way, and running
    jobs don't stand in the way of waiting ones.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._outage = Outage("consumer")
        self._closed = asyncio.Event()
        self._places = 0
        self._worker: LivingWorker | None = None
        self._proof: asyncio.TimerHandle | None = None

    async def consume(self, handle: Handle, *, concurrency: int) -> None:
        """Hand out ids of due jobs, up to `concurrency` at once, until closed."""
        self._places = concurrency
        async with asyncio.TaskGroup() as group:
            handles = Handles(group, handle, lambda: self._change_places(1))

            async def hand_over(ctx: dict[str, Any], job_id: str) -> None:
                if self._closed.is_set():
                    raise Retry
                self._change_places(-1)
                handles.start(job_id)

            while not self._closed.is_set():
                pause_s = await self._work(hand_over, concurrency)
                await is_set_within(self._closed, pause_s)

    async def close(self) -> None:
        """Hand out nothing more; what was taken but not handed out yet goes back into the line."""
        self._closed.set()
        self._limit()

    async def _work(self, hand_over: WorkerCoroutine, concurrency: int) -> float:
        """Let one ARQ worker work for as long as it lives; answers for how many seconds to pause after it."""
        self._worker = worker = self._make_worker(hand_over, concurrency)
        self._limit()
        try:
            await worker.work()
        except TROUBLE as error:
            return self._outage.trouble(error)
        except Exception:
            logger.exception("consumer.trouble")
            return LONGEST_PAUSE_S
        finally:
            if self._proof is not None:
                self._proof.cancel()
            await worker.dispose()
        return 0.0

    def _make_worker(self, hand_over: WorkerCoroutine, concurrency: int) -> LivingWorker:
        redis = ArqRedis(unlimited_connections(self._url), default_queue_name=keys.QUEUE)
        return LivingWorker(
            [func(hand_over, name=keys.FUNCTION)],
            queue_name=keys.QUEUE,
            redis_pool=redis,
            handle_signals=False,
            on_startup=self._begin,
            max_jobs=concurrency,
            poll_delay=POLL_INTERVAL_S,
            health_check_interval=HEALTH_CHECK_INTERVAL_S,
            health_check_key=keys.HEALTH_CHECK,
        )

    async def _begin(self, ctx: dict[str, Any]) -> None:
        """Called where Redis has answered; an outage is over when the worker has lived for a while."""
        self._proof = asyncio.get_running_loop().call_later(LONGEST_PAUSE_S, self._outage.over)

    def _change_places(self, by: int) -> None:
        self._places += by
        self._limit()

    def _limit(self) -> None:
        """Let ARQ's worker take as much as can be handed out; a closed one ends once it has looked around."""
        if self._worker is None:
            return
        self._worker.allow(0 if self._closed.is_set() else self._places)
        if self._closed.is_set():
            self._worker.max_burst_jobs = 0
            self._worker.burst = True


def _job_id(text: bytes | None) -> str | None:
    """Read the id in an entry as ARQ packs it; None where this is none of ours."""
    try:
        entry = orjson.loads(text or b"")
    except orjson.JSONDecodeError:
        return None
    match entry:
        case {"a": [str(job_id)], "et": int(entered_ms)} if 0 <= entered_ms < LATEST_MS:
            return job_id
    return None
