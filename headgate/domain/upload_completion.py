"""Completing uploads: once all bytes are there, they become a file as any other, exactly once."""

import asyncio
from contextlib import aclosing

import structlog
from sqlalchemy import delete
from sqlmodel import col, select

from headgate.domain.audit import Actor, Claimant, record
from headgate.domain.files import UnusableFile, check_content, describe
from headgate.domain.queries import by_id
from headgate.domain.services import Services
from headgate.domain.upload_digests import RunningDigest
from headgate.domain.upload_locks import Hold, LetGo, UploadGone, held, is_free
from headgate.domain.upload_state import lost
from headgate.errors import Unavailable, UserFault
from headgate.storage.pieces import Assembly, PiecesLost
from headgate.storage.tables import File, FileStatus, Upload, User

COMPLETED_AT_ONCE = 20

logger = structlog.get_logger(__name__)


async def complete(services: Services, hold: Hold, actor: Actor) -> File:
    """Make a file of an upload of which all bytes are there, and end the upload; the lock is held.

    Raises UnusableFile where the file cannot be used: its row stays, with the reason. Raises LetGo where the lock is
    lost: then somebody else completes it; and StoreUnavailable, after which `complete_arrived` tries again.
    """
    file = await by_id(services.database, File, hold.upload.file_id)
    assert file is not None
    fault: UserFault | None = None
    try:
        await _make(services, file, hold.upload)
        file.status, file.storage_key = FileStatus.READY, Assembly.of(hold.upload).key
    except UserFault as found:
        fault = found
        file.status = FileStatus.FAILED
        file.failure = {"code": fault.code, "message": fault.message}
    await _close(services, hold, file, actor)
    if fault is not None:
        await services.pieces.discard(Assembly.of(hold.upload))
        await services.store.delete(Assembly.of(hold.upload).key)
        raise UnusableFile(fault, file) from fault
    return file


async def complete_arrived(services: Services) -> int:
    """Complete uploads of which all bytes are there and whose server died before it did; answers how many."""
    statement = (
        select(Upload.file_id, User)
        .join(File, col(File.id) == Upload.file_id)
        .join(User, col(User.id) == File.created_by_id)
        .where(col(Upload.received) == col(Upload.byte_size), is_free())
        .limit(COMPLETED_AT_ONCE)
    )
    async with services.database.read() as session:
        found = list(await session.execute(statement))
    return sum([await _complete_later(services, file_id, user) for file_id, user in found])


async def _complete_later(services: Services, file_id: str, user: User) -> bool:
    try:
        async with held(services, file_id, wait_s=0) as hold:
            await complete(services, hold, Claimant(user.email, user.id))
    except (LetGo, UploadGone, Unavailable):
        return False
    except UnusableFile as fault:
        logger.info("upload.unusable", upload=file_id, code=fault.code)
    except Exception:
        logger.exception("upload.not_completed", upload=file_id)
        return False
    return True


async def _make(services: Services, file: File, upload: Upload) -> None:
    """Move the bytes to where files are, check them, and find out what they are; raises UserFault."""
    assert upload.byte_size is not None
    try:
        await services.pieces.finish(Assembly.of(upload), upload.byte_size)
    except PiecesLost as error:
        raise lost() from error
    file.byte_size = upload.byte_size
    file.sha256 = await _sha256(services, upload)
    if upload.sha256 is not None:
        check_content(file.sha256, upload.sha256)
    await describe(services, file, {})


async def _sha256(services: Services, upload: Upload) -> str:
    """The SHA-256 of a complete file: as its bytes have passed here, or else read anew."""
    assert upload.byte_size is not None
    passed = None if upload.is_direct else services.digests.take(upload.file_id, upload.byte_size)
    if passed is not None:
        return passed.sha256
    digest = RunningDigest()
    async with aclosing(services.store.pieces(Assembly.of(upload).key)) as pieces:
        async for piece in pieces:
            await asyncio.to_thread(digest.take, [piece])
    if digest.size < upload.byte_size:
        raise lost()
    return digest.sha256


async def _close(services: Services, hold: Hold, file: File, actor: Actor) -> None:
    """End the upload in the transaction in which its file is there; raises LetGo where the lock is lost."""
    async with services.database.transaction() as session:
        ended = delete(Upload).where(hold.is_held()).returning(col(Upload.file_id))
        if (await session.execute(ended)).first() is None:
            raise LetGo
        session.add(file)
        details = {"name": file.name, "status": file.status, "sha256": file.sha256}
        record(session, actor, "completeUpload", file.id, details)
