"""Followers get events whose signals were lost, by one look for all of them."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from typing import Any

import pytest

from headgate.domain import events, lookout, runs
from headgate.domain.event_reader import Scope, Told
from headgate.domain.happenings import EVERY_JOB, topic
from headgate.domain.jobs import JobFilter
from headgate.domain.lookout import Lookout
from headgate.domain.runs import Claim
from headgate.domain.services import Services
from headgate.jobs import memory
from headgate.jobs.memory import InProcessListener, InProcessSignals

Follow = Callable[[Services, Claim, int], AsyncGenerator[Told, None]]
Lose = Callable[..., Any]


@pytest.fixture
def is_waiting(monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """Set when a follower begins to wait for a signal."""
    waiting = asyncio.Event()

    class Watched(InProcessListener):
        async def wait(self, timeout_s: float | None = None) -> bool:
            waiting.set()
            return await super().wait(timeout_s)

    monkeypatch.setattr(memory, "InProcessListener", Watched)
    return waiting


@pytest.fixture
def lose(services: Services) -> Lose:
    """Write an event of a job of which nobody in this process is told."""
    elsewhere = replace(services, signals=InProcessSignals())

    async def lose(held: Claim, stage: str = "reading") -> None:
        await runs.progress(elsewhere, [(held, {"stage": stage})], with_totals=False)

    return lose


@pytest.mark.parametrize(
    "follow",
    [
        lambda services, held, after: events.watch(services, held.job_id, after),
        lambda services, held, after: events.feed(services, JobFilter(ids=[held.job_id]), after),
    ],
    ids=["watch", "feed"],
)
async def test_a_follower_gets_an_event_whose_signal_was_lost(
    services: Services, submit: Any, claim: Any, lose: Lose, is_waiting: asyncio.Event, follow: Follow
) -> None:
    held = await claim(await submit())
    [_, began] = await services.events.after(Scope.of_job(held.job_id), 0)
    looking = await Lookout.begin(services)
    async with asyncio.timeout(30), aclosing(follow(services, held, began.number)) as following:
        upcoming = asyncio.create_task(anext(following))
        await is_waiting.wait()
        await lose(held)
        await looking.look()
        assert (await upcoming).event.seq == 3


async def test_a_look_rouses_those_who_follow_what_has_changed_and_nobody_else(
    services: Services, submit: Any, claim: Any, lose: Lose
) -> None:
    held, other = await claim(await submit()), await claim(await submit())
    signals = services.signals
    looking = await Lookout.begin(services)
    async with (
        signals.listen(topic(held.job_id)) as of_job,
        signals.listen(topic(other.job_id)) as of_other,
        signals.listen(EVERY_JOB) as of_all,
    ):
        listeners = (of_job, of_other, of_all)
        await looking.look()
        assert [await each.wait(0) for each in listeners] == [False, False, False]
        await lose(held)
        await looking.look()
        assert [await each.wait(0) for each in listeners] == [True, False, True]
        await looking.look()
        assert [await each.wait(0) for each in listeners] == [False, False, False]


async def test_more_events_than_one_query_looks_through_are_all_found(
    services: Services, submit: Any, claim: Any, lose: Lose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookout, "AT_ONCE", 2)
    claims = [await claim(await submit()) for _ in range(5)]
    looking = await Lookout.begin(services)
    for held in claims:
        await lose(held)
    async with AsyncExitStack() as stack:
        listening = [services.signals.listen(topic(held.job_id)) for held in claims]
        listeners = [await stack.enter_async_context(each) for each in listening]
        await looking.look()
        assert [await each.wait(0) for each in listeners] == [True] * 5


async def test_what_comes_in_trouble_is_found_after_it(
    services: Services, submit: Any, claim: Any, lose: Lose, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = await claim(await submit())
    looking = await Lookout.begin(services)
    await lose(held)
    async with services.signals.listen(topic(held.job_id)) as listener:
        with monkeypatch.context() as trouble:
            trouble.setattr(services.database, "read", lambda: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                await looking.look()
        assert not await listener.wait(0)
        await looking.look()
        assert await listener.wait(0)
