"""The line of due jobs in Redis, in the form in which ARQ's workers take it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from itertools import chain
from math import ceil
from time import time
from types import TracebackType
from typing import Self, TypeVar

import orjson
from arq.jobs import serialize_job
from redis.asyncio import Redis

from headgate.domain.ports import WakeUp
from headgate.jobs import keys
from headgate.jobs.redis_link import PATIENCE_S, TROUBLE, Outage, connections

CONNECTIONS = 8
BATCH = 500
"""Entries put in line by one exchange with Redis; they are packed in this thread, about 10 ms at a time."""

KEPT_FOR_MS = int(timedelta(days=7) / timedelta(milliseconds=1))
"""How long an entry stays in line after its moment; later the row has to be found due again."""

# ARQ rounds the present moment to whole milliseconds, so it may be ahead by half of one.
ROUNDING_MS = 0.5

Done = TypeVar("Done")


class RedisQueue:
    """Puts jobs in line for the workers of all processes; open while it is used as a context.

    An entry holds the id of its job, in JSON, and nothing else.
    """

    def __init__(self, url: str) -> None:
        self._redis = Redis.from_pool(connections(url, CONNECTIONS))
        self._outage = Outage("queue")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._redis.aclose()

    async def ping(self) -> None:
        """Return when Redis answers; raises ConnectionError where it doesn't within about a second."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._redis.ping()
        except TROUBLE as error:
            raise ConnectionError(str(error) or "Redis does not answer.") from error

    async def wake(self, wakeups: Sequence[WakeUp]) -> int:
        """Put jobs in line that do not wait there under this dispatch; answers how many.

        An entry that a worker was taking out of the line when it died is followed by another one. Where Redis
        fails us this logs it once for each outage, and answers how many it had put in line until then.
        """
        return sum(await self._in_batches(wakeups, self._put))

    async def missing(self, wakeups: Sequence[WakeUp]) -> Sequence[WakeUp]:
        """Tell which of these do not wait in line; where Redis fails us, of those it was asked for until then."""
        return list(chain.from_iterable(await self._in_batches(wakeups, self._missing)))

    async def _in_batches(
        self, wakeups: Sequence[WakeUp], work: Callable[[Sequence[WakeUp]], Awaitable[Done]]
    ) -> list[Done]:
        """Do some work on batches one after the other, as long as Redis does its part."""
        done: list[Done] = []
        try:
            for start in range(0, len(wakeups), BATCH):
                async with asyncio.timeout(PATIENCE_S):
                    done.append(await work(wakeups[start : start + BATCH]))
            self._outage.over()
        except TROUBLE as error:
            self._outage.trouble(error)
        return done

    async def _missing(self, wakeups: Sequence[WakeUp]) -> list[WakeUp]:
        named = {keys.entry_name(each.job_id, each.dispatch): each for each in wakeups}
        waiting, _ = await self._standing(list(named))
        return [each for name, each in named.items() if name not in waiting]

    async def _put(self, wakeups: Sequence[WakeUp]) -> int:
        count, again = 0, 0
        while wakeups:
            named = {keys.entry_name(wakeup.job_id, wakeup.dispatch, again): wakeup for wakeup in wakeups}
            waiting, dying = await self._standing(list(named))
            missing = {name: named[name] for name in named if name not in waiting | dying}
            count += await self._add(missing)
            wakeups, again = [named[name] for name in dying], again + 1
        return count

    async def _standing(self, names: list[str]) -> tuple[set[str], set[str]]:
        """Tell which of these entries wait in line, and which are being taken out of it."""
        async with self._redis.pipeline(transaction=False) as pipe:
            pipe.mget([keys.in_progress_key(name) for name in names])
            pipe.zmscore(keys.QUEUE, names)
            taken, scores = await pipe.execute()
        dying = {name for name, mark in zip(names, taken, strict=True) if mark is not None}
        waiting = {name for name, score in zip(names, scores, strict=True) if score is not None}
        return waiting - dying, dying

    async def _add(self, entries: Mapping[str, WakeUp]) -> int:
        """Add entries; answers how many nobody else had added in the meantime."""
        if not entries:
            return 0
        now_ms = int(time() * 1000)
        scores = {name: _score_ms(wakeup) for name, wakeup in entries.items()}
        async with self._redis.pipeline(transaction=False) as pipe:
            for name, wakeup in entries.items():
                kept_ms = max(scores[name] - now_ms, 0) + KEPT_FOR_MS
                pipe.psetex(keys.entry_key(name), kept_ms, _entry(wakeup.job_id, now_ms))
            # Last, as who sees a name in line looks for its entry.
            pipe.zadd(keys.QUEUE, scores, nx=True)
            *_, added = await pipe.execute()
        return int(added)


def _score_ms(wakeup: WakeUp) -> int:
    return ceil(wakeup.at.timestamp() * 1000 + ROUNDING_MS)


def _entry(job_id: str, now_ms: int) -> bytes:
    return serialize_job(keys.FUNCTION, (job_id,), {}, None, now_ms, serializer=orjson.dumps)
