"""Checks an input against rules, and keeps nothing of it but what is wrong."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from headgate.pipelines.counts import Counts
from headgate.pipelines.gate import Gate
from headgate.pipelines.inputs import Input, check_scanned, mismatch, read_rows, scanning
from headgate.pipelines.orders import Permit, unlimited
from headgate.pipelines.prepared import Watch
from headgate.pipelines.rejections import RejectionLog, Samples, save_ledger
from headgate.pipelines.rules import Severity
from headgate.pipelines.screening import Screening, compile_rules
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
    records = rows.prepared.accepted + reading.rows
    with scanning(task.source, rows.prepared, watch):
        book = compile_rules(task.screening, rows, records, watch, present=None)
        gate = Gate(rows, book, found, watch)
        passed = int(gate.frame().select(pl.len()).collect(engine="streaming").item())
        gate.finish()
    check_scanned(task.source, rows.prepared, gate.rows)
    if passed != gate.rows - gate.rejected:
        raise mismatch()
    permit()
    save_ledger(task.ledger, reading, found, findings=book.findings)
    warnings = found.warnings + sum(each.severity is Severity.WARNING for each in book.findings)
    counts = Counts(records, passed, reading.rows + gate.rejected, warnings=warnings)
    issues = reading.lines + found.lines + len(book.findings)
    limits = zip((limit for limit, _ in book.limits), gate.failed, strict=True)
    is_beyond = any(limit.is_passed(failed, records) for limit, failed in limits)
    has_passed = issues == warnings and not is_beyond
    return Verdict(counts, has_passed, issues, _by_rule(task.ledger))


def _by_rule(ledger: Path) -> list[dict[str, Any]]:
    """How many errors there are, and in how many rows, for each code, column, check and severity."""
    groups = OpenErrors(ledger).groups(LedgerFilter(), BY_RULE).drop("samples")
    return groups.sort("count", *BY_RULE, descending=[True, *[False] * len(BY_RULE)]).to_dicts()
