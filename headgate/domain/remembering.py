"""What was found a moment ago, remembered within bounds: most requests then cost no query."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from time import monotonic
from typing import Any, Generic, TypeVar

Key = TypeVar("Key")
Found = TypeVar("Found")


class Recent(OrderedDict[Key, Found]):
    """Keeps the `most` entries that were set last; to set one again makes it the newest."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: Key, found: Found) -> None:
        super().__setitem__(key, found)
        self.move_to_end(key)
        if len(self) > self._most:
            self.popitem(last=False)


class Remembered(Generic[Key, Found]):
    """Finds by key, and remembers each answer for `keep_s` seconds; what was found nowhere too.

    Those who ask for the same at once wait for one search. A search that failed is not remembered. Of more than `most`
    answers those that were asked for longest ago are forgotten.
    """

    def __init__(
        self, find: Callable[[Key], Coroutine[Any, Any, Found]], *, keep_s: float, most: int
    ) -> None:
        self._find = find
        self._keep_s = keep_s
        self._known: Recent[Key, tuple[float, asyncio.Task[Found]]] = Recent(most)

    async def get(self, key: Key) -> Found:
        """Find it; raises what the search raises."""
        began_at, search = self._known.get(key, (0.0, None))
        if search is None or monotonic() - began_at > self._keep_s or _has_failed(search):
            began_at, search = monotonic(), asyncio.create_task(self._find(key))
        self._known[key] = (began_at, search)
        # Others may wait for the same search, so that none of them may cancel it.
        return search.result() if search.done() else await asyncio.shield(search)

    def forget(self) -> None:
        """Search anew for whatever is asked from now on."""
        self._known.clear()


def _has_failed(search: asyncio.Task[Found]) -> bool:
    return search.done() and (search.cancelled() or search.exception() is not None)
