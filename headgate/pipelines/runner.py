"""Runs one task of the engine from its source to its commit."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl

from headgate.errors import JobFault
from headgate.pipelines.acceptance import Tally, refusal
from headgate.pipelines.arrangement import Arranged
from headgate.pipelines.checks.check import Present
from headgate.pipelines.counts import Counts
from headgate.pipelines.gate import Gate
from headgate.pipelines.inputs import Input, check_scanned, mismatch, read_rows, scanning
from headgate.pipelines.orders import Permit, unlimited, unwrapped
from headgate.pipelines.prepared import ROW_INDEX, Watch
from headgate.pipelines.rejections import RejectionLog, Samples, save_ledger
from headgate.pipelines.replay import save_resolved
from headgate.pipelines.rules import Severity
from headgate.pipelines.screening import Rulebook, Screening, compile_rules
from headgate.pipelines.sinks import writing as sink
from headgate.pipelines.sinks.writing import Target
from headgate.pipelines.types import Candidate, TypePlan, conforming
from headgate.storage import datasets
from headgate.storage.columns import Column
from headgate.storage.datasets import DatasetConflict, Part, Snapshot, WriteMode
from headgate.storage.open_errors import OpenErrors

CONFLICT_TRIES = 5


@dataclass(frozen=True, slots=True)
class Ingest:
    """Reads one source into one dataset; what is wrong with its rows goes to the ledger.

    With `replay`, the open errors of an earlier job over the same source, its rejected rows are read and no others.
    Which of an earlier job's rows pass now is written at `resolved`; the ids of `lineage` are those of the jobs that
    have committed other rows of the same input.
    """

    source: Input
    target: Target
    ledger: Path
    scratch: Path
    replay: OpenErrors | None = None
    screening: Screening = field(default_factory=Screening)
    samples: Samples = field(default_factory=Samples)
    resolved: Path | None = None
    lineage: Sequence[str] = ()


def ingest(task: Ingest, watch: Watch, permit: Permit = unlimited) -> tuple[Counts, Snapshot]:
    """Run the job; one that has committed changes nothing when it is run again.

    Raises JobFault, and Stopped from `watch` and `permit`; either leaves nothing in the dataset.
    """
    if (done := _committed(task.target.path, task.target.job)) is not None:
        return done
    reading = RejectionLog(task.scratch, "reading", task.samples)
    rows = read_rows(task.source, task.screening.contract, task.replay, task.scratch, reading, watch)
    for attempt in range(CONFLICT_TRIES):
        try:
            counts, version = _write(task, rows, reading, attempt, watch, permit)
            sink.discard_all(task.target.path, task.target.job, version)
            return counts, version
        except BaseException as error:
            sink.discard(task.target.path, task.target.job, task.target.attempt)
            # Another attempt may have committed, or this one before it failed.
            if (done := _committed(task.target.path, task.target.job)) is not None:
                return done
            if not isinstance(error, DatasetConflict):
                raise
    message = "Other jobs kept changing the dataset. Try again when they are done."
    raise JobFault("DATASET_BUSY", message, "SYSTEM", retryable=True)


def settle(path: Path, job: str, attempt: int) -> tuple[Counts, Snapshot] | None:
    """What a job committed of which an attempt ended before it could say so; removes what nobody needs any more.

    Where the job has not committed, only that attempt's files go: another one may be about to commit its own.
    """
    done = _committed(path, job)
    if done is None:
        sink.discard(path, job, attempt)
    else:
        sink.discard_all(path, job, done[1])
    return done


def _committed(path: Path, job: str) -> tuple[Counts, Snapshot] | None:
    committed = datasets.committed_by(path, job)
    return (Counts(**committed.note), committed.snapshot) if committed else None


def _write(
    task: Ingest, rows: Arranged, reading: RejectionLog, attempt: int, watch: Watch, permit: Permit
) -> tuple[Counts, Snapshot]:
    """Check, type, write and commit the rows against the dataset as it is now."""
    before = datasets.latest(task.target.path)
    records = rows.prepared.accepted + reading.rows
    log = RejectionLog(task.scratch, f"gate-{attempt}", task.samples)
    with scanning(task.source, rows.prepared, watch):
        target, keys = _keyed(task.target, rows, before)
        earlier = sink.committed_rows(before, task.lineage)
        present = Present(target.path, before, target.mode, target.keys, earlier)
        book = compile_rules(task.screening, rows, records, watch, present)
        written = _write_parts(replace(task, target=target), rows, book, before, keys, log, watch)
    check_scanned(task.source, rows.prepared, written.scanned)
    with unwrapped(watch):
        merged = sink.merge(target, before, written.parts, watch)
    watch("committing", fraction=0.97)
    until = permit()
    save_ledger(task.ledger, reading, log, findings=book.findings)
    counts = _counted(task.screening, book, rows, reading, log, written)
    if task.resolved is not None and rows.prepared.taken is not None:
        save_resolved(task.resolved, rows.prepared.taken, task.ledger)
    while time.monotonic() >= until:
        until = permit()
    note, alone = counts.to_json(), task.screening.sees_dataset
    return counts, sink.commit(target, written.columns, merged, before, note, alone=alone)


def _keyed(target: Target, rows: Arranged, before: Snapshot | None) -> tuple[Target, Sequence[str]]:
    """The target with the keys of an upsert as the dataset spells them, and as the rows do."""
    if target.mode is not WriteMode.UPSERT:
        return target, ()
    known = [column.name for column in before.columns] if before else rows.names
    of_rows = [_spelled(key, rows.names, "data") for key in target.keys]
    return replace(target, keys=[_spelled(key, known, "dataset") for key in target.keys]), of_rows


def _spelled(key: str, names: Sequence[str], where: str) -> str:
    """The name of a key's column: names may differ in case, as no two of a dataset differ in case alone."""
    folded = {name.lower(): name for name in names}
    found = key if key in names else folded.get(key.lower())
    if found is None:
        message = f"The {where} has no column {key}, which is a key of the upsert."
        raise JobFault("UNKNOWN_COLUMN", message, "CONFIG", details={"columns": list(names)})
    return found


@dataclass(frozen=True, slots=True)
class Written:
    """What lies in the dataset's folder before the commit.

    `scanned` rows came to the gate, which `rejected` some; `passed` of them were written, and the parts hold those that
    no later row replaced. `failed` counts the rows that failed each check with a limit.
    """

    columns: list[Column]
    scanned: int
    rejected: int
    passed: int
    parts: list[Part]
    failed: list[int]


def _write_parts(
    task: Ingest,
    rows: Arranged,
    book: Rulebook,
    before: Snapshot | None,
    keys: Sequence[str],
    log: RejectionLog,
    watch: Watch,
) -> Written:
    fixed = _fixed(rows, before if task.target.mode is not WriteMode.REPLACE else None)
    plan = _plan(rows, book)
    order = sink.next_order(before)
    while True:
        gate = Gate(rows, book, log, watch, plan=plan, fixed=fixed, keys=keys)
        passed, parts = _sink(gate, task, order, watch)
        if not gate.misfits:
            gate.finish()
            columns = _all_columns(before, gate.columns(), task.target.mode)
            return Written(columns, gate.rows, gate.rejected, passed, parts, gate.failed)
        plan.demote(gate.misfits)
        sink.discard(task.target.path, task.target.job, task.target.attempt)
        log.forget()


def _plan(rows: Arranged, book: Rulebook) -> TypePlan:
    """The likely types of the columns, by those rows of the sample that no rule rejects."""
    fails = [rule.fails.fill_null(False) for rule in book.rules if rule.severity is Severity.ERROR]
    sample = rows.sample.with_row_index(ROW_INDEX).filter(~pl.any_horizontal(fails)) if fails else rows.sample
    schema = rows.frame.select(rows.names).collect_schema()
    return TypePlan.guess(schema, rows.texts, sample, rows.wanted)


def _sink(gate: Gate, task: Ingest, order: int, watch: Watch) -> tuple[int, list[Part]]:
    """Write the gate's rows, of those with one key the last; how many passed it, and the files."""
    target = task.target
    if target.mode is not WriteMode.UPSERT:
        parts = sink.write_rows(gate.frame().drop(ROW_INDEX), target.path, target.stem, order)
        return _rows(parts), parts
    staged = sink.write_rows(gate.frame(), task.scratch, "staged", order)
    rows = sink.watched(pl.scan_parquet([task.scratch / part.name for part in staged], glob=False), watch)
    last = sink.keep_last(rows, target.keys).drop(ROW_INDEX)
    return _rows(staged), sink.write_rows(last, target.path, target.stem, order)


def _rows(parts: Sequence[Part]) -> int:
    return sum(part.rows for part in parts)


def _fixed(rows: Arranged, before: Snapshot | None) -> dict[str, tuple[Column, Candidate]]:
    """The source's columns that the dataset has already, in whatever case, and how their values go in."""
    known = {column.name.lower(): column for column in before.columns} if before else {}
    schema = rows.frame.collect_schema()
    return {
        name: (known[name.lower()], conforming(schema[name], known[name.lower()].dtype))
        for name in rows.names
        if name.lower() in known
    }


def _all_columns(before: Snapshot | None, columns: list[Column], mode: WriteMode) -> list[Column]:
    if before is None or mode is WriteMode.REPLACE:
        return columns
    known = {column.name for column in before.columns}
    return [*before.columns, *(column for column in columns if column.name not in known)]


def _counted(
    screening: Screening,
    book: Rulebook,
    rows: Arranged,
    reading: RejectionLog,
    log: RejectionLog,
    written: Written,
) -> Counts:
    """The counts, held against each other. Raises JobFault with them where nothing is accepted."""
    prepared = rows.prepared
    if written.passed != prepared.accepted - written.rejected:
        raise mismatch()
    accepted, rejected = _rows(written.parts), reading.rows + written.rejected
    tally = Tally(
        prepared.accepted + reading.rows,
        rejected,
        tuple(book.findings),
        tuple((limit, failed) for (limit, _), failed in zip(book.limits, written.failed, strict=True)),
    )
    warnings = log.warnings + sum(found.severity is Severity.WARNING for found in book.findings)
    errors = reading.lines + log.lines + len(book.findings)
    if (fault := refusal(screening.acceptance, tally)) is not None:
        nothing = Counts(tally.records, 0, tally.records, warnings=warnings)
        raise _with_counts(fault, nothing, errors)
    counts = Counts(tally.records, accepted, rejected, merged=written.passed - accepted, warnings=warnings)
    if rejected and not accepted:
        message = f"All {rejected} rows were rejected, so nothing was ingested. Its errors say why."
        raise _with_counts(JobFault("ALL_ROWS_REJECTED", message, "DATA"), counts, errors)
    return counts


def _with_counts(fault: JobFault, counts: Counts, errors: int) -> JobFault:
    details = {**(fault.details or {}), "counts": counts.to_json(), "errors": errors}
    return JobFault(fault.code, fault.message, fault.category, details=details)
