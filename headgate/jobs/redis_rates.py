"""Rates that all processes count together, in Redis."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic
from types import TracebackType
from typing import Self

from redis.asyncio import Redis

from headgate.domain.ports import Allowance, Rate
from headgate.domain.remembering import Recent
from headgate.jobs import keys
from headgate.jobs.memory_rates import InProcessRates, allowance
from headgate.jobs.redis_link import PATIENCE_S, TROUBLE, Outage, connections

CONNECTIONS = 4
MAX_ADVANCES = 10_000
"""Keys for which this process holds points; of those used longest ago the points are forgotten first."""

ADVANCE_PART = 100
"""A process takes up to 1/100 of a limit in advance, so that most of what is asked costs no way to Redis."""

# The generic cell rate algorithm (ITU-T I.371): of each key one moment, when all is there again, by the clock of
# Redis, which is one for all processes. Beside the cost it takes up to `most` points in advance, at most a tenth of
# what is left then: near the limit counting is exact. Seconds since 2023 leave a double more digits for fractions.
TAKE = """
local limit, period = tonumber(ARGV[1]), tonumber(ARGV[2])
local cost, most = tonumber(ARGV[3]), tonumber(ARGV[4])
local each = period / limit
local time = redis.call('TIME')
local now = (time[1] - 1700000000) + time[2] / 1000000
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local wait = full + cost * each - period - now
if wait > each * 1e-6 then
  return {0, string.format('%.17g', full - now), string.format('%.17g', wait)}
end
full = math.max(full + cost * each, now)
local left = limit - (full - now) / each
local extra = math.max(math.min(most, math.floor(left / 10)), 0)
full = full + extra * each
if full > now then
  redis.call('SET', KEYS[1], string.format('%.17g', full), 'PX', math.ceil((full - now) * 1000))
else
  redis.call('DEL', KEYS[1])
end
return {extra, string.format('%.17g', full - now), '0'}
"""


@dataclass(slots=True)
class _Advance:
    """Points that were taken and not used, until they lapse; when the rest is there again. Moments are monotonic."""

    points: int = 0
    full_at: float = 0.0
    lapses_at: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def left(self, now: float) -> int:
        return self.points if now < self.lapses_at else 0

    def covers(self, cost: int, now: float) -> bool:
        return now < self.lapses_at and cost <= self.points

    def spend(self, rate: Rate, cost: int, now: float) -> Allowance:
        self.points -= cost
        return allowance(rate, max(self.full_at - now, 0.0), held=self.points)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What Redis says: points in advance, when all is there again, and how long to wait where it refused."""

    extra: int
    full_in_s: float
    wait_s: float


class RedisRates:
    """Counts with all other processes; open while it is used as a context.

    Each process holds at most 1/100 of a limit that it has not used, for one period: by so much each of them may
    let more pass within a period, or refuse earlier, than one that counts alone. Limits under 100 are exact.
    Where Redis fails each process counts for itself, until Redis answers again.
    """

    def __init__(self, url: str, now: Callable[[], float] = monotonic) -> None:
        self._redis = Redis.from_pool(connections(url, CONNECTIONS))
        self._take = self._redis.register_script(TAKE)
        self._here = InProcessRates(now)
        self._now = now
        self._outage = Outage("rates")
        self._recovery: asyncio.Task[None] | None = None
        self._advances: Recent[str, _Advance] = Recent(MAX_ADVANCES)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._recovery is not None:
            self._recovery.cancel()
            await asyncio.wait([self._recovery])
        await self._redis.aclose()

    async def take(self, key: str, rate: Rate, cost: int = 1) -> Allowance:
        """Take `cost`, at most the limit; with cost 0 only tell what is left."""
        cost = min(cost, rate.limit)
        if self._outage.is_on:
            return await self._here.take(key, rate, cost)
        advance = self._advance(key)
        if advance.covers(cost, now := self._now()):
            return advance.spend(rate, cost, now)
        # Whoever asks at the same time waits for the same advance.
        async with advance.lock:
            if advance.covers(cost, now := self._now()):
                return advance.spend(rate, cost, now)
            return await self._take_with_advance(key, rate, cost, advance)

    async def give_back(self, key: str, rate: Rate, cost: int = 1) -> None:
        """Undo what was taken."""
        if await self._ask(key, rate, -min(cost, rate.limit), 0) is None:
            await self._here.give_back(key, rate, cost)

    async def _take_with_advance(self, key: str, rate: Rate, cost: int, advance: _Advance) -> Allowance:
        held = advance.left(self._now())
        answer = await self._ask(key, rate, max(cost - held, 0), rate.limit // ADVANCE_PART if cost else 0)
        if answer is None:
            return await self._here.take(key, rate, cost)
        if answer.wait_s > 0:
            return allowance(rate, answer.full_in_s, answer.wait_s, held=held)
        now = self._now()
        advance.points = max(held - cost, 0) + answer.extra
        advance.full_at = now + answer.full_in_s
        advance.lapses_at = now + rate.period_s if advance.points else 0.0
        return allowance(rate, answer.full_in_s, held=advance.points)

    async def _ask(self, key: str, rate: Rate, cost: int, most: int) -> _Answer | None:
        """Take from Redis; None where it fails us."""
        if self._outage.is_on:
            return None
        try:
            async with asyncio.timeout(PATIENCE_S):
                extra, full_in_s, wait_s = await self._take(
                    keys=[keys.rate_key(key)], args=[rate.limit, rate.period_s, cost, most]
                )
        except TROUBLE as error:
            self._begin_outage(error)
            return None
        return _Answer(extra, float(full_in_s), float(wait_s))

    def _begin_outage(self, error: BaseException) -> None:
        # Several may have asked at once; from now on nobody waits for Redis but one task in the background.
        if not self._outage.is_on:
            self._recovery = asyncio.create_task(self._recover(self._outage.trouble(error)))

    async def _recover(self, pause_s: float) -> None:
        while self._outage.is_on:
            await asyncio.sleep(pause_s)
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await self._redis.ping()
            except TROUBLE as error:
                pause_s = self._outage.trouble(error)
            else:
                self._outage.over()

    def _advance(self, key: str) -> _Advance:
        advance = self._advances[key] = self._advances.get(key) or _Advance()
        return advance
