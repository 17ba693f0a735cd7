"""What a running task is told by the one who gave it: to stop, and until when it may commit."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any

from headgate.pipelines.damage import LIBRARY_FAULTS
from headgate.pipelines.prepared import Watch

Send = Callable[[dict[str, Any]], None]
Permit = Callable[[], float]
"""Asks whether a task may commit: answers until when the commit may begin, on the clock of `time.monotonic`.

Raises Stopped where it must not.
"""


def unlimited() -> float:
    """Permit every commit."""
    return math.inf


class Stopped(BaseException):
    """A task ends before its commit, because it was asked to or must not commit.

    No Exception, so that nobody takes it for a failure.
    """


@contextmanager
def unwrapped(watch: Watch) -> Iterator[None]:
    """A stop that a library made an error of its own is one again."""
    try:
        yield
    except LIBRARY_FAULTS:
        watch("writing")
        raise


class Orders:
    """The orders for one task: one thread receives them while others work on the task.

    `send` asks whoever gave the task.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._stop = threading.Event()
        self._permits: SimpleQueue[float | None] = SimpleQueue()

    def take(self, order: Mapping[str, Any]) -> None:
        """Receive an order: {"stop": true}, or {"commit": seconds or null} as answer to a question."""
        if order.get("stop"):
            self._stop.set()
        if "commit" in order:
            seconds = order["commit"]
            self._permits.put(None if seconds is None else time.monotonic() + seconds)

    def obey(self) -> None:
        """Raises Stopped once the task is to stop."""
        if self._stop.is_set():
            raise Stopped

    def permit(self) -> float:
        """Ask whether to commit: answers until when the commit may begin, on the clock of `time.monotonic`.

        Raises Stopped where it must not.
        """
        self.obey()
        self._send({"asks": "commit"})
        until = self._permits.get()
        self.obey()
        if until is None:
            raise Stopped
        return until
