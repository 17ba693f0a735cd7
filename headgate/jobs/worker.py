"""The worker: takes due jobs, runs each in a process of the engine and records how it went."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from time import monotonic
from typing import Any

import structlog

from headgate.domain import endings, runs
from headgate.domain.endings import Ending, Halt, Outcome
from headgate.domain.grouping import Grouped
from headgate.domain.happenings import ORDERS
from headgate.domain.ports import Engine
from headgate.domain.runs import Claim
from headgate.domain.services import Services
from headgate.jobs.consumer import Consumer
from headgate.jobs.leases import Beat, LeaseKeeper
from headgate.jobs.recorder import Recorder
from headgate.jobs.run import LeaseLost, Run
from headgate.jobs.telling import Telling, telling
from headgate.storage.tables import CancelMode
from headgate.telemetry import note

CLOSE_AGAIN_S = 0.5
"""Where the database fails, a job that has ended is closed again and again, for as long as its lease lasts."""
AT_ONCE = 50
"""So many jobs are claimed or closed in one transaction at most."""

logger = structlog.get_logger(__name__)


class Worker:
    """Runs jobs, up to `concurrency` at once; one that falls silent loses its jobs when their leases end.

    Trouble with the database fails no job: the lease runs out, and the job is run again.
    """

    def __init__(
        self,
        services: Services,
        engine: Engine,
        consumer: Consumer,
        keeper: LeaseKeeper,
        *,
        concurrency: int,
    ) -> None:
        self._services = services
        self._engine = engine
        self._consumer = consumer
        self._keeper = keeper
        self._concurrency = concurrency
        self._runs: dict[str, Run] = {}
        self._working: set[asyncio.Task[None]] = set()
        self._orders_seen = 0
        self._recorder = Recorder(services, self._lose)
        self._claim = Grouped(self._claim_all, limit=AT_ONCE)
        self._close = Grouped(self._close_all, limit=AT_ONCE)

    async def run(self) -> None:
        """Work until `stop()`."""
        self._keeper.start(self._heed)
        aside = [asyncio.create_task(self._recorder.run()), asyncio.create_task(self._follow_orders())]
        try:
            await self._consumer.consume(self._work, concurrency=self._concurrency)
        finally:
            # Where the consumer ended in trouble there may be jobs left, whose leases nobody would hold.
            await self._hand_back(self._working)
            for task in aside:
                task.cancel()
            await asyncio.gather(*aside, return_exceptions=True)
            await self._keeper.close()

    async def stop(self, grace_s: float) -> None:
        """Take no more jobs; jobs still running after `grace_s` seconds are handed back."""
        await self._consumer.close()
        if self._working:
            _, late = await asyncio.wait(self._working, timeout=grace_s)
            await self._hand_back(late)

    @staticmethod
    async def _hand_back(working: Collection[asyncio.Task[None]]) -> None:
        late = list(working)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _work(self, job_id: str) -> None:
        working = asyncio.current_task()
        assert working is not None
        note(job_id=job_id)
        self._working.add(working)
        try:
            await self._work_on(job_id)
        finally:
            self._working.discard(working)

    async def _work_on(self, job_id: str) -> None:
        orders_before = self._orders_seen
        try:
            if (claim := await self._claimed(job_id)) is not None:
                await self._finish(claim, orders_before)
        except LeaseLost:
            logger.warning("job.lease_lost", job_id=job_id)
        except Exception:
            logger.exception("job.left_to_its_lease", job_id=job_id)

    async def _claimed(self, job_id: str) -> Claim | None:
        claiming = self._claim.ask(job_id)
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:
            if (claim := await claiming) is not None:
                await self._end(claim, Halt.INTERRUPTED)
                self._keeper.drop(claim)
            raise

    async def _finish(self, claim: Claim, orders_before: int) -> None:
        with telling(claim) as told:
            await self._finish_run(self._run_of(claim, told), told, orders_before)

    def _run_of(self, claim: Claim, told: Telling) -> Run:
        def report(claim: Claim, figures: dict[str, Any]) -> None:
            told.reached(figures["stage"])
            self._recorder.take(claim, figures)

        return Run(
            self._services,
            self._engine,
            claim,
            seconds_left=partial(self._keeper.seconds_left, claim),
            report=report,
            sample=self._recorder.take_samples,
            note=self._recorder.take_items,
        )

    async def _finish_run(self, run: Run, told: Telling, orders_before: int) -> None:
        claim = run.claim
        if (stale := self._runs.get(claim.job_id)) is not None:
            stale.lose()
        self._runs[claim.job_id] = run
        if self._orders_seen != orders_before:
            await self._carry_out_orders()
        try:
            outcome = await run.outcome()
            told.ended(outcome)
            await self._end(claim, outcome)
        except asyncio.CancelledError:
            await asyncio.shield(self._end(claim, Halt.INTERRUPTED))
            raise
        finally:
            self._recorder.forget(claim)
            self._keeper.drop(claim)
            if self._runs.get(claim.job_id) is run:
                del self._runs[claim.job_id]

    async def _end(self, claim: Claim, outcome: Outcome) -> None:
        left = await self._recorder.settle(claim)
        ending = Ending(claim, outcome, left.samples, left.items)
        while True:
            try:
                if await self._close(ending):
                    return
            except Exception:
                if self._keeper.seconds_left(claim) <= CLOSE_AGAIN_S:
                    raise
                logger.exception("job.not_closed_yet", job_id=claim.job_id)
                await asyncio.sleep(CLOSE_AGAIN_S)
            else:
                raise LeaseLost

    async def _claim_all(self, job_ids: Sequence[str]) -> list[Claim | None]:
        began = monotonic()
        claims = await runs.claim(self._services, job_ids, self._keeper.worker, self._services.lease_s)
        for claim in claims.values():
            self._keeper.hold(claim, began)
        # Of a job that is asked for twice, one gets the claim.
        return [claims.pop(job_id, None) for job_id in job_ids]

    async def _close_all(self, ended: Sequence[Ending]) -> list[bool]:
        lost = await endings.close(self._services, ended)
        return [ending.claim.job_id not in lost for ending in ended]

    async def _follow_orders(self) -> None:
        async with self._services.signals.listen(ORDERS) as listener:
            while True:
                await listener.wait()
                self._orders_seen += 1
                await self._carry_out_orders()

    async def _carry_out_orders(self) -> None:
        try:
            self._order(await runs.orders(self._services, self._runs.keys()))
        except Exception:
            # The next renewal of the leases brings them too.
            logger.exception("orders.not_read")

    def _heed(self, beat: Beat) -> None:
        self._lose(beat.lost)
        self._order(beat.orders)

    def _order(self, orders: Mapping[str, CancelMode]) -> None:
        for job_id, mode in orders.items():
            if (run := self._runs.get(job_id)) is not None:
                run.order(mode)

    def _lose(self, lost: Mapping[str, int]) -> None:
        for job_id, token in lost.items():
            run = self._runs.get(job_id)
            if run is not None and run.claim.token == token:
                run.lose()
