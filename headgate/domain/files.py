"""Files: receive, find, look into."""

import re
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Any
from unicodedata import category

from sqlalchemy import ColumnElement
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain.audit import record
from headgate.domain.dialects import checked_dialect
from headgate.domain.idempotency import PATH, Token, earlier, start_once, token_of
from headgate.domain.ids import require_id
from headgate.domain.incoming import IncomingFile
from headgate.domain.pages import Keyset, Page, check_first, read_page
from headgate.domain.permissions import Principal, require
from headgate.domain.queries import by_id, by_ids, contains, count_rows
from headgate.domain.scratch import scratch_folder
from headgate.domain.services import Services
from headgate.errors import JobFault, UserFault
from headgate.pipelines.dialect import GivenDialect
from headgate.storage.formats import FileFormat
from headgate.storage.ids import new_id
from headgate.storage.object_store import OUTAGES, StoreUnavailable
from headgate.storage.tables import File, FileStatus, Role

SHA256 = re.compile(r"[0-9a-f]{64}")
MAX_NAME_LENGTH = 255
UNSHOWABLE = {"Cc", "Cs"}
"""Unicode categories that neither a database nor a screen can take: controls and surrogates."""


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
    dialect: GivenDialect | None = None,
    key: str | None = None,
) -> File:
    """Keep a file that has arrived: check it, find its format and columns, record it as READY.

    `name` and `format` override what the sender's file name says, `dialect` what its content does; `sha256`
    (hexadecimal) must be that of the content. Where an earlier request with the same idempotency `key` has sent
    this file, that one is answered, and `incoming` is not claimed. Raises UserFault: FORBIDDEN, FILE_TOO_LARGE,
    INVALID_ARGUMENT, INVALID_DIALECT and IDEMPOTENCY_MISMATCH leave nothing behind; as UnusableFile,
    CHECKSUM_MISMATCH and the engine's UNSUPPORTED_FORMAT, EMPTY_FILE, FORMAT_MISMATCH, INVALID_DIALECT and
    UNREADABLE_FILE leave a row with status FAILED and no bytes.
    """
    require(principal, Role.OPERATOR)
    _check_size(services, incoming)
    given = {} if dialect is None else checked_dialect(dialect, ("dialect",)).to_json()
    expected = incoming.sha256 if sha256 is None else checked_sha256(sha256)
    file = File(
        id=PurePosixPath(incoming.key).name,
        name=shown_name(name or incoming.name),
        status=FileStatus.READY,
        format=format,
        byte_size=incoming.byte_size,
        sha256=incoming.sha256,
        storage_key=incoming.key,
        created_by_id=principal.user_id,
    )
    token = token_of(
        principal, key, "upload", [incoming.sha256, file.name, format, *([given] if given else [])]
    )
    async with _kept_as_failed(services, principal, file):
        check_content(incoming.sha256, expected)
    if (known := await earlier(services, token)) is not None:
        return await _required(services, known)
    async with _kept_as_failed(services, principal, file):
        await describe(services, file, given)
    known = await _keep(services, principal, token, file, incoming)
    return file if known is None else await _required(services, known)


async def get(services: Services, file_id: str) -> File | None:
    """Find a file; raises UserFault (INVALID_ID) for what is no file's id."""
    require_id(file_id, "file")
    return await by_id(services.database, File, file_id)


async def get_many(services: Services, file_ids: Collection[str]) -> dict[str, File]:
    """Find files by id, in one query; unknown ids are left out."""
    return await by_ids(services.database, File, file_ids)


async def page(services: Services, wanted: FileFilter, first: int, after: str | None) -> Page[File]:
    """List files, newest first; raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR)."""
    statement = select(File).where(*_conditions(wanted))
    keyset: Keyset[File] = Keyset.by_id(File.id, "file")
    return await read_page(services.database, statement, keyset, first=first, after=after)


async def total(services: Services, wanted: FileFilter) -> int:
    """Count the files that the filter matches."""
    return await count_rows(services.database, File, _conditions(wanted))


async def preview(services: Services, file: File, first: int) -> Preview:
    """Read the first 1 to 200 records of a file.

    Raises UserFault: INVALID_ARGUMENT, FILE_NOT_READY, or the engine's reason.
    """
    check_first(first)
    require_ready(file, ())
    found = await _inspect(services, file, first)
    return Preview(found["columns"], found["records"], found["has_more"])


def require_ready(file: File, path: tuple[str, ...]) -> str:
    """Answer the storage key of a file that can be read; raises UserFault (FILE_NOT_READY)."""
    if file.status is FileStatus.READY and file.storage_key is not None:
        return file.storage_key
    raise UserFault("FILE_NOT_READY", f"The file {file.id} cannot be read: it is {file.status}.", path)


def _conditions(wanted: FileFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.name_contains:
        conditions.append(contains(File.name, wanted.name_contains))
    if wanted.status:
        conditions.append(col(File.status).in_(wanted.status))
    if wanted.format:
        conditions.append(col(File.format).in_(wanted.format))
    if wanted.created_after is not None:
        conditions.append(col(File.created_at) > wanted.created_after)
    return conditions


def _check_size(services: Services, incoming: IncomingFile) -> None:
    if incoming.too_large:
        limit = services.max_upload_bytes
        raise UserFault(
            "FILE_TOO_LARGE", f"A file may have up to {limit} bytes; this one has more.", ("file",)
        )


def checked_sha256(given: str) -> str:
    """Read a SHA-256 as it is compared; raises UserFault (INVALID_ARGUMENT)."""
    if not SHA256.fullmatch(given.lower()):
        raise UserFault("INVALID_ARGUMENT", "sha256 takes 64 hexadecimal digits.", ("sha256",))
    return given.lower()


def check_content(sha256: str, expected_sha256: str) -> None:
    """Raise UserFault (CHECKSUM_MISMATCH) where a file is not what was to come."""
    if sha256 != expected_sha256:
        message = f"What arrived has the SHA-256 {sha256}: send the file again."
        raise UserFault("CHECKSUM_MISMATCH", message, ("sha256",), retryable=True)


def shown_name(name: str) -> str:
    """Make any text a name that can be kept and shown."""
    shown = "".join("\N{REPLACEMENT CHARACTER}" if category(mark) in UNSHOWABLE else mark for mark in name)
    return shown.strip()[:MAX_NAME_LENGTH] or "unnamed"


async def describe(services: Services, file: File, dialect: Mapping[str, Any]) -> None:
    """Let the engine find format, dialect and columns.

    Raises UserFault with the engine's reason, and StoreUnavailable, of which the file is not the cause.
    """
    found = await _inspect(services, file, rows=1, dialect=dialect)
    file.format = FileFormat(found["format"])
    file.dialect = found["dialect"]
    file.columns = found["columns"]


async def _inspect(
    services: Services, file: File, rows: int, dialect: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    async with scratch_folder(services.store, new_id("inspection"), 1) as scratch:
        task = {
            "task": "inspect",
            "object": services.store.location(f"files/{file.id}").to_json(),
            "name": file.name,
            "format": file.format,
            "dialect": file.dialect,
            "given_dialect": dialect,
            "rows": rows,
            "scratch": str(scratch),
        }
        try:
            return await services.inspector.run(task)
        except JobFault as fault:
            if fault.code in OUTAGES:
                raise StoreUnavailable(fault.code, fault.message) from fault
            raise UserFault(fault.code, fault.message, ("file",), fault.retryable) from fault


@asynccontextmanager
async def _kept_as_failed(services: Services, principal: Principal, file: File) -> AsyncIterator[None]:
    """Keep only the row of a file with which something is wrong; raises UnusableFile in place of UserFault."""
    try:
        yield
    except UserFault as fault:
        file.status = FileStatus.FAILED
        file.storage_key = None
        file.failure = {"code": fault.code, "message": fault.message}
        async with services.database.transaction() as session:
            await _add(session, principal, file)
        raise UnusableFile(fault, file) from fault


async def _keep(
    services: Services, principal: Principal, token: Token | None, file: File, incoming: IncomingFile
) -> str | None:
    """Record a file; answers the id of the one that another request has recorded with this key meanwhile."""
    # Claimed first: an object without a row is only waste, a row without its object is a lie.
    incoming.claim()
    try:
        known = await start_once(services, token, file.id, partial(_add, principal=principal, file=file))
    except UserFault:
        incoming.disclaim()
        raise
    if known is not None:
        incoming.disclaim()
    return known


async def _add(session: AsyncSession, principal: Principal, file: File) -> None:
    session.add(file)
    details = {"name": file.name, "status": file.status, "sha256": file.sha256}
    record(session, principal, "upload", file.id, details)


async def _required(services: Services, file_id: str) -> File:
    if (file := await by_id(services.database, File, file_id)) is None:
        raise UserFault("NOT_FOUND", f"The file {file_id}, which came with this key, is gone.", PATH)
    return file
