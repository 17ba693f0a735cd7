"""What was found a moment ago, remembered for seconds: most requests then cost no query."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Generic, TypeVar

Key = TypeVar("Key")
Found = TypeVar("Found")


class Remembered(Generic[Key, Found]):
    """Finds by key, and remembers each answer for `keep_s` seconds; what was found nowhere too.

    Those who ask for the same at once wait for one search. A search that failed is not remembered. Of more than `most`
    answers those that were asked for longest ago are forgotten.
    """

    def __init__(self, find: Callable[[Key], Awaitable[Found]], *, keep_s: float, most: int) -> None:
        self._find = find
        self._keep_s = keep_s
        self._most = most
        self._known: OrderedDict[Key, tuple[float, asyncio.Task[Found]]] = OrderedDict()

    async def get(self, key: Key) -> Found:
        """Find it; raises what the search raises."""
        began_at, search = self._known.get(key, (0.0, None))
        if search is None or monotonic() - began_at > self._keep_s or _has_failed(search):
            search = asyncio.create_task(self._search(key))
            self._known[key] = (monotonic(), search)
        self._known.move_to_end(key)
        if len(self._known) > self._most:
            self._known.popitem(last=False)
        # Others may wait for the same search, so that none of them may cancel it.
        return search.result() if search.done() else await asyncio.shield(search)

    def forget(self) -> None:
        """Search anew for whatever is asked from now on."""
        self._known.clear()

    async def _search(self, key: Key) -> Found:
        return await self._find(key)


def _has_failed(search: asyncio.Task[Found]) -> bool:
    return search.done() and (search.cancelled() or search.exception() is not None)
