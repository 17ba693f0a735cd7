"""Acceptance: when a job with bad rows still counts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import Field

from headgate.errors import JobFault
from headgate.pipelines.kinds import Settings
from headgate.pipelines.rules import Finding, Severity


class InvalidPolicy(StrEnum):
    """What bad rows mean for their job."""

    REJECT_ROWS = "REJECT_ROWS"
    REJECT_ALL = "REJECT_ALL"
    WARN = "WARN"


class Acceptance(Settings):
    """When a job with bad rows still counts: they are rejected one by one until a limit is passed."""

    on_invalid: InvalidPolicy = Field(
        default=InvalidPolicy.REJECT_ROWS,
        description=(
            "REJECT_ROWS rejects bad rows one by one; REJECT_ALL fails the job at the first; WARN accepts rows "
            "that break a check, and tells. What can't be read or stored is rejected all the same."
        ),
    )
    max_rejected_rows: int | None = Field(
        default=None, ge=0, description="The job fails where more rows than this are bad."
    )
    max_rejected_percent: float | None = Field(
        default=None, ge=0, le=100, description="The job fails where more of 100 rows than this are bad."
    )


@dataclass(frozen=True, slots=True)
class Limit:
    """How many rows may break a check or contract before the job fails; None is no limit."""

    name: str
    rows: int | None
    percent: float | None

    def is_passed(self, failed: int, records: int) -> bool:
        """Whether so many of so many records are too many."""
        share = 100 * failed / records if records else 0.0
        return (self.rows is not None and failed > self.rows) or (
            self.percent is not None and share > self.percent
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """What came of all rows: `records` read, `invalid` of them bad; `failed` rows for each limit of a check."""

    records: int
    invalid: int
    findings: tuple[Finding, ...] = ()
    failed: tuple[tuple[Limit, int], ...] = ()


def refusal(acceptance: Acceptance, tally: Tally) -> JobFault | None:
    """Why nothing of the input is accepted; None where its good rows are."""
    reason = next(_reasons(acceptance, tally), None)
    return None if reason is None else _fault(*reason, tally)


def _reasons(acceptance: Acceptance, tally: Tally) -> Iterator[tuple[str, str]]:
    yield from _broken(tally.findings)
    for limit, failed in tally.failed:
        if limit.is_passed(failed, tally.records):
            yield "CHECK_LIMIT_PASSED", f"{_rows(failed)} failed {limit.name}, more than its limit allows."
    own = Limit("acceptance", acceptance.max_rejected_rows, acceptance.max_rejected_percent)
    if own.is_passed(tally.invalid, tally.records):
        yield (
            "TOO_MANY_INVALID_ROWS",
            f"{tally.invalid} of {_rows(tally.records)} failed: more than are accepted.",
        )
    if acceptance.on_invalid is InvalidPolicy.REJECT_ALL and tally.invalid:
        yield "INVALID_ROWS", f"{tally.invalid} of {_rows(tally.records)} failed, and all have to be good."


def _broken(findings: Iterable[Finding]) -> Iterator[tuple[str, str]]:
    return ((found.code, found.message) for found in findings if found.severity is Severity.ERROR)


def _fault(code: str, reason: str, tally: Tally) -> JobFault:
    details: dict[str, Any] = {"invalidRows": tally.invalid}
    return JobFault(code, f"{reason} Nothing was ingested; its errors say more.", "DATA", details=details)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"
