"""Deleting files: their bytes go, and their rows stay, for the jobs that have read them."""

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain.audit import record
from headgate.domain.happenings import FINAL
from headgate.domain.ids import require_id
from headgate.domain.permissions import Principal, require
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.tables import File, FileStatus, Job, Role

PATH = ("id",)


async def delete(services: Services, principal: Principal, file_id: str) -> str:
    """Delete a file's bytes; answers its id, for one that was deleted before too.

    Raises UserFault: FORBIDDEN, INVALID_ID, NOT_FOUND, FILE_NOT_READY while it comes in, and FILE_IN_USE while a job
    that has not ended reads it.
    """
    require(principal, Role.OPERATOR)
    require_id(file_id, "file")
    async with services.database.transaction() as session:
        # Locked for whoever would refer to it, too: no new job can come between.
        file = await session.get(File, file_id, with_for_update=True)
        if file is None:
            raise UserFault("NOT_FOUND", f"There is no file {file_id}.", PATH)
        if file.status is not FileStatus.EXPIRED:
            await check_unused(session, file)
            file.status, file.storage_key = FileStatus.EXPIRED, None
            record(session, principal, "deleteFile", file_id, {"name": file.name, "sha256": file.sha256})
    # A process that dies before this leaves what no row names, which is swept away.
    await services.store.delete(f"files/{file_id}")
    return file_id


async def check_unused(session: AsyncSession, file: File) -> None:
    """Raise UserFault: FILE_NOT_READY while a file comes in, FILE_IN_USE while a job that has not ended reads it."""
    if file.status is FileStatus.RECEIVING:
        message = "The file is still coming in. abortUpload ends that."
        raise UserFault("FILE_NOT_READY", message, PATH)
    reading = select(Job.id).where(Job.file_id == file.id, col(Job.status).not_in(FINAL)).limit(1)
    if (job_id := (await session.scalars(reading)).first()) is not None:
        message = f"The job {job_id} reads it. Cancel that, or wait until it has ended."
        raise UserFault("FILE_IN_USE", message, PATH, retryable=True)
