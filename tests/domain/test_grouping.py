"""What many want done at the same time is done in one go, and each gets their own answer."""

import asyncio
from collections.abc import Sequence

import pytest

from headgate.domain.grouping import Grouped


class Work:
    """Doubles numbers; each group waits for `go`, and a group that holds `trouble` raises."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.go = asyncio.Event()
        self.began = asyncio.Event()
        self.trouble: int | None = None

    async def __call__(self, items: Sequence[int]) -> list[int]:
        self.groups.append(list(items))
        self.began.set()
        await self.go.wait()
        if self.trouble in items:
            raise ConnectionError("the database is gone")
        return [item * 2 for item in items]


async def test_what_comes_while_the_work_is_busy_is_done_in_one_go() -> None:
    work = Work()
    grouped = Grouped(work, limit=10)
    first = asyncio.create_task(grouped(0))
    await work.began.wait()
    others = [asyncio.create_task(grouped(number)) for number in range(1, 25)]
    await asyncio.sleep(0)
    work.go.set()
    assert await asyncio.gather(first, *others) == [number * 2 for number in range(25)]
    assert work.groups == [[0], list(range(1, 11)), list(range(11, 21)), list(range(21, 25))]


async def test_those_who_ask_in_the_same_turn_of_the_loop_are_one_group() -> None:
    work = Work()
    work.go.set()
    grouped = Grouped(work, limit=10)
    assert await asyncio.gather(*(grouped(number) for number in range(3))) == [0, 2, 4]
    assert work.groups == [[0, 1, 2]]


async def test_trouble_comes_to_all_of_its_group_and_to_nobody_else() -> None:
    work = Work()
    work.go.set()
    work.trouble = 1
    grouped = Grouped(work, limit=2)
    answers = await asyncio.gather(*(grouped(number) for number in range(4)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [ConnectionError, ConnectionError, int, int]
    assert await grouped(5) == 10


@pytest.mark.parametrize("is_at_work", [True, False])
async def test_one_who_is_cancelled_harms_no_other_and_still_has_it_done(is_at_work: bool) -> None:
    work = Work()
    grouped = Grouped(work, limit=2 if is_at_work else 1)
    first, second, third = [asyncio.create_task(grouped(number)) for number in range(3)]
    await work.began.wait()
    second.cancel()
    await asyncio.wait([second])
    work.go.set()
    assert (await first, await third) == (0, 4)
    assert second.cancelled()
    assert sorted(number for group in work.groups for number in group) == [0, 1, 2]


async def test_trouble_after_all_were_cancelled_is_nobodys() -> None:
    work = Work()
    work.trouble = 1
    grouped = Grouped(work, limit=2)
    asking = asyncio.create_task(grouped(1))
    await work.began.wait()
    asking.cancel()
    await asyncio.wait([asking])
    work.go.set()
    assert await grouped(3) == 6
