"""Rates that are counted within this process, for a server without Redis."""

import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from headgate.domain.ports import Allowance, Rate

MAX_KEYS = 100_000
"""So many keys are remembered; those that were used longest ago are forgotten first."""


class InProcessRates:
    """Counts by the generic cell rate algorithm (ITU-T I.371): of each key one moment, when all is there again."""

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._full_at: OrderedDict[str, float] = OrderedDict()

    async def take(self, key: str, rate: Rate, cost: int = 1) -> Allowance:
        """Take `cost`, at most the limit; with cost 0 only tell what is left."""
        now, each_s = self._now(), rate.period_s / rate.limit
        full_at = max(self._full_at.get(key, now), now)
        taken_until = full_at + min(cost, rate.limit) * each_s
        wait_s = taken_until - rate.period_s - now
        if wait_s > each_s * 1e-6:
            return _allowance(rate, now, full_at, wait_s)
        self._keep(key, taken_until)
        return _allowance(rate, now, taken_until)

    async def give_back(self, key: str, rate: Rate, cost: int = 1) -> None:
        """Undo what was taken."""
        if key in self._full_at:
            self._keep(key, self._full_at[key] - min(cost, rate.limit) * rate.period_s / rate.limit)

    def _keep(self, key: str, full_at: float) -> None:
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > MAX_KEYS:
            self._full_at.popitem(last=False)


def _allowance(rate: Rate, now: float, full_at: float, wait_s: float = 0.0) -> Allowance:
    each_s = rate.period_s / rate.limit
    remaining = int((rate.period_s - (full_at - now)) / each_s + 1e-6)
    return Allowance(rate.limit, remaining, datetime.now(UTC) + timedelta(seconds=full_at - now), wait_s)
