"""The worker: takes due jobs, runs each in a process of the engine and records how it went."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import structlog

from headgate.domain import runs
from headgate.domain.ports import ProcessDied, Report, TaskFault
from headgate.domain.runs import Claim, LeaseLost
from headgate.domain.scratch import scratch_folder
from headgate.domain.services import Services
from headgate.domain.tasks import settlement_of, task_of
from headgate.errors import JobFault
from headgate.jobs.identity import is_gone, worker_name
from headgate.jobs.memory import InProcessQueue

RENEWALS_PER_LEASE = 3
PROGRESS_INTERVAL_S = 0.1

logger = structlog.get_logger(__name__)

Outcome = dict[str, Any] | JobFault
"""What came of a task: the engine's result, or why there is none."""


class Worker:
    """Runs jobs, up to `concurrency` at once; one that falls silent loses its job after `lease_seconds`.

    Trouble with the database fails no job: the lease runs out, and the job is run again.
    """

    def __init__(
        self, services: Services, queue: InProcessQueue, *, concurrency: int, lease_seconds: float
    ) -> None:
        self._services = services
        self._queue = queue
        self._concurrency = concurrency
        self._lease_s = lease_seconds
        self._stopping = asyncio.Event()
        self._serving: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Work until `stop()`; begins with the jobs that an earlier process left."""
        async with asyncio.TaskGroup() as group:
            self._serving = [group.create_task(self._serve()) for _ in range(self._concurrency)]
            await _attempt(self._take_over)
            await _repeat(self._wake_due, self._renewal_s, until=self._stopping)

    async def stop(self, grace_s: float) -> None:
        """Take no more jobs; jobs still running after `grace_s` seconds are handed back."""
        self._stopping.set()
        await self._queue.close()
        if self._serving:
            _, late = await asyncio.wait(self._serving, timeout=grace_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    @property
    def _renewal_s(self) -> float:
        return self._lease_s / RENEWALS_PER_LEASE

    async def _take_over(self) -> None:
        await runs.expire_leases(self._services, is_gone)
        await self._wake_due()

    async def _wake_due(self) -> None:
        for job_id in await runs.due(self._services):
            await self._queue.wake(job_id)

    async def _serve(self) -> None:
        while (job_id := await self._queue.take()) is not None:
            await self._work(job_id)

    async def _work(self, job_id: str) -> None:
        try:
            claim = await runs.claim(self._services, job_id, worker_name(), self._lease_s)
            if claim is not None:
                await self._finish(claim)
        except* LeaseLost:
            logger.warning("job.lease_lost", job_id=job_id)
        except* Exception:
            logger.exception("job.left_to_its_lease", job_id=job_id)

    async def _finish(self, claim: Claim) -> None:
        try:
            outcome = await self._run_under_lease(claim)
            await self._close(claim, outcome)
        except asyncio.CancelledError:
            await asyncio.shield(self._release(claim))
            raise

    async def _run_under_lease(self, claim: Claim) -> Outcome:
        """Run the job while its lease is renewed; a lost lease ends it with LeaseLost, in a group."""
        ended = asyncio.Event()
        latest = LatestProgress(self._services, claim)
        renew = partial(runs.renew, self._services, claim, self._lease_s)
        async with asyncio.TaskGroup() as group:
            group.create_task(_repeat(renew, self._renewal_s, until=ended))
            group.create_task(_repeat(latest.record, PROGRESS_INTERVAL_S, until=ended))
            try:
                return await self._run(claim, latest.take)
            finally:
                ended.set()

    async def _run(self, claim: Claim, report: Report) -> Outcome:
        try:
            async with scratch_folder(self._services.store, claim.job_id, str(claim.attempt)) as scratch:
                task = task_of(self._services, claim, scratch)
                return await self._services.engine.run(task, report)
        except ProcessDied as death:
            return await self._settled(claim) or death
        except JobFault as fault:
            return fault
        except Exception:
            logger.exception("job.crashed", job_id=claim.job_id)
            return JobFault("INTERNAL", "Something went wrong on our side while this job ran.", "SYSTEM")

    async def _settled(self, claim: Claim) -> Outcome | None:
        """The outcome of a job whose process died after its commit; None where it had made none."""
        try:
            settled = await self._services.engine.run(settlement_of(self._services, claim))
            ingested: Outcome | None = settled["ingested"]
            return ingested
        except JobFault:
            logger.exception("job.unsettled", job_id=claim.job_id)
            return None

    async def _close(self, claim: Claim, outcome: Outcome) -> None:
        if not isinstance(outcome, JobFault):
            await runs.succeed(self._services, claim, outcome)
            return
        counts = outcome.counts if isinstance(outcome, TaskFault) else None
        await runs.fail(self._services, claim, outcome, counts)

    async def _release(self, claim: Claim) -> None:
        with suppress(LeaseLost):
            await runs.release(self._services, claim)


class LatestProgress:
    """Holds a job's newest figures until they are recorded; those in between are forgotten."""

    def __init__(self, services: Services, claim: Claim) -> None:
        self._services = services
        self._claim = claim
        self._figures: dict[str, Any] | None = None

    async def take(self, figures: dict[str, Any]) -> None:
        """Remember these figures in place of older ones."""
        self._figures = figures

    async def record(self) -> None:
        """Record what is new; raises LeaseLost."""
        figures, self._figures = self._figures, None
        if figures is not None:
            await runs.progress(self._services, self._claim, figures)


async def _repeat(work: Callable[[], Awaitable[None]], interval_s: float, *, until: asyncio.Event) -> None:
    """Do this work again and again, first after one interval; trouble in it is logged, LeaseLost raised."""
    while not await _is_set_within(until, interval_s):
        await _attempt(work)


async def _attempt(work: Callable[[], Awaitable[None]]) -> None:
    try:
        await work()
    except LeaseLost:
        raise
    except Exception:
        logger.exception("worker.trouble")


async def _is_set_within(event: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()
