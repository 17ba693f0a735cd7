"""Many tasks that want the same thing done at the same time, done in one go."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Grouped(Generic[Item, Answer]):
    """Gathers what comes while `work` is busy, and gives it the next `limit` items of that at once.

    `work` answers once per item, in their order; what it raises, each of them gets.
    """

    def __init__(self, work: Callable[[Sequence[Item]], Awaitable[Sequence[Answer]]], *, limit: int) -> None:
        self._work = work
        self._limit = limit
        self._waiting: list[tuple[Item, asyncio.Future[Answer]]] = []
        self._working: asyncio.Task[None] | None = None

    async def __call__(self, item: Item) -> Answer:
        """Have one item worked on and answer what came of it; whoever is cancelled still has it done."""
        return await self.ask(item)

    def ask(self, item: Item) -> "asyncio.Future[Answer]":
        """Have one item worked on; what comes of it is the answer."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if self._working is None:
            # What is done for several is nobody's own: it has no ids of a request or a job in its log lines.
            self._working = asyncio.create_task(self._work_off(), context=Context())
        return answer

    async def _work_off(self) -> None:
        # Whoever is about to ask in this turn of the loop gets into the first group.
        try:
            await asyncio.sleep(0)
            while self._waiting:
                group, self._waiting = self._waiting[: self._limit], self._waiting[self._limit :]
                await self._work_on(group)
        finally:
            self._working = None

    async def _work_on(self, group: list[tuple[Item, "asyncio.Future[Answer]"]]) -> None:
        try:
            answers = await self._work([item for item, _ in group])
        except Exception as error:
            for _, answer in group:
                if not answer.done():
                    answer.set_exception(error)
            return
        for (_, answer), value in zip(group, answers, strict=True):
            if not answer.done():
                answer.set_result(value)
