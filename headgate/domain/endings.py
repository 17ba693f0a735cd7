"""How attempts at jobs end: the job is closed, or waits for another attempt.

One transaction closes as many as there are at the moment, and only for the holders of their leases.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from headgate.domain import batches, dataset_versions, incremental, items, lineage
from headgate.domain.happenings import FINAL, STOPPED, WAITING, announce, elapsed_s, happened, status_changed
from headgate.domain.incremental import Produced
from headgate.domain.items import ItemResult, Tally
from headgate.domain.job_results import COUNTS, REPORTS, export_of, result_of, summary_of
from headgate.domain.ports import ProcessDied, TaskFault, TimedOut
from headgate.domain.ranking import wake_up
from headgate.domain.retry_policy import MAX_CRASHES, RetryPolicy, given_up
from headgate.domain.runs import Claim, Target, lock_held
from headgate.domain.samples import Sample, sampled
from headgate.domain.services import Services
from headgate.errors import JobFault
from headgate.pipelines.pace import rows_per_second
from headgate.storage.events import NewEvent, append_events
from headgate.storage.rows_of_jobs import add_results, end_attempts, write_jobs
from headgate.storage.tables import (
    Job,
    JobEventType,
    JobKind,
    JobStatus,
    ResultKind,
    utc_now,
)

REJECTED = {JobKind.MAPPING: "Items that failed"}
SUMMED_UP = FINAL - {JobStatus.CANCELED}
MAX_UNSETTLED = 10
"""So often at least another attempt may find out what became of one before it, whatever the job's policy says."""
INTERRUPTED = JobFault(
    "INTERRUPTED", "The worker was stopped before the job had ended.", "SYSTEM", retryable=True
)


class Unsettled(JobFault):
    """Nobody could find out whether an attempt had committed before its process ended."""

    def __init__(self) -> None:
        message = "Whether this had been committed when its process ended could not be found out."
        super().__init__("UNSETTLED", message, "SYSTEM", retryable=True)


class Halt(StrEnum):
    """Why an attempt ended before its commit, though nothing failed."""

    CANCELED = "CANCELED"
    INTERRUPTED = "INTERRUPTED"


Outcome = Mapping[str, Any] | JobFault | Halt
"""What came of an attempt: the engine's result, or why there is none."""


@dataclass(frozen=True, slots=True)
class Ending:
    """The end of one attempt, with those samples of its errors and results of its items that are not recorded yet."""

    claim: Claim
    outcome: Outcome
    samples: Sequence[Sample] = ()
    items: Sequence[ItemResult] = ()


@dataclass(slots=True)
class _Closing:
    """What one transaction writes beside the jobs' own rows."""

    events: list[NewEvent] = field(default_factory=list)
    attempts: list[dict[str, Any]] = field(default_factory=list)
    results: list[dict[str, Any]] = field(default_factory=list)
    versions: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    produced: list[Produced] = field(default_factory=list)


async def close(services: Services, endings: Sequence[Ending]) -> set[str]:
    """End these attempts; answers the ids of the jobs whose lease was lost, of which nothing is changed."""
    closing = _Closing()
    # Of a job that comes twice, the holder of the newer lease ends it, and that once.
    by_lease = sorted(reversed(endings), key=lambda ending: ending.claim.token)  # noqa: C414
    ended = {ending.claim.job_id: ending for ending in by_lease}
    async with services.database.transaction() as session:
        held = await lock_held(session, {job_id: ending.claim.token for job_id, ending in ended.items()})
        tallies = await items.record(session, [(job, ended[job_id].items) for job_id, job in held.items()])
        for job_id, job in held.items():
            _end(closing, job, ended[job_id], tallies.get(job_id))
        await write_jobs(session, held.values())
        await _write(session, closing)
        closing.events += await lineage.resolve(services, session, _well_ended(held.values()))
        closing.events += await batches.refresh(session, batches.parents_of(held.values()))
        await append_events(session, closing.events)
    announce(services.signals, closing.events)
    dataset_versions.announce(services.signals, closing.versions)
    await services.queue.wake([wake_up(job) for job in held.values() if job.status in WAITING])
    return ended.keys() - held.keys()


def _well_ended(jobs: Iterable[Job]) -> list[Job]:
    return [job for job in jobs if job.status in batches.WELL]


def end_attempt(job: Job, status: JobStatus, fault: JobFault | None = None) -> dict[str, Any]:
    """Say how a job's present attempt ended, as `end_attempts` takes it."""
    failure = fault.to_json() if fault is not None else None
    return {
        "of_job": job.id,
        "of_number": job.attempts,
        "status": status,
        "finished_at": utc_now(),
        "failure": failure,
    }


def _end(closing: _Closing, job: Job, ending: Ending, tally: Tally | None) -> None:
    outcome, stored = ending.outcome, len(closing.results)
    if ending.samples:
        closing.events.append(sampled(job, ending.samples))
    if tally is not None and isinstance(outcome, Mapping):
        outcome = items.outcome_of(tally)
    if outcome is Halt.CANCELED:
        _cancel(closing, job)
    elif outcome is Halt.INTERRUPTED:
        _try_again(closing, job, INTERRUPTED)
    elif isinstance(outcome, JobFault):
        _fail(closing, job, outcome)
    elif fault := _mismatch(outcome["counts"]):
        _fail(closing, job, fault)
    else:
        _succeed(closing, job, ending.claim, outcome)
    if tally is not None and job.status in FINAL:
        # Its calls were made, whatever came of the job.
        _count(job, items.counts_of(tally), 0)
    if job.status in SUMMED_UP and len(closing.results) == stored:
        closing.results.append(summary_of(job))


def _mismatch(counts: Mapping[str, int]) -> JobFault | None:
    if counts["read"] == sum(counts[name] for name in COUNTS[1:]):
        return None
    message = "The counts of rows do not add up."
    return JobFault("COUNTS_MISMATCH", message, "SYSTEM", details={"counts": dict(counts)})


def _succeed(closing: _Closing, job: Job, claim: Claim, result: Mapping[str, Any]) -> None:
    counts = result["counts"]
    _count(job, counts, result.get("errors"))
    job.progress = _finished(claim, job, counts)
    if job.kind in REPORTS:
        closing.results.append(result_of(job, *REPORTS[job.kind], result["report"]))
    else:
        _ingested(closing, job, claim, result)
    if counts["rejected"]:
        message = f"{REJECTED.get(job.kind, 'Rejected rows')}: {counts['rejected']}."
        closing.events.append(happened(job, JobEventType.ERRORS, message=message))
    _close(closing, job, JobStatus.PARTIAL if counts["rejected"] else JobStatus.SUCCEEDED)


def _ingested(closing: _Closing, job: Job, claim: Claim, result: Mapping[str, Any]) -> None:
    for said in result.get("delivered", ()):
        closing.results.append(export_of(job, said))
    # The newest result is the one that a job shows: where rows go to a dataset, that is what it made of it.
    if claim.dataset is not None and result["dataset"] is not None:
        _advance(closing, job, claim.dataset, result)
    if (produced := Produced.of(job, result)) is not None:
        closing.produced.append(produced)


def _advance(closing: _Closing, job: Job, dataset: Target, result: Mapping[str, Any]) -> None:
    """Note the version of a dataset that the job has made."""
    version = result["dataset"]
    job.dataset_version = version["version"]
    data = {"rowCount": version["row_count"]}
    closing.results.append(result_of(job, ResultKind.DATASET, dataset.name, data))
    known = closing.versions.get(dataset.id)
    if known is None or known["version"] < version["version"]:
        closing.versions[dataset.id] = version


def _fail(closing: _Closing, job: Job, fault: JobFault) -> None:
    """Close the job as FAILED with the rows counted until then, unless it is to be stopped or tried again."""
    job.failures += 1
    job.crashes += isinstance(fault, ProcessDied) and not isinstance(fault, TimedOut)
    if job.cancel is not None and not isinstance(fault, Unsettled):
        _cancel(closing, job, fault)
        return
    policy = RetryPolicy.of(job.spec)
    is_open = isinstance(fault, Unsettled) and job.failures < MAX_UNSETTLED
    if is_open or policy.allows(fault, failures=job.failures, crashes=job.crashes):
        _try_again(closing, job, fault, policy)
        return
    counts = fault.counts if isinstance(fault, TaskFault) else None
    _count(job, counts or {}, (fault.details or {}).get("errors"))
    if job.crashes >= MAX_CRASHES:
        fault = given_up(fault, job.crashes)
    job.failure = fault.to_json()
    _close(closing, job, JobStatus.FAILED, fault)


def _cancel(closing: _Closing, job: Job, fault: JobFault | None = None) -> None:
    closing.attempts.append(end_attempt(job, JobStatus.CANCELED, fault))
    closing.events.append(status_changed(job, JobStatus.CANCELED, STOPPED))


def _try_again(closing: _Closing, job: Job, fault: JobFault, policy: RetryPolicy | None = None) -> None:
    """Let the job wait for its next attempt; one that failed waits for as long as its policy says."""
    job.due_at = utc_now() + policy.delay(job.failures) if policy else utc_now()
    closing.attempts.append(end_attempt(job, JobStatus.FAILED, fault))
    closing.events.append(status_changed(job, JobStatus.RETRYING, fault.message))


def _close(closing: _Closing, job: Job, status: JobStatus, fault: JobFault | None = None) -> None:
    closing.attempts.append(end_attempt(job, status, fault))
    closing.events.append(status_changed(job, status, fault.message if fault else None))


def _count(job: Job, counts: Mapping[str, int], errors: int | None) -> None:
    """Note the rows that an attempt counted, and whether its ledger holds any errors, where it says how many."""
    job.warnings = counts.get("warnings", 0)
    job.has_errors = bool(counts.get("rejected", 0) + job.warnings if errors is None else errors)
    for name in COUNTS:
        setattr(job, f"rows_{name}", counts.get(name, 0))


async def _write(session: AsyncSession, closing: _Closing) -> None:
    await end_attempts(session, closing.attempts)
    await add_results(session, closing.results)
    if closing.versions:
        await dataset_versions.advance(session, closing.versions)
    await incremental.keep(session, closing.produced)


def _finished(claim: Claim, job: Job, counts: Mapping[str, int]) -> dict[str, Any]:
    size = claim.file.byte_size if claim.file is not None else job.progress.get("bytes_total")
    return {
        "stage": "done",
        "fraction": 1.0,
        "rows_read": counts["read"],
        "rows_written": counts["accepted"],
        "bytes_read": size or 0,
        "bytes_total": size,
        "rows_per_second": rows_per_second(counts["read"], elapsed_s(job)),
        "eta_seconds": 0.0,
    }
