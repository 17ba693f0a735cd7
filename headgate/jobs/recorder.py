"""Records how far a worker's jobs have come: all of them in one go, and of each only the newest figures."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from headgate.domain import runs
from headgate.domain.runs import Claim
from headgate.domain.services import Services

INTERVAL_S = 0.1
ROUNDS_PER_TOTAL = 5
"""The totals of batches are summed up less often."""

logger = structlog.get_logger(__name__)


class ProgressRecorder:
    """Holds the newest figures of each job until they are recorded; those in between are forgotten.

    `on_lost` hears of jobs whose lease is lost, with the token it had.
    """

    def __init__(self, services: Services, on_lost: Callable[[Mapping[str, int]], None]) -> None:
        self._services = services
        self._on_lost = on_lost
        self._newest: dict[str, tuple[Claim, dict[str, Any]]] = {}
        self._reported = asyncio.Event()

    def take(self, claim: Claim, figures: dict[str, Any]) -> None:
        """Remember a job's figures in place of its older ones."""
        self._newest[claim.job_id] = (claim, figures)
        self._reported.set()

    def forget(self, claim: Claim) -> None:
        """Drop what is not recorded yet of a job that has ended."""
        self._newest.pop(claim.job_id, None)

    async def run(self) -> None:
        """Record what is new, at most ten times a second, until cancelled."""
        rounds = 0
        while True:
            await self._reported.wait()
            self._reported.clear()
            await self._record(with_totals=rounds % ROUNDS_PER_TOTAL == 0)
            rounds += 1
            await asyncio.sleep(INTERVAL_S)

    async def _record(self, *, with_totals: bool) -> None:
        reports, self._newest = list(self._newest.values()), {}
        if not reports:
            return
        try:
            lost = await runs.progress(self._services, reports, with_totals=with_totals)
            self._on_lost({claim.job_id: claim.token for claim, _ in reports if claim.job_id in lost})
        except Exception:
            logger.exception("progress.not_recorded", jobs=len(reports))
