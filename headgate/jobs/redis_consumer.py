"""Takes due jobs out of the line in Redis, by workers of ARQ that are replaced whenever Redis fails them."""

import asyncio
from typing import Any

import orjson
import structlog
from arq import ArqRedis, Retry, func
from arq.typing import WorkerCoroutine
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
HAND_OVER_TIMEOUT_S = 5
"""ARQ lets another worker take an entry that one has died with 10 seconds after this."""

SILENCE_S = 5.0
"""A worker that has looked into the line for longer than this is replaced."""

MANY_TRIES = 1_000_000
"""An entry that goes back, or whose worker died with it, is taken again: only the job's row counts attempts."""

LATEST_MS = 1 << 43

logger = structlog.get_logger(__name__)


class LivingWorker(Worker):
    """A worker of ARQ that notices where Redis keeps a connection but does not answer."""

    async def work(self) -> None:
        """Take jobs until retired; raises TimeoutError where a look into the line takes too long."""
        async with asyncio.timeout(SILENCE_S) as self._silence:
            await self.main()

    async def heart_beat(self) -> None:
        """Called after each look into the line."""
        self._silence.reschedule(asyncio.get_running_loop().time() + SILENCE_S)
        await super().heart_beat()

    async def finish_job(self, *args: Any, **kwargs: Any) -> None:
        """Called to take an entry out of the line; nobody can cancel this."""
        async with asyncio.timeout(PATIENCE_S):
            await super().finish_job(*args, **kwargs)

    async def finish_failed_job(self, *args: Any, **kwargs: Any) -> None:
        """Called to take what is no entry out of the line; nobody can cancel this."""
        async with asyncio.timeout(PATIENCE_S):
            await super().finish_failed_job(*args, **kwargs)

    async def dispose(self) -> None:
        """End all connections; what is being handed over is handed over, if Redis allows that soon."""
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

            async def hand_over(ctx: dict[str, Any], *ids: str, **_: Any) -> None:
                if self._closed.is_set():
                    raise Retry
                self._change_places(-1)
                handles.start(*ids)

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
            job_timeout=HAND_OVER_TIMEOUT_S,
            keep_result=0,
            poll_delay=POLL_INTERVAL_S,
            max_tries=MANY_TRIES,
            health_check_interval=HEALTH_CHECK_INTERVAL_S,
            health_check_key=keys.HEALTH_CHECK,
            job_serializer=_no_result,
            job_deserializer=_entry,
            log_results=False,
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
        self._worker.max_jobs = self._places
        if self._closed.is_set():
            self._worker.max_jobs = self._worker.max_burst_jobs = 0
            self._worker.burst = True


def _entry(text: bytes) -> dict[str, Any]:
    """Read an entry: the id of a job and the moment it was put in line, in milliseconds; ValueError for any other."""
    match orjson.loads(text):
        case {"a": [str(job_id)], "et": int(entered_ms)} if 0 <= entered_ms < LATEST_MS:
            return {"f": keys.FUNCTION, "a": (job_id,), "k": {}, "t": None, "et": entered_ms}
    raise ValueError("no entry of Headgate's")


def _no_result(result: dict[str, Any]) -> bytes:
    """ARQ packs the results of what it refuses, and then, as we keep none, forgets them."""
    return b""
