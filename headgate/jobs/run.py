"""One attempt at a job: from its claim to what came of it."""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog

from headgate.domain.endings import Halt, Outcome, Unsettled
from headgate.domain.items import ItemResult
from headgate.domain.ports import Engine, ProcessDied, StopOrder, TaskStopped
from headgate.domain.runs import Claim
from headgate.domain.samples import MAX_SAMPLES, Sample, samples_of
from headgate.domain.scratch import scratch_folder
from headgate.domain.services import Services
from headgate.domain.tasks import settlement_of, task_of, timeout_of
from headgate.errors import JobFault, Unavailable
from headgate.storage.tables import CancelMode

CRASHED = JobFault(
    "INTERNAL", "Something went wrong on our side while this job ran.", "SYSTEM", retryable=True
)
SETTLING_TRIES = 2
"""What ended a job's process may have ended the next one too, as where memory runs out."""

logger = structlog.get_logger(__name__)

SecondsLeft = Callable[[], float]


class LeaseLost(Exception):
    """Another worker has the job now, or will have: what this one made of it does not count."""


class Run:
    """Runs one claimed job; whoever holds its lease may order it to stop."""

    def __init__(
        self,
        services: Services,
        engine: Engine,
        claim: Claim,
        *,
        seconds_left: SecondsLeft,
        report: Callable[[Claim, dict[str, Any]], None],
        sample: Callable[[Claim, list[Sample]], None],
        note: Callable[[Claim, list[ItemResult]], None],
    ) -> None:
        self.claim = claim
        self._services = services
        self._engine = engine
        self._seconds_left = seconds_left
        self._report = report
        self._sample = sample
        self._note = note
        self._samples_left = MAX_SAMPLES
        self._stop = StopOrder()
        self._running: asyncio.Task[Any] | None = None
        self._is_lost = False
        self._is_forced = False

    async def outcome(self) -> Outcome:
        """Run the job to its end. Raises LeaseLost; cancelled, it ends the job's process and what it was at."""
        if self.claim.job.cancel is not None:
            return await self._settled() or Halt.CANCELED
        self._running = running = asyncio.current_task()
        assert running is not None
        try:
            return await self._run()
        except asyncio.CancelledError:
            if self._is_lost:
                raise LeaseLost from None
            if not self._is_forced:
                raise
            running.uncancel()
        finally:
            self._running = None
        return await self._settled() or Halt.CANCELED

    def order(self, mode: CancelMode) -> None:
        """Stop the job at its next safe point, or at once."""
        self._stop.give()
        if mode is CancelMode.FORCE and self._running is not None and not self._is_forced:
            self._is_forced = True
            self._running.cancel()

    def lose(self) -> None:
        """End at once: the lease is gone."""
        self._is_lost = True
        if self._running is not None:
            self._running.cancel()

    async def _run(self) -> Outcome:
        try:
            return await self._run_task()
        except TaskStopped:
            return self._halted()
        except ProcessDied as death:
            return await self._settled() or death
        except JobFault as fault:
            return fault
        except Unavailable as fault:
            return JobFault(fault.code, fault.message, "SYSTEM", retryable=True)
        except Exception:
            logger.exception("job.crashed", job_id=self.claim.job_id)
            return await self._settled() or CRASHED

    async def _run_task(self) -> Outcome:
        job = self.claim.job
        async with scratch_folder(self._services.store, job.id, job.attempts) as scratch:
            return await self._engine.run(
                await task_of(self._services, self.claim, scratch),
                self._progressed,
                found=self._found,
                done=self._done,
                permit=self._permit,
                stop=self._stop,
                timeout_s=timeout_of(self._services, job),
            )

    async def _progressed(self, figures: dict[str, Any]) -> None:
        self._report(self.claim, figures)

    async def _found(self, errors: list[dict[str, Any]]) -> None:
        samples = samples_of(errors[: self._samples_left])
        self._samples_left -= len(samples)
        if samples:
            self._sample(self.claim, samples)

    async def _done(self, items: list[ItemResult]) -> None:
        self._note(self.claim, items)

    async def _permit(self) -> float | None:
        """Let the job commit for as long as its lease is sure to last, unless it is to stop."""
        left_s = self._seconds_left()
        return left_s if left_s > 0 and not self._stop.is_given else None

    def _halted(self) -> Halt:
        return Halt.CANCELED if self._stop.is_given else Halt.INTERRUPTED

    async def _settled(self) -> Outcome | None:
        """The outcome of a job whose process ended after its commit; None where it had made none."""
        for _ in range(SETTLING_TRIES):
            try:
                return await self._settle()
            except JobFault as fault:
                logger.exception("job.unsettled", job_id=self.claim.job_id)
                if not isinstance(fault, ProcessDied):
                    break
        return Unsettled()

    async def _settle(self) -> Outcome | None:
        if (settlement := settlement_of(self._services, self.claim)) is None:
            return None
        settled = await self._engine.run(settlement, timeout_s=self._services.job_timeout_s)
        ingested: Outcome | None = settled["ingested"]
        return ingested
