"""Screening: what the rows of one job are held against, compiled to rules for the one scan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from headgate.pipelines.acceptance import Acceptance, InvalidPolicy, Limit
from headgate.pipelines.arrangement import CONTRACT, Arranged
from headgate.pipelines.checks.check import Check, Present, Table
from headgate.pipelines.checks.registry import checks_from_json
from headgate.pipelines.contract import Contract
from headgate.pipelines.prepared import ROW_INDEX, Watch
from headgate.pipelines.rules import Finding, Rule, Severity


@dataclass(frozen=True, slots=True)
class Screening:
    """A contract, checks, and how much may be wrong; `datasets` are the folders of those that checks refer to."""

    contract: Contract | None = None
    checks: Sequence[Check] = ()
    acceptance: Acceptance = field(default_factory=Acceptance)
    datasets: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def from_json(cls, spec: Mapping[str, Any], datasets: Mapping[str, str]) -> Self:
        """Read it from a spec, which was checked when the job was accepted."""
        contract = spec.get("contract")
        return cls(
            Contract.model_validate(contract) if contract else None,
            checks_from_json(spec.get("checks") or []),
            Acceptance.model_validate(spec.get("acceptance") or {}),
            {name: Path(path) for name, path in datasets.items()},
        )


@dataclass(frozen=True, slots=True)
class Rulebook:
    """What each row and the input as a whole are held against.

    `limits` are those of single checks, each with the numbers of the rules that count for it.
    """

    rules: Sequence[Rule] = ()
    findings: Sequence[Finding] = ()
    limits: Sequence[tuple[Limit, Sequence[int]]] = ()


def compile_rules(
    screening: Screening, rows: Arranged, records: int, watch: Watch, present: Present | None
) -> Rulebook:
    """The rules of the contract and the checks. Raises JobFault, as checks that see all rows first may."""
    table = Table(
        frame=rows.frame.select(ROW_INDEX, *rows.names),
        sample=rows.sample.select(rows.names),
        records=records,
        watch=watch,
        rows=rows.prepared.rows,
        datasets=screening.datasets,
        present=present,
    )
    book = _Book(screening.acceptance.on_invalid is InvalidPolicy.WARN)
    book.add(rows.rules, Limit("the contract", 0 if rows.is_frozen else None, None))
    book.findings += rows.findings
    for check in screening.checks:
        book.add(check.rules(table), Limit(check.label, check.max_failed_rows, check.max_failed_percent))
    return Rulebook(book.rules, book.findings, book.limits)


class _Book:
    def __init__(self, only_warns: bool) -> None:
        self.rules: list[Rule] = []
        self.findings: list[Finding] = []
        self.limits: list[tuple[Limit, Sequence[int]]] = []
        self._only_warns = only_warns

    def add(self, found: Any, limit: Limit) -> None:
        first = len(self.rules)
        for each in found:
            if isinstance(each, Finding):
                self.findings.append(each)
            else:
                self.rules.append(self._softened(each))
        if limit.rows is not None or limit.percent is not None:
            self.limits.append((limit, range(first, len(self.rules))))

    def _softened(self, rule: Rule) -> Rule:
        """Where rows are to be accepted with warnings; a value that was lost to a type can't be."""
        is_kept = self._only_warns and not (rule.check == CONTRACT and rule.code == "TYPE")
        return replace(rule, severity=Severity.WARNING) if is_kept else rule
