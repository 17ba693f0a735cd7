"""What one scan came to: its rows counted and held against each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from headgate.errors import JobFault
from headgate.pipelines.acceptance import Limit, Tally, refusal
from headgate.pipelines.arrangement import Arranged
from headgate.pipelines.counts import Counts
from headgate.pipelines.gate import Gate
from headgate.pipelines.inputs import Input, check_scanned, mismatch
from headgate.pipelines.rejections import RejectionLog
from headgate.pipelines.rules import Severity
from headgate.pipelines.screening import Rulebook, Screening, contract_limit
from headgate.pipelines.shaping import Flow


@dataclass(frozen=True, slots=True)
class Outcome:
    """A scan that is over: `arranged` rows went through the flow to the gate, which `passed` so many.

    What the reader found wrong is in `reading`, all else in `log`.
    """

    arranged: Arranged
    flow: Flow
    gate: Gate
    book: Rulebook
    reading: RejectionLog
    log: RejectionLog
    passed: int

    def check(self, source: Input) -> None:
        """Raises JobFault where rows went missing, or came twice, between the reader and the gate."""
        flow = self.flow
        scanned = self.gate.rows + flow.rejected + flow.filtered + flow.merged - flow.made
        check_scanned(source, self.arranged.prepared, scanned)
        if self.passed != self.gate.rows - self.gate.rejected:
            raise mismatch()

    @property
    def records(self) -> int:
        """The rows of the source, with those that steps made of them beside."""
        return self.arranged.prepared.accepted + self.reading.rows + self.flow.made

    @property
    def rejected(self) -> int:
        """The bad rows."""
        return self.reading.rows + self.flow.rejected + self.gate.rejected

    @property
    def errors(self) -> int:
        """How many lines the ledger has."""
        return self.reading.lines + self.log.lines + len(self.book.findings)

    @property
    def warnings(self) -> int:
        """How many of them are warnings."""
        return self.log.warnings + sum(found.severity is Severity.WARNING for found in self.book.findings)

    @property
    def failed(self) -> Sequence[tuple[Limit, int]]:
        """How many rows broke each check, or rule of a contract, that has a limit."""
        of_gate = zip((limit for limit, _ in self.book.limits), self.gate.failed, strict=True)
        return [*of_gate, *self._failed_contract()]

    def _failed_contract(self) -> Iterator[tuple[Limit, int]]:
        """Where there are steps, the contract's rules are no rules of the gate."""
        for rule in self.flow.contract:
            if (limit := contract_limit(self.arranged, rule)).rows is not None:
                yield limit, self.flow.failed(rule)

    def counts(self, *, merged: int = 0, refused: int = 0) -> Counts:
        """What became of the rows: `merged` ones gave way to others in a sink, and `refused` ones it did not take."""
        return Counts(
            self.records,
            self.passed - merged - refused,
            self.rejected + refused,
            self.flow.filtered,
            self.flow.merged + merged,
            self.warnings,
        )

    def refusal(self, screening: Screening) -> JobFault | None:
        """Why nothing of the input is accepted; None where its good rows are."""
        tally = Tally(self.records, self.rejected, tuple(self.book.findings), tuple(self.failed))
        if (fault := refusal(screening.acceptance, tally)) is not None:
            nothing = Counts(self.records, 0, self.records, warnings=self.warnings)
            return self._with_counts(fault, nothing)
        if self.rejected and not self.passed:
            return self.all_rejected(self.counts())
        return None

    def all_rejected(self, counts: Counts) -> JobFault:
        """Why there is nothing to keep."""
        others = f" {counts.filtered} more were left out by steps." if counts.filtered else ""
        message = f"Every row was rejected, {counts.rejected} in all, and nothing ingested. Its errors say why.{others}"
        return self._with_counts(JobFault("ALL_ROWS_REJECTED", message, "DATA"), counts)

    def _with_counts(self, fault: JobFault, counts: Counts) -> JobFault:
        details = {**(fault.details or {}), "counts": counts.to_json(), "errors": self.errors}
        return JobFault(fault.code, fault.message, fault.category, details=details)
