"""Runs one task of the engine from its source to its commit."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import polars as pl

from headgate.errors import JobFault
from headgate.pipelines import formats
from headgate.pipelines.damage import check_rows, scannable
from headgate.pipelines.gate import Gate
from headgate.pipelines.orders import unwrapped
from headgate.pipelines.prepared import ROW_INDEX, Prepared, Source, Watch
from headgate.pipelines.rejections import RejectionLog, save_ledger
from headgate.pipelines.replay import rejected_rows
from headgate.pipelines.sinks import dataset as sink
from headgate.pipelines.sinks.dataset import Target
from headgate.pipelines.types import Candidate, TypePlan, conforming
from headgate.storage import datasets
from headgate.storage.columns import Column
from headgate.storage.datasets import DatasetConflict, Part, Snapshot, WriteMode

CONFLICT_TRIES = 5

Permit = Callable[[], float]
"""Asks whether a task may commit: answers until when the commit may begin, on the clock of `time.monotonic`.

Raises Stopped where it must not.
"""


def unlimited() -> float:
    """Permit every commit."""
    return math.inf


@dataclass(frozen=True, slots=True)
class Counts:
    """read = accepted + rejected + filtered + merged, or the job fails."""

    read: int
    accepted: int
    rejected: int
    filtered: int = 0
    merged: int = 0
    warnings: int = 0

    def to_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Ingest:
    """Reads one source into one dataset; rejected rows go to the ledger.

    With `replay`, the ledger of an earlier job over the same source, its rejected rows are read and no others.
    """

    source: Source
    target: Target
    ledger: Path
    scratch: Path
    replay: Path | None = None


def ingest(task: Ingest, watch: Watch, permit: Permit = unlimited) -> tuple[Counts, Snapshot]:
    """Run the job; one that has committed changes nothing when it is run again.

    Raises JobFault, and Stopped from `watch` and `permit`; either leaves nothing in the dataset.
    """
    if (done := _committed(task.target.path, task.target.job)) is not None:
        return done
    prepared, reading = _read(task, watch)
    for attempt in range(CONFLICT_TRIES):
        try:
            counts, version = _write(task, prepared, reading, attempt, watch, permit)
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


def _read(task: Ingest, watch: Watch) -> tuple[Prepared, RejectionLog]:
    only = rejected_rows(task.replay) if task.replay is not None else None
    reading = RejectionLog(task.scratch, "reading")
    prepared = formats.read(replace(task.source, only=only), task.scratch, reading, watch)
    if only is not None and only.count != prepared.accepted + reading.rows:
        raise _mismatch()
    if not prepared.names and (prepared.accepted or not reading.rows):
        raise JobFault("NO_COLUMNS", "The records of the file have no columns.", "DATA")
    return prepared, reading


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
    task: Ingest, prepared: Prepared, reading: RejectionLog, attempt: int, watch: Watch, permit: Permit
) -> tuple[Counts, Snapshot]:
    """Type, write and commit the prepared rows against the dataset as it is now."""
    before = datasets.latest(task.target.path)
    if before is not None and task.target.mode is not WriteMode.REPLACE:
        task, prepared = _spelled_as(before, task, prepared)
    conforming_log = RejectionLog(task.scratch, f"typing-{attempt}")
    with scannable(task.source.format, prepared), unwrapped(watch):
        written = _write_parts(task, prepared, before, conforming_log, watch)
    check_rows(task.source.format, said=prepared.accepted, found=written.scanned)
    with unwrapped(watch):
        merged = sink.merge(task.target, before, written.parts, watch)
    watch("committing", fraction=0.97)
    until = permit()
    save_ledger(task.ledger, reading, conforming_log)
    counts = _counted(prepared, reading.rows, conforming_log.rows, written)
    while time.monotonic() >= until:
        until = permit()
    return counts, sink.commit(task.target, written.columns, merged, before, counts.to_json())


def _spelled_as(before: Snapshot, task: Ingest, prepared: Prepared) -> tuple[Ingest, Prepared]:
    """The same with columns named as in the dataset: no two of its columns may differ in case alone."""
    known = {column.name.lower(): column.name for column in before.columns}
    names = {name: known.get(name.lower(), name) for name in prepared.names}
    keys = [names.get(key, key) for key in task.target.keys]
    renamed = replace(
        prepared,
        frame=prepared.frame.rename(names),
        names=list(names.values()),
        texts=frozenset(names[name] for name in prepared.texts),
        sample=prepared.sample.rename(names, strict=False),
    )
    return replace(task, target=replace(task.target, keys=keys)), renamed


@dataclass(frozen=True, slots=True)
class Written:
    """What lies in the dataset's folder before the commit.

    `scanned` rows came to the gate, `passed` of them went through, and the parts hold those that no later row replaced.
    """

    columns: list[Column]
    scanned: int
    passed: int
    parts: list[Part]


def _write_parts(
    task: Ingest, prepared: Prepared, before: Snapshot | None, log: RejectionLog, watch: Watch
) -> Written:
    schema = prepared.frame.drop(ROW_INDEX).collect_schema()
    fixed = _fixed(schema, before if task.target.mode is not WriteMode.REPLACE else None)
    plan = TypePlan.guess(schema, prepared.texts, prepared.sample)
    keys = _checked_keys(task.target, prepared, before) if task.target.mode is WriteMode.UPSERT else ()
    order = sink.next_order(before)
    while True:
        gate = Gate(prepared, plan, fixed, log, watch, keys)
        passed, parts = _sink(gate, task, order, watch)
        if not gate.misfits:
            columns = _all_columns(before, gate.columns(), task.target.mode)
            return Written(columns, gate.rows, passed, parts)
        plan.demote(gate.misfits)
        sink.discard(task.target.path, task.target.job, task.target.attempt)
        log.forget()


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


def _fixed(schema: pl.Schema, before: Snapshot | None) -> dict[str, tuple[Column, Candidate]]:
    """The source's columns that the dataset has already, and how their values go in."""
    known = {column.name: column for column in before.columns} if before else {}
    return {
        name: (known[name], conforming(dtype, known[name].dtype))
        for name, dtype in schema.items()
        if name in known
    }


def _all_columns(before: Snapshot | None, columns: list[Column], mode: WriteMode) -> list[Column]:
    if before is None or mode is WriteMode.REPLACE:
        return columns
    known = {column.name for column in before.columns}
    return [*before.columns, *(column for column in columns if column.name not in known)]


def _checked_keys(target: Target, prepared: Prepared, before: Snapshot | None) -> Sequence[str]:
    known = [column.name for column in before.columns] if before else prepared.names
    for where, names in (("data", prepared.names), ("dataset", known)):
        if missing := [key for key in target.keys if key not in names]:
            message = f"The {where} has no column {missing[0]}, which is a key of the upsert."
            raise JobFault("UNKNOWN_COLUMN", message, "CONFIG", details={"columns": list(names)})
    return target.keys


def _counted(prepared: Prepared, broken: int, unfit: int, written: Written) -> Counts:
    """The counts, held against each other. Raises JobFault with them where nothing is left or they don't add up."""
    accepted, rejected = _rows(written.parts), broken + unfit
    counts = Counts(
        read=prepared.accepted + broken,
        accepted=accepted,
        rejected=rejected,
        merged=written.passed - accepted,
    )
    if (written.scanned, written.passed) != (prepared.accepted, prepared.accepted - unfit):
        raise _mismatch()
    if rejected and not accepted:
        message = f"All {rejected} rows were rejected, so nothing was ingested. Its errors say why."
        raise JobFault("ALL_ROWS_REJECTED", message, "DATA", details={"counts": counts.to_json()})
    return counts


def _mismatch() -> JobFault:
    return JobFault("COUNTS_MISMATCH", "The rows read and written do not add up; nothing was kept.", "SYSTEM")
