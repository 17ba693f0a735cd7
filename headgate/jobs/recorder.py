"""Records what a worker's jobs tell while they run, all of them in one go."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import structlog

from headgate.domain import runs
from headgate.domain.runs import Claim
from headgate.domain.samples import Sample
from headgate.domain.services import Services

INTERVAL_S = 0.1
ROUNDS_PER_TOTAL = 5
"""The totals of batches are summed up less often."""

logger = structlog.get_logger(__name__)


Lease = tuple[str, int]
"""A job's id and the token of its lease."""


class Recorder:
    """Holds of each job the newest figures, and all samples of errors, until they are recorded.

    `on_lost` hears of jobs whose lease is lost, with the token it had.
    """

    def __init__(self, services: Services, on_lost: Callable[[Mapping[str, int]], None]) -> None:
        self._services = services
        self._on_lost = on_lost
        self._newest: dict[str, tuple[Claim, dict[str, Any]]] = {}
        self._samples: dict[Lease, tuple[Claim, list[Sample]]] = {}
        self._settled: dict[Lease, list[Sample]] = {}
        self._told = asyncio.Event()
        self._recording = asyncio.Lock()
        self._being_recorded: Collection[Lease] = ()

    def take(self, claim: Claim, figures: dict[str, Any]) -> None:
        """Remember a job's figures in place of its older ones."""
        self._newest[claim.job_id] = (claim, figures)
        self._told.set()

    def take_samples(self, claim: Claim, samples: Sequence[Sample]) -> None:
        """Remember samples of a job's errors beside those before."""
        self._samples.setdefault(_lease(claim), (claim, []))[1].extend(samples)
        self._told.set()

    async def settle(self, claim: Claim) -> Sequence[Sample]:
        """Record nothing more of a job that has ended; answers its samples, which whoever closes it is to record."""
        self._newest.pop(claim.job_id, None)
        lease = _lease(claim)
        if lease in self._being_recorded:
            # Once that is over, they are recorded or here again.
            async with self._recording:
                pass
        _, samples = self._samples.pop(lease, (claim, []))
        return self._settled.setdefault(lease, samples)

    def forget(self, claim: Claim) -> None:
        """Drop what is left of a job that has been closed, or is another worker's now."""
        self._newest.pop(claim.job_id, None)
        self._samples.pop(_lease(claim), None)
        self._settled.pop(_lease(claim), None)

    async def run(self) -> None:
        """Record what is new, at most ten times a second, until cancelled."""
        rounds = 0
        while True:
            await self._told.wait()
            self._told.clear()
            async with self._recording:
                await self._record(with_totals=rounds % ROUNDS_PER_TOTAL == 0)
            rounds += 1
            await asyncio.sleep(INTERVAL_S)

    async def _record(self, *, with_totals: bool) -> None:
        reports, self._newest = list(self._newest.values()), {}
        samples, self._samples = self._samples, {}
        if not reports and not samples:
            return
        self._being_recorded = samples.keys()
        try:
            await self._write(reports, list(samples.values()), with_totals)
        except Exception:
            logger.exception("progress.not_recorded", jobs=len(reports))
            self._put_back(samples)
        finally:
            self._being_recorded = ()

    async def _write(
        self,
        reports: Sequence[tuple[Claim, dict[str, Any]]],
        samples: Sequence[tuple[Claim, list[Sample]]],
        with_totals: bool,
    ) -> None:
        lost = await runs.progress(self._services, reports, samples, with_totals=with_totals)
        told = [claim for claim, _ in (*reports, *samples)]
        self._on_lost({claim.job_id: claim.token for claim in told if claim.job_id in lost})

    def _put_back(self, samples: Mapping[Lease, tuple[Claim, list[Sample]]]) -> None:
        for lease, (claim, errors) in samples.items():
            _, later = self._samples.get(lease, (claim, []))
            self._samples[lease] = (claim, errors + later)
            self._told.set()


def _lease(claim: Claim) -> Lease:
    return claim.job_id, claim.token
