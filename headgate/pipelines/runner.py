"""Runs one task of the engine from its source to its commit."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from headgate.errors import JobFault
from headgate.pipelines.arrangement import Arranged
from headgate.pipelines.checks.check import Present
from headgate.pipelines.counts import Counts
from headgate.pipelines.delivering import Courier, Deliveries
from headgate.pipelines.endpoints.outside import Outside
from headgate.pipelines.inputs import Input, read_rows, scanning
from headgate.pipelines.orders import Permit, unlimited, unwrapped
from headgate.pipelines.outcome import Outcome
from headgate.pipelines.output import Passage, Written, keyed, write
from headgate.pipelines.prepared import Watch
from headgate.pipelines.rejections import Keep, RejectionLog, Samples, kept_where_written, save_ledger
from headgate.pipelines.replay import save_resolved
from headgate.pipelines.screening import Screening, compile_rules, softened
from headgate.pipelines.shaping import Flow, Shaped, Surroundings, blaming, shape
from headgate.pipelines.sinks import writing as sink
from headgate.pipelines.sinks.sink import OutsideSink
from headgate.pipelines.sinks.writing import Target
from headgate.pipelines.steps.step import Step
from headgate.storage import datasets
from headgate.storage.columns import Column
from headgate.storage.commits import DatasetConflict
from headgate.storage.datasets import Snapshot
from headgate.storage.open_errors import OpenErrors
from headgate.storage.tablefolders import TableFolder

CONFLICT_TRIES = 5
COUNTED = [each.name for each in fields(Counts)]


@dataclass(frozen=True, slots=True)
class Ingest:
    """Reads one source, and takes its good rows through steps to sinks; what is wrong with rows goes to the ledger.

    `target` is the dataset that rows go to, if they go to one, and `sinks` are those outside, with their numbers in the
    spec. With `replay`, the open errors of an earlier job over the same source, its rejected rows are read and no
    others. Which of an earlier job's rows pass now is written at `resolved`; the ids of `lineage` are those of the jobs
    that have committed other rows of the same input. `state` is what an incremental source goes on from next time.
    What was written at `ledger` and `resolved` is in the store once `keep` was called with it.
    """

    source: Input
    target: Target | None
    ledger: Path
    scratch: Path
    replay: OpenErrors | None = None
    screening: Screening = field(default_factory=Screening)
    samples: Samples = field(default_factory=Samples)
    resolved: Path | None = None
    lineage: Sequence[str] = ()
    steps: Sequence[Step] = ()
    sinks: Sequence[tuple[int, OutsideSink]] = ()
    outside: Outside = field(default_factory=Outside)
    state: Mapping[str, Any] | None = None
    job: str = ""
    keep: Keep = kept_where_written


@dataclass(frozen=True, slots=True)
class Ingested:
    """What a job has done: `version` is the dataset's, `columns` are those of its rows; sinks say what they did."""

    counts: Counts
    version: Snapshot | None
    columns: Sequence[Column]
    delivered: Sequence[Mapping[str, Any]] = ()
    state: Mapping[str, Any] | None = None


def ingest(task: Ingest, watch: Watch, permit: Permit = unlimited) -> Ingested:
    """Run the job; one that has committed changes nothing when it is run again.

    Raises JobFault, and Stopped from `watch` and `permit`; either leaves nothing in the dataset.
    """
    if (done := _committed(task.target)) is not None:
        return done
    reading = RejectionLog(task.scratch, "reading", task.samples)
    rows = read_rows(task.source, task.screening.contract, task.replay, task.scratch, reading, watch)
    for attempt in range(CONFLICT_TRIES):
        try:
            ingested = _ingest(task, rows, reading, attempt, watch, permit)
        except BaseException as error:
            if task.target is None:
                raise
            sink.discard(task.target.folder, task.target.job, task.target.attempt)
            # Another attempt may have committed, or this one before it failed.
            if (done := _committed(task.target)) is not None:
                return done
            if not isinstance(error, DatasetConflict):
                raise
        else:
            if task.target is not None and ingested.version is not None:
                sink.discard_all(task.target.folder, task.target.job, ingested.version)
            return ingested
    message = "Other jobs kept changing the dataset. Try again when they are done."
    raise JobFault("DATASET_BUSY", message, "SYSTEM", retryable=True)


def settle(folder: TableFolder, job: str, attempt: int) -> Ingested | None:
    """What a job committed of which an attempt ended before it could say so; removes what nobody needs any more.

    Where the job has not committed, only that attempt's files go: another one may be about to commit its own.
    """
    done = _committed_by(folder, job)
    if done is None:
        sink.discard(folder, job, attempt)
    elif done.version is not None:
        sink.discard_all(folder, job, done.version)
    return done


def _committed(target: Target | None) -> Ingested | None:
    return None if target is None else _committed_by(target.folder, target.job)


def _committed_by(folder: TableFolder, job: str) -> Ingested | None:
    if (committed := datasets.committed_by(folder, job)) is None:
        return None
    note, version = committed.note, committed.snapshot
    counts = Counts(**{name: note[name] for name in COUNTED if name in note})
    return Ingested(counts, version, version.columns, note.get("delivered", ()), note.get("state"))


def _ingest(
    task: Ingest, rows: Arranged, reading: RejectionLog, attempt: int, watch: Watch, permit: Permit
) -> Ingested:
    """Shape, check, type, write and commit the rows against the dataset as it is now."""
    before = datasets.latest(task.target.folder) if task.target is not None else None
    log = RejectionLog(task.scratch, f"gate-{attempt}", task.samples)
    with blaming(task.steps), scanning(task.source, rows.prepared, watch):
        outcome, written, target = _scan(task, rows, reading, log, before, watch)
    outcome.check(task.source)
    with unwrapped(watch):
        merged = sink.merge(target, before, written.parts, watch) if target is not None else None
    fault = outcome.refusal(task.screening)
    if fault is None and target is not None and merged is not None:
        sink.store(target, merged, watch)
    watch("committing", fraction=0.97)
    until = permit()
    deliveries = _deliver(task, attempt, outcome, written, watch, permit) if fault is None else Deliveries()
    save_ledger(task.ledger, reading, log, findings=outcome.book.findings)
    task.keep(task.ledger)
    if fault is not None:
        raise fault
    counts = outcome.counts(merged=written.merged + deliveries.merged, refused=deliveries.refused)
    if counts.rejected and not counts.accepted:
        raise outcome.all_rejected(counts)
    if task.resolved is not None and rows.prepared.taken is not None:
        save_resolved(task.resolved, rows.prepared.taken, task.ledger)
        task.keep(task.resolved)
    if target is None or merged is None:
        return Ingested(counts, None, written.columns, deliveries.said, task.state)
    while time.monotonic() >= until:
        until = permit()
    note = {**counts.to_json(), "delivered": list(deliveries.said), "state": task.state}
    alone = task.screening.sees_dataset
    version = sink.commit(target, written.columns, merged, before, note, alone=alone)
    return Ingested(counts, version, written.columns, deliveries.said, task.state)


def _scan(
    task: Ingest,
    rows: Arranged,
    reading: RejectionLog,
    log: RejectionLog,
    before: Snapshot | None,
    watch: Watch,
) -> tuple[Outcome, Written, Target | None]:
    """Scan until every guess about texts has held; only the last scan counts."""
    floats: set[str] = set()
    while True:
        shaped = shaped_rows(task.screening, rows, task.steps, _surroundings(task, watch), floats)
        target, keys = keyed(task.target, shaped.rows, before) if task.target is not None else (None, ())
        present = _present(task, target, before)
        records = rows.prepared.accepted + reading.rows
        book = compile_rules(task.screening, shaped.rows, records, watch, present)
        passage = Passage(
            shaped, book, log, watch, task.scratch, target, before, keys, is_staged=bool(task.sinks)
        )
        written = write(passage)
        if not isinstance(written, Flow):
            outcome = Outcome(rows, written.flow, written.gate, book, reading, log, written.passed)
            return outcome, written, target
        floats |= written.misfitting


def shaped_rows(
    screening: Screening, rows: Arranged, steps: Sequence[Step], around: Surroundings, floats: set[str]
) -> Shaped:
    """The rows as they come out of steps, with the contract's rules as the screening has them count."""
    rules = [softened(screening, rule) for rule in rows.rules]
    return shape(replace(rows, rules=rules), steps, around, floats)


def _surroundings(task: Ingest, watch: Watch) -> Surroundings:
    return Surroundings(watch, task.screening.datasets, task.outside)


def _present(task: Ingest, target: Target | None, before: Snapshot | None) -> Present | None:
    if target is None:
        return None
    earlier = sink.committed_rows(before, task.lineage)
    return Present(target.folder, before, target.mode, target.keys, earlier)


def _deliver(
    task: Ingest, attempt: int, outcome: Outcome, written: Written, watch: Watch, permit: Permit
) -> Deliveries:
    if written.staged is None or not task.sinks:
        return Deliveries()
    scratch = task.scratch / f"sinks-{attempt}"
    scratch.mkdir()
    is_only = task.target is None and len(task.sinks) == 1
    courier = Courier(task.job, task.sinks, is_only, task.outside, scratch, watch)
    return courier.deliver(written.staged, outcome.arranged, outcome.log, permit)
