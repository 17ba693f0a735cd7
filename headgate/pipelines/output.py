"""The good rows of a job, as Parquet files: passed by the gate, typed, for the dataset and for sinks outside."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from headgate.errors import JobFault
from headgate.pipelines.arrangement import Arranged
from headgate.pipelines.batches import watched
from headgate.pipelines.gate import Gate
from headgate.pipelines.prepared import ROW_INDEX, Watch
from headgate.pipelines.rejections import RejectionLog
from headgate.pipelines.rules import Severity
from headgate.pipelines.screening import Rulebook
from headgate.pipelines.shaping import Flow, Shaped
from headgate.pipelines.sinks import writing as sink
from headgate.pipelines.sinks.partitioning import partitioned, write_partitions
from headgate.pipelines.sinks.sink import SinkRows
from headgate.pipelines.sinks.writing import Target
from headgate.pipelines.types import Candidate, TypePlan, conforming
from headgate.storage.columns import Column
from headgate.storage.datasets import Part, Snapshot, WriteMode

STAGED, KEPT = "staged", "kept"


@dataclass(frozen=True, slots=True)
class Passage:
    """The way of rows from the steps through the gate to files.

    `before` is the dataset's version that they go to, where there is one, and `keys` are those of an upsert as the rows
    spell them. Where rows are `staged` they are written to `scratch` first, for sinks outside.
    """

    shaped: Shaped
    book: Rulebook
    log: RejectionLog
    watch: Watch
    scratch: Path
    target: Target | None
    before: Snapshot | None
    keys: Sequence[str]
    is_staged: bool

    @property
    def partition_by(self) -> Sequence[str]:
        """The columns that partition the dataset."""
        return (self.target.partition_by if self.target is not None else None) or ()

    @property
    def is_direct(self) -> bool:
        """Whether rows go to the dataset's files at once: none gives way to another, and none has to find its file."""
        is_upsert = self.target is not None and self.target.mode is WriteMode.UPSERT
        return not (is_upsert or self.is_staged or self.partition_by)


@dataclass(frozen=True, slots=True)
class Written:
    """What lies there before the commit: `passed` rows of the gate are in `staged`, if these are wanted.

    The `parts` in the dataset's folder hold those that no later row replaced.
    """

    flow: Flow
    gate: Gate
    columns: list[Column]
    passed: int
    parts: list[Part]
    staged: SinkRows | None

    @property
    def merged(self) -> int:
        """How many rows gave way to later ones with the same keys."""
        return self.passed - rows_of(self.parts) if self.parts else 0


def keyed(target: Target, rows: Arranged, before: Snapshot | None) -> tuple[Target, Sequence[str]]:
    """The target, resolved, and the keys of an upsert as the rows spell them.

    The target's keys and the columns that partition it are as the dataset spells them.
    Raises JobFault: UNKNOWN_COLUMN, and what `partitioned` raises.
    """
    target = partitioned(target, rows.names, before)
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


def write(passage: Passage) -> Written | Flow:
    """Let the rows through, as often as it takes to find types that all of them have; only the last scan counts.

    Answers the flow alone where that is at fault: texts that it took for whole numbers are not.
    """
    rows = passage.shaped.rows
    fixed = fixed_columns(rows, passage.target, passage.before)
    plan = likely_types(rows, passage.book)
    order = sink.next_order(passage.before)
    while True:
        flow = passage.shaped.live(passage.log)
        gate = Gate(
            flow.rows,
            passage.book,
            passage.log,
            passage.watch,
            plan=plan,
            fixed=fixed,
            keys=passage.keys,
            partition_by=passage.partition_by,
        )
        passed, parts, staged = _sink(gate, passage, order)
        if not gate.misfits and not flow.misfitting:
            flow.finish()
            gate.finish()
            return Written(flow, gate, _all_columns(passage, gate.columns()), passed, parts, staged)
        plan.demote(gate.misfits)
        if passage.target is not None:
            sink.clear(passage.target)
        passage.log.forget()
        if flow.misfitting:
            return flow


def likely_types(rows: Arranged, book: Rulebook) -> TypePlan:
    """The likely types of the columns, by those rows of the sample that no rule rejects."""
    fails = [rule.fails.fill_null(False) for rule in book.rules if rule.severity is Severity.ERROR]
    sample = rows.sample.with_row_index(ROW_INDEX).filter(~pl.any_horizontal(fails)) if fails else rows.sample
    schema = rows.frame.select(rows.names).collect_schema()
    return TypePlan.guess(schema, rows.texts, sample, rows.wanted)


def _sink(gate: Gate, passage: Passage, order: int) -> tuple[int, list[Part], SinkRows | None]:
    """Write the gate's rows, of those with one key the last; how many passed it, and the files."""
    target = passage.target
    if target is not None and passage.is_direct:
        parts = sink.write_rows(gate.frame().drop(ROW_INDEX), target.desk, target.stem, order)
        return rows_of(parts), parts, None
    written = sink.write_rows(gate.frame(), passage.scratch, STAGED, order)
    files, passed = [passage.scratch / part.name for part in written], rows_of(written)
    staged = SinkRows(files, gate.columns(), passed)
    if target is None or gate.misfits:
        return passed, [], staged
    return passed, _to_dataset(staged, target, order, passage), staged


def _to_dataset(staged: SinkRows, target: Target, order: int, passage: Passage) -> list[Part]:
    rows = watched(staged.numbered(), passage.watch)
    if target.mode is WriteMode.UPSERT:
        rows = sink.keep_last(rows, target.keys)
    if not target.partition_by:
        return sink.write_rows(rows.drop(ROW_INDEX), target.desk, target.stem, order)
    if target.mode is WriteMode.UPSERT:
        # Which rows are the last is found out once, as those to be partitioned are scanned more than once.
        kept = sink.write_rows(rows, passage.scratch, KEPT, order)
        last = replace(staged, files=[passage.scratch / part.name for part in kept])
        rows = watched(last.numbered(), passage.watch)
    return write_partitions(rows.drop(ROW_INDEX), target, order, staged.columns)


def rows_of(parts: Sequence[Part]) -> int:
    """How many rows these files hold."""
    return sum(part.rows for part in parts)


def fixed_columns(
    rows: Arranged, target: Target | None, before: Snapshot | None
) -> dict[str, tuple[Column, Candidate]]:
    """The rows' columns that the dataset has already, in whatever case, and how their values go in."""
    if before is None or target is None or target.mode is WriteMode.REPLACE:
        return {}
    known = {column.name.lower(): column for column in before.columns}
    schema = rows.frame.collect_schema()
    return {
        name: (known[name.lower()], conforming(schema[name], known[name.lower()].dtype))
        for name in rows.names
        if name.lower() in known
    }


def _all_columns(passage: Passage, columns: list[Column]) -> list[Column]:
    before = passage.before
    if before is None or passage.target is None or passage.target.mode is WriteMode.REPLACE:
        return columns
    known = {column.name for column in before.columns}
    return [*before.columns, *(column for column in columns if column.name not in known)]
