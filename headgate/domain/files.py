"""Files: receive, find, look into."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from headgate.domain.incoming import IncomingFile
from headgate.domain.pages import Page
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.formats import FileFormat
from headgate.storage.tables import File, FileStatus


class UnusableFile(UserFault):
    """A file that was received but cannot be used; `file` is its row, with status FAILED."""

    def __init__(self, fault: UserFault, file: File) -> None:
        super().__init__(fault.code, fault.message, fault.path, fault.retryable)
        self.file = file


@dataclass(frozen=True, slots=True)
class FileFilter:
    """Which files to list; an empty field matches all. `name_contains` ignores case."""

    name_contains: str | None = None
    status: Collection[FileStatus] = ()
    format: Collection[FileFormat] = ()
    created_after: datetime | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """The first records of a file, and its columns, each with name, type, nativeType and nullable."""

    columns: list[dict[str, Any]]
    records: list[dict[str, Any]]
    has_next: bool


async def receive(
    services: Services,
    principal: Principal,
    incoming: IncomingFile,
    *,
    name: str | None = None,
    format: FileFormat | None = None,
    sha256: str | None = None,
) -> File:
    """Keep a file that has arrived: check it, find its format and columns, record it as READY.

    `name` and `format` override what the sender's file name says; `sha256` (hexadecimal) must be
    that of the content. Raises UserFault: FORBIDDEN, FILE_TOO_LARGE and INVALID_ARGUMENT leave
    nothing behind; as UnusableFile, CHECKSUM_MISMATCH and the engine's UNSUPPORTED_FORMAT,
    EMPTY_FILE, FORMAT_MISMATCH and UNREADABLE_FILE leave a row with status FAILED and no bytes.
    """
    raise NotImplementedError


async def get(services: Services, file_id: str) -> File | None:
    """Find a file; raises UserFault (INVALID_ID) for what is no file's id."""
    raise NotImplementedError


async def get_many(services: Services, file_ids: Collection[str]) -> dict[str, File]:
    """Find files by id, in one query; unknown ids are left out."""
    raise NotImplementedError


async def page(services: Services, wanted: FileFilter, first: int, after: str | None) -> Page[File]:
    """List files, newest first; raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR)."""
    raise NotImplementedError


async def total(services: Services, wanted: FileFilter) -> int:
    """Count the files that the filter matches."""
    raise NotImplementedError


async def preview(services: Services, file: File, first: int) -> Preview:
    """Read the first 1 to 200 records of a file.

    Raises UserFault: INVALID_ARGUMENT, FILE_NOT_READY, or the engine's reason.
    """
    raise NotImplementedError
