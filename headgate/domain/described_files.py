"""Reading files anew, once somebody knows better how they are written."""

from typing import Any

from headgate.domain.audit import record
from headgate.domain.deleted_files import check_unused
from headgate.domain.dialects import checked_dialect
from headgate.domain.files import describe, get, require_ready
from headgate.domain.permissions import Principal, require
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.pipelines.dialect import GivenDialect
from headgate.storage.formats import FileFormat
from headgate.storage.tables import File, Role

PATH = ("id",)


async def describe_again(
    services: Services,
    principal: Principal,
    file_id: str,
    *,
    format: FileFormat | None = None,
    dialect: GivenDialect | None = None,
) -> File:
    """Find format, dialect and columns of a file again; what is given counts, and the rest is found in its content.

    The content stays. Raises UserFault, and leaves the file as it is: FORBIDDEN, INVALID_ID, NOT_FOUND, FILE_NOT_READY,
    INVALID_DIALECT, the engine's reason, and FILE_IN_USE while a job that has not ended reads it.
    """
    require(principal, Role.OPERATOR)
    given = {} if dialect is None else checked_dialect(dialect, ("dialect",)).to_json()
    found = await _required(services, file_id)
    found.format, found.dialect = format, None
    await _describe(services, found, given)
    async with services.database.transaction() as session:
        # Locked for whoever would refer to it, too: no new job can come between.
        file = await session.get_one(File, file_id, with_for_update=True)
        require_ready(file, PATH)
        await check_unused(session, file)
        file.format, file.dialect, file.columns = found.format, found.dialect, found.columns
        details = {"name": file.name, "format": file.format, "dialect": file.dialect}
        record(session, principal, "describeFile", file_id, details)
    return file


async def _describe(services: Services, file: File, given: dict[str, Any]) -> None:
    try:
        await describe(services, file, given)
    except UserFault as fault:
        raise UserFault(fault.code, fault.message, PATH, fault.retryable) from fault


async def _required(services: Services, file_id: str) -> File:
    if (file := await get(services, file_id)) is None:
        raise UserFault("NOT_FOUND", f"There is no file {file_id}.", PATH)
    require_ready(file, PATH)
    return file
