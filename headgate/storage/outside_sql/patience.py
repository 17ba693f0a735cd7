"""How long all of the work at a database may take, and who may end it before."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from headgate.errors import JobFault

SLICE_S = 0.25
"""How often whoever watches is asked whether to go on."""
GIVE_UP_S = 5.0
"""How long a server may take to give up a statement that is no longer wanted."""

T = TypeVar("T")


class Patience:
    """Lasts `timeout_s`; `heed` is called all along, and may raise what ends the work."""

    def __init__(self, timeout_s: float, heed: Callable[[], None]) -> None:
        self._end = time.monotonic() + timeout_s
        self._heed = heed

    def left_s(self) -> float:
        """For how many seconds to go on. Raises JobFault DATABASE_TIMED_OUT, and what `heed` raises."""
        self._heed()
        left_s = self._end - time.monotonic()
        if left_s <= 0:
            raise timed_out()
        return left_s

    async def during(self, work: Coroutine[Any, Any, T]) -> T:
        """Carry out work for as long as the patience lasts; work that is left is canceled, and waited for a while."""
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait([task], timeout=SLICE_S))[0]:
                self.left_s()
        except BaseException:
            task.cancel()
            await asyncio.wait([task], timeout=GIVE_UP_S)
            raise
        return task.result()


def timed_out() -> JobFault:
    """The fault of a database that takes longer than the job may."""
    message = "The database takes longer than the job may."
    return JobFault("DATABASE_TIMED_OUT", message, "DEPENDENCY", retryable=True)
