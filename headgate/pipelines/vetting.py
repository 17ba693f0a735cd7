"""Vetting: records that were sent just now are held against their rules at once, before any job takes them in.

What can be said of a row by itself is said here, by the same rules, types and steps as the job's. What takes other
rows, a dataset or an endpoint the job alone finds out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any, Self

import polars as pl

from headgate.errors import JobFault
from headgate.pipelines.acceptance import Acceptance, InvalidPolicy
from headgate.pipelines.arrangement import Arranged, arrange
from headgate.pipelines.checks.check import Check
from headgate.pipelines.checks.registry import checks_from_json
from headgate.pipelines.contract import Contract
from headgate.pipelines.gate import Gate
from headgate.pipelines.output import fixed_columns, keyed, likely_types
from headgate.pipelines.prepared import Prepared
from headgate.pipelines.readers.json import BOM, RecordReader
from headgate.pipelines.rejections import Rejection, RejectionLog, finding_lines
from headgate.pipelines.rules import Severity
from headgate.pipelines.runner import shaped_rows
from headgate.pipelines.screening import Rulebook, Screening, compile_rules
from headgate.pipelines.shaping import Flow, Shaped, Surroundings, blaming
from headgate.pipelines.sinks.writing import Target
from headgate.pipelines.steps.registry import steps_from_json
from headgate.pipelines.steps.step import Step
from headgate.storage import ledger
from headgate.storage.datasets import Snapshot

MAX_ERRORS = 100
"""So many faults of one call are told."""
MAX_RECORD_BYTES = 64 << 10
"""So many bytes of records are told with them; of further ones only what is wrong."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What can be held against rows at once: steps up to the first that sees more than a row, and checks behind all.

    Where rows come out of all steps, `is_whole`, they are as they go to their dataset.
    """

    screening: Screening
    steps: Sequence[Step]
    is_whole: bool

    @classmethod
    def from_json(cls, spec: Mapping[str, Any]) -> Self:
        """Read them from a spec, which was checked before."""
        steps = steps_from_json(spec.get("steps") or ())
        first = list(takewhile(_takes_row_by_row, steps))
        is_whole = len(first) == len(steps)
        checks = checks_from_json(spec.get("checks") or []) if is_whole else []
        screening = Screening(
            Contract.model_validate(spec["contract"]) if spec.get("contract") else None,
            [check for check in checks if not _looks_further(check)],
            Acceptance.model_validate(spec.get("acceptance") or {}),
            is_partial=True,
        )
        return cls(screening, first, is_whole)


@dataclass(frozen=True, slots=True)
class Vet:
    """Records as NDJSON, and what they are held against; `before` is the version of the dataset that they go to.

    The `name` tells it from others that use the folder `scratch`.
    """

    body: bytes
    scratch: Path
    rules: Rules
    target: Target | None = None
    before: Snapshot | None = None
    name: str = "0"


@dataclass(frozen=True, slots=True)
class Vetted:
    """What became of the records: `kept` are those that were accepted, as NDJSON, each a line in their order.

    `errors` are the first faults, as lines of a ledger.
    """

    kept: bytes
    accepted: int
    rejected: int
    errors: Sequence[Mapping[str, Any]] = ()


def _takes_row_by_row(step: Step) -> bool:
    return not (step.sees_all or step.datasets or step.endpoints)


def _looks_further(check: Check) -> bool:
    return check.looks_further or bool(check.datasets)


def vet(task: Vet) -> Vetted:
    """Hold records against the rules; raises JobFault where these can't be carried out on them."""
    reading = _Unread(task.scratch, f"{task.name}-reading")
    found = RejectionLog(task.scratch, f"{task.name}-gate")
    reader = RecordReader(None, reading)
    body = task.body.removeprefix(BOM)
    reader.take_lines(body, 1)
    prepared = reader.finish()
    findings = _hold(task, prepared, found) if prepared.accepted else _NOTHING
    errors = pl.concat([findings, *_lines(reading), *_lines(found)]).sort("row", maintain_order=True)
    errors = errors.filter(pl.col("severity") == Severity.ERROR)
    bad = {*reading.records, *errors["row"].drop_nulls().unique().to_list()}
    is_all = task.rules.screening.acceptance.on_invalid is InvalidPolicy.REJECT_ALL and len(bad) > 0
    if is_all or errors["row"].null_count():
        return Vetted(b"", 0, reader.records, _told(errors))
    kept = _without(body, bad)
    return Vetted(kept, reader.records - len(bad), len(bad), _told(errors))


class _Unread(RejectionLog):
    """Keeps the first faults of records that can't be read, and the numbers of all: there may be nothing but these."""

    def __init__(self, scratch: Path, name: str) -> None:
        super().__init__(scratch, name)
        self.records: list[int] = []

    def reject(self, faults: Iterable[Rejection], *, rows: int = 1) -> None:
        """Record the faults of so many rejected rows."""
        if self.rows < MAX_ERRORS:
            faults = list(faults)
            super().reject(faults, rows=rows)
        else:
            self.rows += rows
        self.records += [fault.row for fault in faults]


_NOTHING = pl.DataFrame(schema=ledger.SCHEMA)


def _hold(task: Vet, prepared: Prepared, log: RejectionLog) -> pl.DataFrame:
    """Record what is wrong with single rows; answers what is wrong with them as a whole."""
    if not prepared.names:
        raise JobFault("NO_COLUMNS", "The records have no columns.", "DATA")
    rows = arrange(prepared, task.rules.screening.contract)
    floats: set[str] = set()
    while True:
        with blaming(task.rules.steps):
            shaped = shaped_rows(
                task.rules.screening, rows, task.rules.steps, Surroundings(_unwatched), floats
            )
            records = prepared.accepted + log.rows
            book = compile_rules(task.rules.screening, shaped.rows, records, _unwatched, present=None)
            flow = _pass(task, shaped, book, log)
        if not flow.misfitting:
            return finding_lines(book.findings)
        floats |= flow.misfitting


def _unwatched(stage: str, **figures: Any) -> None:
    """Nobody waits for the progress of so little."""


def _pass(task: Vet, shaped: Shaped, book: Rulebook, log: RejectionLog) -> Flow:
    """Let the rows through the gate, as often as it takes to find types that all of them have."""
    fixed = fixed_columns(shaped.rows, task.target, task.before)
    keys, partition_by = _placing(task, shaped.rows)
    is_free = not (book.rules or shaped.stages or keys or partition_by)
    if is_free and not any(candidate.changes for _, candidate in fixed.values()):
        # Nothing can be wrong with any row.
        return shaped.live(log)
    plan = likely_types(shaped.rows, book)
    while True:
        flow = shaped.live(log)
        gate = Gate(
            flow.rows, book, log, _unwatched, plan=plan, fixed=fixed, keys=keys, partition_by=partition_by
        )
        gate.frame().select(pl.len()).collect(engine="streaming")
        if not gate.misfits or flow.misfitting:
            flow.finish()
            gate.finish()
            if flow.misfitting:
                log.forget()
            return flow
        plan.demote(gate.misfits)
        log.forget()


def _placing(task: Vet, rows: Arranged) -> tuple[Sequence[str], Sequence[str]]:
    """The keys of an upsert, as the rows spell them, and the columns that partition the dataset."""
    if task.target is None:
        return (), ()
    target, keys = keyed(task.target, rows, task.before)
    return keys, target.partition_by or ()


def _lines(log: RejectionLog) -> Iterable[pl.DataFrame]:
    return map(pl.read_parquet, log.parts()) if log.lines else ()


def _without(body: bytes, bad: set[int]) -> bytes:
    """The lines of records that aren't among these, by their numbers from 1; blank lines are none."""
    if not bad:
        return body if body.endswith(b"\n") else body + b"\n"
    records = filter(bytes.strip, body.split(b"\n"))
    kept = [line for number, line in enumerate(records, start=1) if number not in bad]
    return b"".join(line + b"\n" for line in kept)


def _told(errors: pl.DataFrame) -> list[dict[str, Any]]:
    """The first faults; records come with them as long as there is room for these."""
    lines = errors.head(MAX_ERRORS).rows(named=True)
    left = MAX_RECORD_BYTES
    for line in lines:
        left -= len(line["record"] or "")
        if left < 0:
            line["record"] = None
    return lines
