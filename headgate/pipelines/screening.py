"""Screening: what the rows of one job are held against, compiled to rules for the one scan."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from headgate.pipelines.acceptance import Acceptance, InvalidPolicy, Limit
from headgate.pipelines.arrangement import CONTRACT, Arranged
from headgate.pipelines.checks.check import Check, Present, Table
from headgate.pipelines.checks.registry import checks_from_json
from headgate.pipelines.contract import Contract
from headgate.pipelines.prepared import ROW_INDEX, Watch
from headgate.pipelines.rules import Finding, Rule, Severity
from headgate.storage.locations import location_from_json
from headgate.storage.tablefolders import TableFolder, table_folder

UNLIMITED = Limit("", None, None)


@dataclass(frozen=True, slots=True)
class Screening:
    """A contract, checks, and how much may be wrong; `datasets` are the folders of those that checks refer to.

    Where `is_partial` the rows are a part of an input: checks of a whole input, and their limits, don't count.
    """

    contract: Contract | None = None
    checks: Sequence[Check] = ()
    acceptance: Acceptance = field(default_factory=Acceptance)
    datasets: Mapping[str, TableFolder] = field(default_factory=dict)
    is_partial: bool = False

    @classmethod
    def from_json(
        cls, spec: Mapping[str, Any], datasets: Mapping[str, Any], *, is_partial: bool = False
    ) -> Self:
        """Read it from a spec, which was checked when the job was accepted, and the locations of datasets."""
        contract = spec.get("contract")
        return cls(
            Contract.model_validate(contract) if contract else None,
            checks_from_json(spec.get("checks") or []),
            Acceptance.model_validate(spec.get("acceptance") or {}),
            {name: table_folder(location_from_json(said)) for name, said in datasets.items()},
            is_partial,
        )

    @property
    def sees_dataset(self) -> bool:
        """Whether what is found depends on the rows that the dataset has already."""
        return any(check.sees_dataset for check in self.checks)


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
    book = _Book(screening)
    for rule in rows.rules:
        book.add([rule], contract_limit(rows, rule))
    book.findings += rows.findings
    for check in screening.checks:
        if not screening.is_partial:
            limit = Limit(check.label, check.max_failed_rows, check.max_failed_percent)
            book.add(check.rules(table), limit)
        elif not check.of_whole_input:
            book.add(check.rules(table), UNLIMITED)
    return Rulebook(book.rules, book.findings, book.limits)


def contract_limit(rows: Arranged, rule: Rule) -> Limit:
    """How many rows may break a rule of the contract: of a frozen type none."""
    is_frozen = rows.is_frozen and rule.code == "TYPE"
    return Limit(f"the contract's type of {rule.column}", 0, None) if is_frozen else UNLIMITED


def softened(screening: Screening, rule: Rule) -> Rule:
    """A rule as it counts: a warning where rows are to be accepted all the same.

    A value that was lost to a type can't be accepted.
    """
    is_kept = screening.acceptance.on_invalid is not InvalidPolicy.WARN
    is_lost = rule.check == CONTRACT and rule.code == "TYPE"
    return rule if is_kept or is_lost else replace(rule, severity=Severity.WARNING)


class _Book:
    def __init__(self, screening: Screening) -> None:
        self.rules: list[Rule] = []
        self.findings: list[Finding] = []
        self.limits: list[tuple[Limit, Sequence[int]]] = []
        self._screening = screening

    def add(self, found: Any, limit: Limit) -> None:
        first = len(self.rules)
        for each in found:
            if isinstance(each, Finding):
                self.findings.append(each)
            else:
                self.rules.append(softened(self._screening, each))
        is_limited = limit.rows is not None or limit.percent is not None
        if is_limited and len(self.rules) > first:
            self.limits.append((limit, range(first, len(self.rules))))
