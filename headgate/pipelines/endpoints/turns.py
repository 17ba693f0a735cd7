"""How long calls may take and wait, and how many of them are made in a second."""

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from headgate.pipelines.outgoing import SLICE_S, Patience, timed_out


class Turns(Patience):
    """The time that all calls together may take; each try has a time of its own within, in the thread that makes it."""

    def __init__(self, timeout_s: float, heed: Callable[[], None]) -> None:
        super().__init__(timeout_s, heed)
        self._own = threading.local()

    @contextmanager
    def turn(self, timeout_s: float) -> Iterator[None]:
        """Give one try so many seconds."""
        self._own.end = time.monotonic() + timeout_s
        try:
            yield
        finally:
            del self._own.end

    def left(self, most_s: float | None) -> float:
        """For how many seconds to wait now. Raises JobFault URL_TIMED_OUT where the time of all or of a try is over."""
        left_s = super().left(most_s)
        own_s: float = getattr(self._own, "end", math.inf) - time.monotonic()
        if own_s <= 0:
            raise timed_out()
        return min(left_s, own_s)

    def is_enough_for(self, seconds: float) -> bool:
        """Whether so much time is left for all."""
        return self._end - time.monotonic() > seconds

    def wait(self, seconds: float) -> None:
        """Wait, and heed meanwhile who may end it."""
        end = time.monotonic() + seconds
        while (rest_s := end - time.monotonic()) > 0:
            time.sleep(min(rest_s, self.left(SLICE_S)))


class Pace:
    """Spaces calls evenly, so that no second has more than so many; any number where it is None."""

    def __init__(self, per_second: float | None) -> None:
        self._gap_s = 1 / per_second if per_second else 0.0
        self._next = -math.inf
        self._lock = threading.Lock()

    def take(self) -> float:
        """Take the next turn; answers in how many seconds it is."""
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            self._next = turn + self._gap_s
            return turn - now
