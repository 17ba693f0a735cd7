"""Trying again, at a growing and jittered distance, for a limited time."""

import random
from time import monotonic

from headgate.client.errors import HeadgateError
from headgate.client.transport import Transport

FIRST_S, FACTOR, LONGEST_S = 0.2, 2.0, 8.0


class Patience:
    """Bears with what goes wrong for so many seconds, counted from when it was made or something `went_well`."""

    def __init__(self, transport: Transport, limit_s: float) -> None:
        self._transport = transport
        self._limit_s = limit_s
        self.went_well()

    def went_well(self) -> None:
        """Begin anew."""
        self._until = monotonic() + self._limit_s
        self._delay_s = FIRST_S

    async def bear(self, trouble: HeadgateError) -> None:
        """Wait until it is worth another try; raises the trouble where that is too late or without hope."""
        delay_s = max(self._delay_s * random.uniform(0.5, 1), trouble.retry_after_s or 0)  # noqa: S311
        if not trouble.retryable or monotonic() + delay_s > self._until:
            raise trouble
        self._delay_s = min(self._delay_s * FACTOR, LONGEST_S)
        await self._transport.sleep(delay_s)
