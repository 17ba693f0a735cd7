"""Errors of rows and cells, read from the ledgers of one job or many."""

import asyncio
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, NamedTuple

import orjson

from headgate.domain.ledgers import ErrorFilter as ErrorFilter
from headgate.domain.ledgers import JobErrors, reading, with_errors
from headgate.domain.ledgers import ledger_key as ledger_key
from headgate.domain.pages import NUMBER, Page, check_first, decode_cursor, encode_cursor, invalid_cursor
from headgate.domain.queries import is_one_of
from headgate.domain.services import Services
from headgate.storage.ids import is_id
from headgate.storage.tables import Job

FAULT_BYTES = 4
"""So many bytes of a hash tell the faults of one row apart."""


class Place(NamedTuple):
    """Where an error stands: it is number `number` of a job, counted from 0; -1 is before the first."""

    job_id: str
    number: int


@dataclass(frozen=True, slots=True)
class RowError:
    """One fault of a row or a cell.

    `id` is "<job id>:<row, or 0>:<hash of column, code and check>": the same while the job runs and in its ledger.
    `number` is its place there, None while the job runs.
    """

    id: str
    job_id: str
    number: int | None
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

    @classmethod
    def from_line(cls, job_id: str, line: Mapping[str, Any]) -> "RowError":
        """Make it of a line of the ledger, or of a sample that a running job sent."""
        return cls(
            id=_id(job_id, line),
            job_id=job_id,
            number=line.get("number"),
            row=line["row"],
            line=line["line"],
            column=line["column"],
            value=line["value"],
            code=line["code"],
            check=line["check"],
            severity=line["severity"],
            message=line["message"],
            suggestion=line["suggestion"],
            record=orjson.loads(line["record"]) if line["record"] is not None else None,
        )

    @property
    def cursor(self) -> str:
        """From here a list goes on behind it."""
        return encode_cursor(f"{self.job_id}:{self.number}")


async def page(services: Services, wanted: ErrorFilter, first: int, after: str | None) -> Page[RowError]:
    """List open errors: newest job first, within a job in row order. A cursor holds a Place.

    Raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR, INVALID_ID).
    """
    check_first(first)
    begin = _place(after) if after is not None else None
    errors: list[RowError] = []
    async for found in with_errors(services, wanted.of_jobs(), upto=begin.job_id if begin else None):
        number = begin.number if begin is not None and begin.job_id == found.job_id else -1
        errors += await reading(_read, found, wanted, number, first + 1 - len(errors))
        if len(errors) > first:
            break
    return Page.cut(errors, first, lambda error: error.cursor)


async def total(services: Services, wanted: ErrorFilter) -> int:
    """Count the open errors that the filter matches; opens the ledger of every job that has some."""
    return sum(
        [
            await reading(found.errors.count, wanted.in_ledger())
            async for found in with_errors(services, wanted.of_jobs())
        ]
    )


async def at(services: Services, places: Collection[Place]) -> dict[Place, RowError]:
    """Read the open errors at these places; those of one job are read together."""
    numbers: defaultdict[str, list[int]] = defaultdict(list)
    for place in places:
        numbers[place.job_id].append(place.number)
    jobs = [found async for found in with_errors(services, [is_one_of(Job.id, numbers)])]
    read = [reading(_read_numbered, found, numbers[found.job_id]) for found in jobs]
    return {place: error for errors in await asyncio.gather(*read) for place, error in errors.items()}


def _place(cursor: str) -> Place:
    job_id, _, number = decode_cursor(cursor).rpartition(":")
    if not is_id(job_id, "job") or not NUMBER.fullmatch(number):
        raise invalid_cursor()
    return Place(job_id, int(number))


def _read(found: JobErrors, wanted: ErrorFilter, after: int, first: int) -> list[RowError]:
    lines = found.errors.page(wanted.in_ledger(), after=after, first=first)
    return [RowError.from_line(found.job_id, line) for line in lines.iter_rows(named=True)]


def _read_numbered(found: JobErrors, numbers: list[int]) -> dict[Place, RowError]:
    lines = found.errors.numbered(numbers).iter_rows(named=True)
    return {Place(found.job_id, line["number"]): RowError.from_line(found.job_id, line) for line in lines}


def _id(job_id: str, line: Mapping[str, Any]) -> str:
    fault = orjson.dumps([line["column"], line["code"], line["check"]])
    return f"{job_id}:{line['row'] or 0}:{blake2b(fault, digest_size=FAULT_BYTES).hexdigest()}"
