"""The reference of an empty job: a bare worker of ARQ, in a process of its own.

`python -m benchmarks.bare_arq REDIS_URL JOBS AT_ONCE` puts the jobs in line, works them off and prints the seconds from
the first one's start to the last one's end.
"""

import asyncio
import sys
import time
from typing import Any

import orjson
from arq import ArqRedis, Worker, create_pool
from arq.connections import RedisSettings

POLL_S = 0.02


async def empty(ctx: dict[str, Any]) -> None:
    """Do nothing."""


async def elapsed_s(redis: ArqRedis, jobs: int, at_once: int) -> float:
    """Work off so many empty jobs."""
    started: list[float] = []
    ended: list[float] = []

    async def note_start(ctx: dict[str, Any]) -> None:
        if not started:
            started.append(time.perf_counter())

    async def note_end(ctx: dict[str, Any]) -> None:
        ended.append(time.perf_counter())

    for _ in range(jobs):
        await redis.enqueue_job("empty")
    worker = Worker(
        [empty],
        redis_pool=redis,
        burst=True,
        max_jobs=at_once,
        poll_delay=POLL_S,
        keep_result=0,
        on_job_start=note_start,
        after_job_end=note_end,
        job_serializer=orjson.dumps,
        job_deserializer=orjson.loads,
    )
    await worker.main()
    assert len(ended) == jobs
    return ended[-1] - started[0]


async def main() -> None:
    """Measure once."""
    url, jobs, at_once = sys.argv[1:]
    redis = await create_pool(
        RedisSettings.from_dsn(url), job_serializer=orjson.dumps, job_deserializer=orjson.loads
    )
    try:
        print(await elapsed_s(redis, int(jobs), int(at_once)))
    finally:
        await redis.aclose()


if __name__ == "__main__":
    asyncio.run(main())
