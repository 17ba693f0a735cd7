"""Checks an input against rules, and keeps nothing of it but what is wrong."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from headgate.pipelines.arrangement import Arranged
from headgate.pipelines.counts import Counts
from headgate.pipelines.endpoints.outside import Outside
from headgate.pipelines.gate import Gate
from headgate.pipelines.inputs import Input, read_rows, scanning
from headgate.pipelines.orders import Permit, unlimited
from headgate.pipelines.outcome import Outcome
from headgate.pipelines.prepared import Watch
from headgate.pipelines.rejections import Keep, RejectionLog, Samples, kept_where_written, save_ledger
from headgate.pipelines.runner import shaped_rows
from headgate.pipelines.screening import Screening, compile_rules
from headgate.pipelines.shaping import Surroundings, blaming
from headgate.pipelines.steps.step import Step
from headgate.storage.open_errors import LedgerFilter, OpenErrors

BY_RULE = ("code", "column", "check", "severity")


@dataclass(frozen=True, slots=True)
class Validate:
    """Holds the rows of one input against a screening; what is wrong with them goes to the ledger."""

    source: Input
    ledger: Path
    scratch: Path
    screening: Screening
    samples: Samples = field(default_factory=Samples)
    steps: Sequence[Step] = ()
    outside: Outside = field(default_factory=Outside)
    keep: Keep = kept_where_written


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came out: `passed` where there are no more than warnings, and these within the limits of their checks.

    `rules` are counts by rule.
    """

    counts: Counts
    passed: bool
    issues: int
    rules: list[dict[str, Any]]

    def to_json(self) -> dict[str, Any]:
        return {"passed": self.passed, "issues": self.issues, "rules": self.rules}


def validate(task: Validate, watch: Watch, permit: Permit = unlimited) -> Verdict:
    """Run the task; `permit` is asked before the ledger is kept. Raises JobFault, and Stopped from either."""
    reading, found = (RejectionLog(task.scratch, name, task.samples) for name in ("reading", "gate"))
    rows = read_rows(task.source, task.screening.contract, None, task.scratch, reading, watch)
    with blaming(task.steps), scanning(task.source, rows.prepared, watch):
        outcome = _scan(task, rows, reading, found, watch)
    outcome.check(task.source)
    permit()
    save_ledger(task.ledger, reading, found, findings=outcome.book.findings)
    task.keep(task.ledger)
    counts = outcome.counts()
    is_beyond = any(limit.is_passed(failed, counts.read) for limit, failed in outcome.failed)
    has_passed = outcome.errors == counts.warnings and not is_beyond
    return Verdict(counts, has_passed, outcome.errors, _by_rule(task.ledger))


def _scan(
    task: Validate, rows: Arranged, reading: RejectionLog, found: RejectionLog, watch: Watch
) -> Outcome:
    floats: set[str] = set()
    around = Surroundings(watch, task.screening.datasets, task.outside)
    while True:
        shaped = shaped_rows(task.screening, rows, task.steps, around, floats)
        records = rows.prepared.accepted + reading.rows
        book = compile_rules(task.screening, shaped.rows, records, watch, present=None)
        flow = shaped.live(found)
        gate = Gate(flow.rows, book, found, watch)
        passed = int(gate.frame().select(pl.len()).collect(engine="streaming").item())
        if not flow.misfitting:
            flow.finish()
            gate.finish()
            return Outcome(rows, flow, gate, book, reading, found, passed)
        floats |= flow.misfitting
        found.forget()


def _by_rule(ledger: Path) -> list[dict[str, Any]]:
    """How many errors there are, and in how many rows, for each code, column, check and severity."""
    groups = OpenErrors(ledger).groups(LedgerFilter(), BY_RULE).drop("samples")
    return groups.sort("count", *BY_RULE, descending=[True, *[False] * len(BY_RULE)]).to_dicts()
