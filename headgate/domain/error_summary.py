"""How many errors there are of each kind, over one job or many."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from headgate.domain.ledgers import ErrorFilter, JobErrors, reading, with_errors
from headgate.domain.queries import is_one_of
from headgate.domain.row_errors import Place
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.open_errors import SAMPLES, LedgerFilter
from headgate.storage.tables import Job

MAX_GROUPS = 500
"""Of more groups than these, those with the most errors are shown."""


class ErrorGroup(StrEnum):
    """What errors of one group have in common."""

    CODE = "CODE"
    COLUMN = "COLUMN"
    CHECK = "CHECK"
    SEVERITY = "SEVERITY"

    @property
    def ledger_column(self) -> str:
        """The column of a ledger that holds it."""
        return self.value.lower()


@dataclass(slots=True)
class ErrorCount:
    """The errors of one group: `count` of them, in `rows` rows; the first few stand at `samples`.

    What the errors are not grouped by is None.
    """

    code: str | None = None
    column: str | None = None
    check: str | None = None
    severity: str | None = None
    count: int = 0
    rows: int = 0
    samples: list[Place] = field(default_factory=list)

    def add(self, job_id: str, line: dict[str, Any]) -> None:
        """Count the errors of one more job in, after those of newer jobs."""
        self.count += line["count"]
        self.rows += line["rows"]
        missing = SAMPLES - len(self.samples)
        self.samples += [Place(job_id, number) for number in line["samples"][:missing]]

    @property
    def rank(self) -> tuple[Any, ...]:
        """Sorts by number of errors, the most first, then by name."""
        names = (self.code, self.column, self.check, self.severity)
        return (-self.count, *(name or "" for name in names))


class Summary:
    """Adds the groups of several jobs up, the newest job first."""

    def __init__(self, by: Collection[ErrorGroup]) -> None:
        self._names = [group.ledger_column for group in by]
        self._groups: dict[tuple[str | None, ...], ErrorCount] = {}

    def add(self, job_id: str, lines: Iterable[dict[str, Any]]) -> None:
        """Add the groups of one job."""
        for line in lines:
            key = tuple(line[name] for name in self._names)
            if key not in self._groups:
                self._groups[key] = ErrorCount(**dict(zip(self._names, key, strict=True)))
            self._groups[key].add(job_id, line)

    def counts(self) -> list[ErrorCount]:
        """The groups, those with the most errors first."""
        return sorted(self._groups.values(), key=lambda group: group.rank)[:MAX_GROUPS]


async def of_filter(services: Services, wanted: ErrorFilter, by: Sequence[ErrorGroup]) -> list[ErrorCount]:
    """Group the open errors that the filter matches; raises UserFault (INVALID_ARGUMENT, INVALID_ID)."""
    groups = distinct(by)
    summary = Summary(groups)
    async for found in with_errors(services, wanted.of_jobs()):
        summary.add(found.job_id, await reading(_read, found, wanted.in_ledger(), groups))
    return summary.counts()


async def of_jobs(
    services: Services, job_ids: Collection[str], by: Sequence[ErrorGroup]
) -> dict[str, list[ErrorCount]]:
    """Group the open errors of each of these jobs, a few jobs at a time; those without errors are left out."""
    found = [each async for each in with_errors(services, [is_one_of(Job.id, job_ids)])]
    read = await asyncio.gather(*(reading(_read, each, LedgerFilter(), by) for each in found))
    return {each.job_id: _of_one(each.job_id, lines, by) for each, lines in zip(found, read, strict=True)}


def distinct(by: Sequence[ErrorGroup]) -> Sequence[ErrorGroup]:
    """Each group once; raises UserFault (INVALID_ARGUMENT) where there is none."""
    if not by:
        raise UserFault("INVALID_ARGUMENT", "groupBy must name at least one group.", ("groupBy",))
    return tuple(dict.fromkeys(by))


def _of_one(job_id: str, lines: list[dict[str, Any]], by: Sequence[ErrorGroup]) -> list[ErrorCount]:
    summary = Summary(by)
    summary.add(job_id, lines)
    return summary.counts()


def _read(found: JobErrors, wanted: LedgerFilter, by: Sequence[ErrorGroup]) -> list[dict[str, Any]]:
    return found.errors.groups(wanted, [group.ledger_column for group in by]).to_dicts()
