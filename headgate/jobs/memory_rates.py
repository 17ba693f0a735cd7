"""Rates that are counted within this process, for a server without Redis."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import monotonic

from headgate.domain.ports import Allowance, Rate
from headgate.domain.remembering import Recent

MAX_KEYS = 100_000
"""So many keys are remembered; those that were used longest ago are forgotten first."""

TOLERANCE = 1e-6
"""The part of a point that may be missing: sums of moments are not exact."""


class InProcessRates:
    """Counts by the generic cell rate algorithm (ITU-T I.371): of each key one moment, when all is there again."""

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._full_at: Recent[str, float] = Recent(MAX_KEYS)

    async def take(self, key: str, rate: Rate, cost: int = 1) -> Allowance:
        """Take `cost`, at most the limit; with cost 0 only tell what is left."""
        now, each_s = self._now(), rate.period_s / rate.limit
        full_at = max(self._full_at.get(key, now), now)
        taken_until = full_at + min(cost, rate.limit) * each_s
        wait_s = taken_until - rate.period_s - now
        if wait_s > each_s * TOLERANCE:
            return allowance(rate, full_at - now, wait_s)
        if cost:
            self._full_at[key] = taken_until
        return allowance(rate, taken_until - now)

    async def give_back(self, key: str, rate: Rate, cost: int = 1) -> None:
        """Undo what was taken."""
        if key in self._full_at:
            self._full_at[key] -= min(cost, rate.limit) * rate.period_s / rate.limit


def allowance(rate: Rate, full_in_s: float, wait_s: float = 0.0, *, held: int = 0) -> Allowance:
    """Tell what is left of a rate that is whole again in so many seconds; `held` is what was taken and not used."""
    left = rate.limit - full_in_s * rate.limit / rate.period_s
    remaining = min(int(left + TOLERANCE) + held, rate.limit)
    return Allowance(rate.limit, remaining, datetime.now(UTC) + timedelta(seconds=full_in_s), wait_s)
