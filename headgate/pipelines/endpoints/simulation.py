"""A server that isn't there."""

import random
import threading
from collections.abc import Callable
from hashlib import sha256

import httpx
import orjson

from headgate.pipelines.endpoints.simulated import SimulatedEndpoint
from headgate.pipelines.endpoints.transport import Answer, Request
from headgate.pipelines.readers.json import parse

UNAVAILABLE = 503
SLOTS = 1 << 16
"""The same calls are told apart by how often they came; so many different ones are counted."""


class Simulation:
    """Answers with what it was sent, or that it is unavailable, which it then is at each try.

    With a seed that depends on what was sent and how often, and not on the order in which different calls come.
    """

    url = "https://simulated.invalid"

    def __init__(self, model: SimulatedEndpoint, wait: Callable[[float], None]) -> None:
        self._model, self._wait = model, wait
        self._seed = model.seed if model.seed is not None else random.getrandbits(64)
        self._came = [0] * SLOTS
        self._lock = threading.Lock()

    def exchange(self, request: Request) -> Answer:
        """Wait as long as calls take, as often as they are tried, and answer."""
        fails = self._drawn(request) >= self._model.success_rate
        self._wait(self._model.latency_ms / 1000 * (self._model.max_attempts if fails else 1))
        received = _received(request)
        said = {"ok": True, "method": request.method, "path": request.url.path, "received": received}
        content = b"" if fails else orjson.dumps(said, default=str)
        return Answer(UNAVAILABLE if fails else 200, httpx.Headers(), content, str(request.url))

    def close(self) -> None:
        """There is nothing to hang up."""

    def _drawn(self, request: Request) -> float:
        """A number from 0 to 1, below 1, that looks as if drawn by chance."""
        call = sha256(f"{self._seed} {request}".encode()).digest()
        slot = int.from_bytes(call[:2])
        with self._lock:
            self._came[slot] += 1
            times = self._came[slot]
        return int.from_bytes(sha256(call + times.to_bytes(8)).digest()[:6]) / 2**48


def _received(request: Request) -> object:
    """The JSON that was sent; null where none was."""
    try:
        return parse(request.content or b"")
    except ValueError:
        return None
