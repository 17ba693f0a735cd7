"""Errors of a job as a CSV file that is made while it is sent."""

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from sqlmodel import col, select

from headgate.domain.ledgers import ErrorFilter, reading, with_errors
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.error_csv import error_lines, row_lines
from headgate.storage.open_errors import OpenErrors
from headgate.storage.tables import File, Job

UNUSED: tuple[Any, ...] = (None, (), [])
"""Conditions of a filter that match everything."""


class ErrorsContent(StrEnum):
    """What a line of the file is: an error, or a rejected row."""

    ERRORS = "ERRORS"
    ROWS = "ROWS"


@dataclass(frozen=True, slots=True)
class ErrorDownload:
    """Which open errors of which job to write, and how."""

    job_id: str
    content: ErrorsContent
    wanted: ErrorFilter

    @classmethod
    def asked(cls, job_id: str, content: ErrorsContent, wanted: ErrorFilter) -> Self:
        """Check what a caller asks for; raises UserFault (INVALID_ARGUMENT)."""
        if content is ErrorsContent.ROWS and wanted.severity not in (None, "ERROR"):
            text = "ROWS are the rows that were rejected: errors of another severity than ERROR reject none."
            raise UserFault("INVALID_ARGUMENT", text, ("filter", "severity"))
        return cls(job_id, content, replace(wanted, job=job_id))

    def to_json(self) -> dict[str, Any]:
        """Say it without the job, which the path names."""
        conditions = {each.name: getattr(self.wanted, each.name) for each in fields(self.wanted)}
        given = {name: each for name, each in conditions.items() if each not in UNUSED and name != "job"}
        if self.wanted.since is not None:
            given["since"] = self.wanted.since.isoformat()
        return {"content": self.content.value, "filter": given}

    @classmethod
    def from_json(cls, job_id: str, said: Mapping[str, Any]) -> Self:
        """Read what `to_json` said."""
        given = dict(said["filter"])
        if "since" in given:
            given["since"] = datetime.fromisoformat(given["since"])
        return cls(job_id, ErrorsContent(said["content"]), ErrorFilter(job=job_id, **given))

    @property
    def path(self) -> str:
        """Where it lies, from the server's root on."""
        return path_of(self.job_id)


def path_of(job_id: str) -> str:
    """Name the path of a job's errors."""
    return f"/downloads/errors/{job_id}.csv"


async def chunks(services: Services, download: ErrorDownload) -> AsyncIterator[bytes]:
    """Write the file, some MiB at a time, as fast as it is taken."""
    lines = await _lines(services, download)
    while (chunk := await reading(next, lines, None)) is not None:
        yield chunk


async def _lines(services: Services, download: ErrorDownload) -> Iterator[bytes]:
    errors, wanted = await _errors(services, download), download.wanted.in_ledger()
    if download.content is ErrorsContent.ERRORS:
        return error_lines(errors, wanted)
    rejecting = replace(wanted, severity="ERROR")
    return row_lines(errors, rejecting, await _columns(services, download.job_id))


async def _errors(services: Services, download: ErrorDownload) -> OpenErrors:
    async for found in with_errors(services, download.wanted.of_jobs()):
        return found.errors
    return OpenErrors(None)


async def _columns(services: Services, job_id: str) -> list[str]:
    """The names of the columns of the data that a job reads, as far as they are known without reading it."""
    statement = select(Job.spec, File.columns).outerjoin(File, col(Job.file_id) == File.id)
    async with services.database.read() as session:
        found = (await session.execute(statement.where(Job.id == job_id))).first()
    if found is None:
        return []
    spec, columns = found
    if (corrections := spec["source"].get("corrections")) is not None:
        return list(corrections["own"])
    return [column["name"] for column in columns or ()]
