"""A process that is to work does, until it is stopped."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from headgate.jobs import supervision
from headgate.jobs.supervision import Supervised

PATIENCE_S = 30


class ToldWorker:
    """Ends in trouble at once, or works until it is stopped."""

    def __init__(self, trouble: Exception | None = None) -> None:
        self.trouble = trouble
        self.began = asyncio.Event()
        self.stopped = asyncio.Event()
        self.grace_s: float | None = None

    async def run(self) -> None:
        self.began.set()
        if self.trouble is not None:
            raise self.trouble
        await self.stopped.wait()

    async def stop(self, grace_s: float) -> None:
        self.grace_s = grace_s
        self.stopped.set()


def makes(*workers: ToldWorker) -> Callable[[], Any]:
    return iter(workers).__next__


async def test_a_worker_that_ends_in_trouble_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "PAUSE_S", 0.01)
    broken = [ToldWorker(ConnectionError("the line is broken")), ToldWorker(ExceptionGroup("", [OSError()]))]
    sound = ToldWorker()
    supervised = Supervised(makes(*broken, sound))
    running = asyncio.create_task(supervised.run())
    await asyncio.wait_for(sound.began.wait(), PATIENCE_S)
    await supervised.stop(grace_s=7)
    await asyncio.wait_for(running, PATIENCE_S)
    assert sound.grace_s == 7


async def test_one_that_is_stopped_makes_no_other_worker() -> None:
    worker = ToldWorker()
    supervised = Supervised(makes(worker))
    running = asyncio.create_task(supervised.run())
    await worker.began.wait()
    await supervised.stop(grace_s=0)
    await asyncio.wait_for(running, PATIENCE_S)


async def test_one_that_is_stopped_does_not_sit_out_its_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision, "PAUSE_S", 3600)
    worker = ToldWorker(ConnectionError("the line is broken"))
    supervised = Supervised(makes(worker))
    running = asyncio.create_task(supervised.run())
    await worker.began.wait()
    await supervised.stop(grace_s=0)
    await asyncio.wait_for(running, PATIENCE_S)


async def test_one_that_is_stopped_before_it_began_never_does() -> None:
    supervised = Supervised(makes())
    await supervised.stop(grace_s=0)
    await asyncio.wait_for(supervised.run(), PATIENCE_S)
