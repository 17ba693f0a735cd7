"""Errors of rows and cells, read from the ledgers of one job or many."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headgate.domain.pages import Page
from headgate.domain.services import Services


@dataclass(frozen=True, slots=True)
class ErrorFilter:
    """Which errors to list; an empty field matches all.

    `job` is an id, `dataset` a name, `severity` ERROR or WARNING; `since` is about when the job was made.
    """

    job: str | None = None
    dataset: str | None = None
    code: Sequence[str] = ()
    column: Sequence[str] = ()
    check: Sequence[str] = ()
    severity: str | None = None
    row: int | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class RowError:
    """One fault of a row or a cell. `id` is "<job id>:<0-based number in the job's ledger>"."""

    id: str
    job_id: str
    row: int | None
    line: int | None
    column: str | None
    value: str | None
    code: str
    check: str | None
    severity: str
    message: str
    suggestion: str | None
    record: Any


async def page(services: Services, wanted: ErrorFilter, first: int, after: str | None) -> Page[RowError]:
    """List errors: newest job first, within a job in row order. A cursor holds a RowError's id.

    Raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR, INVALID_ID).
    """
    raise NotImplementedError


async def total(services: Services, wanted: ErrorFilter) -> int:
    """Count the errors that the filter matches; reads the ledger of every job that has some."""
    raise NotImplementedError
