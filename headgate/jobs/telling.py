"""What is told of an attempt at a job: ids on the lines of its log, and a span that has one for each stage."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import structlog
from opentelemetry.trace import Span, SpanKind

from headgate.domain.endings import Halt, Outcome
from headgate.domain.runs import Claim
from headgate.errors import JobFault
from headgate.telemetry import note
from headgate.tracing import TRACER, context_of, mark_failed, span

DONE = "DONE"

logger = structlog.get_logger(__name__)


class Telling:
    """Tells of one attempt, in the task that runs it."""

    def __init__(self, recorded: Span) -> None:
        self._recorded = recorded
        self._began = monotonic()
        self._name: str | None = None
        self._stage: Span | None = None

    def reached(self, stage: str) -> None:
        """Tell in which stage the engine is by now."""
        if stage == self._name or not self._recorded.is_recording():
            return
        self.leave()
        self._name, self._stage = stage, TRACER.start_span(f"stage {stage.lower()}")

    def leave(self) -> None:
        """Tell that the stage is over."""
        if self._stage is not None:
            self._stage.end()

    def ended(self, outcome: Outcome) -> None:
        """Tell what came of the attempt, by a stable code."""
        code = _code(outcome)
        self._recorded.set_attribute("headgate.job.outcome", code)
        if isinstance(outcome, JobFault):
            mark_failed(self._recorded, code)
        logger.info("job.attempted", outcome=code, seconds=round(monotonic() - self._began, 3))


@contextmanager
def telling(claim: Claim) -> Iterator[Telling]:
    """Tell of an attempt for as long as the block lasts, as a part of the trace in which its job was made."""
    job = claim.job
    note(attempt=claim.attempt, request_id=job.request_id, kind=job.kind.value)
    attributes = {
        "headgate.job.id": claim.job_id,
        "headgate.job.kind": job.kind.value,
        "headgate.job.attempt": claim.attempt,
    }
    name, parent = f"job {job.kind.value.lower()}", context_of(job.traceparent)
    with span(name, attributes, kind=SpanKind.CONSUMER, within=parent) as recorded:
        told = Telling(recorded)
        try:
            yield told
        finally:
            told.leave()


def _code(outcome: Outcome) -> str:
    if isinstance(outcome, JobFault):
        return outcome.code
    return outcome.value if isinstance(outcome, Halt) else DONE
