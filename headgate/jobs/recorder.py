"""Records what a worker's jobs tell while they run, all of them in one go."""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from headgate.domain import runs
from headgate.domain.items import ItemResult
from headgate.domain.runs import Claim
from headgate.domain.samples import Sample
from headgate.domain.services import Services

INTERVAL_S = 0.1
ROUNDS_PER_TOTAL = 5
"""The totals of batches are summed up less often."""

logger = structlog.get_logger(__name__)


Lease = tuple[str, int]
"""A job's id and the token of its lease."""


@dataclass(slots=True)
class Findings:
    """What a job has told beside its figures: samples of its errors, and what became of its items."""

    samples: list[Sample] = field(default_factory=list)
    items: list[ItemResult] = field(default_factory=list)


class Recorder:
    """Holds of each job the newest figures, and all of its findings, until they are recorded.

    `on_lost` hears of jobs whose lease is lost, with the token it had.
    """

    def __init__(self, services: Services, on_lost: Callable[[Mapping[str, int]], None]) -> None:
        self._services = services
        self._on_lost = on_lost
        self._newest: dict[str, tuple[Claim, dict[str, Any]]] = {}
        self._findings: dict[Lease, tuple[Claim, Findings]] = {}
        self._settled: dict[Lease, Findings] = {}
        self._told = asyncio.Event()
        self._recording = asyncio.Lock()
        self._being_recorded: Collection[Lease] = ()

    def take(self, claim: Claim, figures: dict[str, Any]) -> None:
        """Remember a job's figures in place of its older ones."""
        self._newest[claim.job_id] = (claim, figures)
        self._told.set()

    def take_samples(self, claim: Claim, samples: Sequence[Sample]) -> None:
        """Remember samples of a job's errors beside those before."""
        self._of(claim).samples.extend(samples)
        self._told.set()

    def take_items(self, claim: Claim, items: Sequence[ItemResult]) -> None:
        """Remember what became of items of a job."""
        self._of(claim).items.extend(items)
        self._told.set()

    def _of(self, claim: Claim) -> Findings:
        return self._findings.setdefault(_lease(claim), (claim, Findings()))[1]

    async def settle(self, claim: Claim) -> Findings:
        """Record nothing more of a job that has ended; answers its findings, which whoever closes it is to record."""
        self._newest.pop(claim.job_id, None)
        lease = _lease(claim)
        if lease in self._being_recorded:
            # Once that is over, they are recorded or here again.
            async with self._recording:
                pass
        _, findings = self._findings.pop(lease, (claim, Findings()))
        return self._settled.setdefault(lease, findings)

    def forget(self, claim: Claim) -> None:
        """Drop what is left of a job that has been closed, or is another worker's now."""
        self._newest.pop(claim.job_id, None)
        self._findings.pop(_lease(claim), None)
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
        findings, self._findings = self._findings, {}
        if not reports and not findings:
            return
        self._being_recorded = findings.keys()
        try:
            await self._write(reports, list(findings.values()), with_totals)
        except Exception:
            logger.exception("progress.not_recorded", jobs=len(reports))
            self._put_back(findings)
        finally:
            self._being_recorded = ()

    async def _write(
        self,
        reports: Sequence[tuple[Claim, dict[str, Any]]],
        findings: Sequence[tuple[Claim, Findings]],
        with_totals: bool,
    ) -> None:
        samples = [(claim, each.samples) for claim, each in findings if each.samples]
        items = [(claim, each.items) for claim, each in findings if each.items]
        lost = await runs.progress(self._services, reports, samples, items, with_totals=with_totals)
        told = [claim for claim, _ in (*reports, *findings)]
        self._on_lost({claim.job_id: claim.token for claim in told if claim.job_id in lost})

    def _put_back(self, findings: Mapping[Lease, tuple[Claim, Findings]]) -> None:
        for lease, (claim, early) in findings.items():
            _, late = self._findings.get(lease, (claim, Findings()))
            whole = Findings(early.samples + late.samples, early.items + late.items)
            self._findings[lease] = (claim, whole)
            self._told.set()


def _lease(claim: Claim) -> Lease:
    return claim.job_id, claim.token
