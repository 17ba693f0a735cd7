"""How uploads end: completed by their senders, given up by them, or swept away."""

from collections.abc import Sequence

from sqlalchemy import delete
from sqlmodel import col, select

from headgate.domain.audit import Actor, record
from headgate.domain.files import UnusableFile
from headgate.domain.ids import require_id
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.domain.upload_completion import complete
from headgate.domain.upload_locks import Hold, LetGo, UploadGone, held
from headgate.domain.upload_state import ABORTED, EXPIRED, ended, is_complete, own, told
from headgate.errors import UserFault
from headgate.storage.pieces import Assembly, SentPart
from headgate.storage.tables import File, FileStatus, Upload, utc_now

SWEPT_AT_ONCE = 100
MAX_PARTS = 10_000


async def finish(
    services: Services, principal: Principal, file_id: str, parts: Sequence[SentPart] | None
) -> File:
    """Complete an upload of which all bytes are there; one that is complete already is answered as it is.

    `parts` are those of a direct upload, which were sent past this server. Raises UserFault (INVALID_ID, NOT_FOUND,
    FORBIDDEN, UPLOAD_EXPIRED, UPLOAD_LOCKED, UPLOAD_INCOMPLETE, INVALID_ARGUMENT), and UnusableFile for a file that is
    complete and cannot be used.
    """
    require_id(file_id, "file")
    file = await own(services, principal, file_id)
    if file.status is FileStatus.FAILED and file.failure is not None:
        raise UnusableFile(UserFault(file.failure["code"], file.failure["message"], ("file",)), file)
    async with told(services, file_id):
        if ended(file) is not None:
            return file
        async with held(services, file_id) as hold:
            if hold.upload.is_direct and not is_complete(hold.upload):
                await _take_parts(services, hold, parts or ())
            _require_all(hold.upload)
            return await complete(services, hold, principal)


async def abort(services: Services, principal: Principal, file_id: str) -> None:
    """Give an upload up, at once and for good: its sender, or an administrator, may.

    Raises UserFault (INVALID_ID, NOT_FOUND, FORBIDDEN, UPLOAD_EXPIRED, UPLOAD_FAILED, UPLOAD_COMPLETE, UPLOAD_LOCKED).
    """
    require_id(file_id, "file")
    file = await own(services, principal, file_id, or_administrator=True)
    async with told(services, file_id):
        if ended(file) is not None:
            raise UserFault("UPLOAD_COMPLETE", f"The file {file_id} is complete: delete it instead.", ("id",))
        async with held(services, file_id) as hold:
            await _give_up(services, hold, ABORTED, by=principal)


async def sweep_expired(services: Services) -> int:
    """Give up what has not come in time; answers how much."""
    is_late = col(Upload.expires_at) < utc_now()
    is_incomplete = col(Upload.byte_size).is_distinct_from(col(Upload.received))
    statement = select(Upload.file_id).where(is_late, is_incomplete).limit(SWEPT_AT_ONCE)
    async with services.database.read() as session:
        file_ids = (await session.scalars(statement)).all()
    swept = 0
    for file_id in file_ids:
        try:
            async with held(services, file_id, wait_s=0) as hold:
                await _give_up(services, hold, EXPIRED)
                swept += 1
        except (LetGo, UploadGone):
            # Somebody writes still, who has been asked to let go: the next turn finds it again.
            continue
    return swept


async def _take_parts(services: Services, hold: Hold, parts: Sequence[SentPart]) -> None:
    """Count the parts of a direct upload once all are there as they are told; raises UserFault."""
    upload = hold.upload
    assert upload.byte_size is not None
    if len(parts) > MAX_PARTS or len({part.number for part in parts}) < len(parts):
        message = f"Tell up to {MAX_PARTS} parts, each once."
        raise UserFault("INVALID_ARGUMENT", message, ("parts",))
    missing = await services.pieces.missing(Assembly.of(upload), upload.byte_size, parts)
    if missing is not None:
        raise UserFault("UPLOAD_INCOMPLETE", missing, ("parts",), retryable=True)
    await hold.note(upload.byte_size, upload.byte_size)


def _require_all(upload: Upload) -> None:
    if is_complete(upload):
        return
    whole = "an unknown number" if upload.byte_size is None else upload.byte_size
    message = f"{upload.received} of {whole} of bytes have arrived: send the rest first."
    raise UserFault("UPLOAD_INCOMPLETE", message, ("id",), retryable=True)


async def _give_up(
    services: Services, hold: Hold, reason: dict[str, str], *, by: Actor | None = None
) -> None:
    """End an upload, and leave nothing but its file's row; raises LetGo where the lock is lost."""
    assembly = Assembly.of(hold.upload)
    async with services.database.transaction() as session:
        ended = delete(Upload).where(hold.is_held()).returning(col(Upload.file_id))
        if (await session.execute(ended)).first() is None:
            raise LetGo
        file = await session.get_one(File, assembly.file_id)
        file.status, file.failure = FileStatus.EXPIRED, reason
        if by is not None:
            record(session, by, "abortUpload", file.id, {"name": file.name})
    await services.pieces.discard(assembly)
    # All of it had arrived where a server died while it completed the file.
    await services.store.delete(assembly.key)
