"""Files that are sent in pieces: begun, written to, asked after, and given up."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from headgate.domain.audit import record
from headgate.domain.files import checked_sha256, shown_name
from headgate.domain.idempotency import Token, earlier, start_once, token_of
from headgate.domain.permissions import Principal, require
from headgate.domain.services import Services
from headgate.domain.upload_completion import complete
from headgate.domain.upload_intake import Checksum, take_in
from headgate.domain.upload_locks import Hold, held, settled
from headgate.domain.upload_state import Progress, ended, is_complete, own, required_file, told
from headgate.errors import UserFault
from headgate.storage.formats import FileFormat
from headgate.storage.ids import new_id
from headgate.storage.pieces import Assembly, PresignedPart
from headgate.storage.tables import File, FileStatus, Role, Upload, utc_now


@dataclass(frozen=True, slots=True)
class NewUpload:
    """A file that is to come; `byte_size` may follow later. `said` is what a tus client says of it, as it says it.

    A `direct` one goes to the bucket in parts, past this server.
    """

    name: str
    byte_size: int | None
    format: FileFormat | None = None
    sha256: str | None = None
    direct: bool = False
    said: str | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """An upload that was begun, now or, where `replayed`, by an earlier request; it is None where that has ended."""

    file: File
    upload: Upload | None
    replayed: bool = False


async def start(
    services: Services, principal: Principal, new: NewUpload, *, key: str | None = None
) -> Started:
    """Begin an upload; raises UserFault (FORBIDDEN, FILE_TOO_LARGE, INVALID_ARGUMENT, IDEMPOTENCY_MISMATCH)."""
    require(principal, Role.OPERATOR)
    _check_new(services, new)
    asked = [new.name, new.byte_size, new.format, new.sha256, new.direct]
    token = token_of(principal, key, "startUpload", asked)
    if (known := await earlier(services, token)) is not None:
        return await _replayed(services, known)
    return await _begin(services, principal, new, token)


async def progress(services: Services, principal: Principal, file_id: str) -> Progress:
    """Tell how far a file has come, once nobody writes to it; raises UserFault as `append` does."""
    file = await own(services, principal, file_id)
    async with told(services, file_id):
        if (done := ended(file)) is not None:
            return done
        return Progress.of(await settled(services, file_id))


async def append(
    services: Services,
    principal: Principal,
    file_id: str,
    body: AsyncIterator[bytes],
    *,
    at: int,
    body_bytes: int | None = None,
    byte_size: int | None = None,
    checksum: Checksum | None = None,
) -> Progress:
    """Write a body from a place on, which has to be the end of what is there; completes a file that it ends.

    `body_bytes` are those of the body, `byte_size` those of the whole file, as far as they are known. Raises UserFault:
    NOT_FOUND, FORBIDDEN, UPLOAD_EXPIRED, UPLOAD_FAILED, UPLOAD_LOST, UPLOAD_IS_DIRECT, UPLOAD_LOCKED, OFFSET_MISMATCH,
    UPLOAD_TOO_LONG, FILE_TOO_LARGE, INVALID_ARGUMENT, CHECKSUM_MISMATCH, and UnusableFile for a file that is complete
    and cannot be used. What `body` raises is raised once all that has come counts.
    """
    file = await own(services, principal, file_id)
    async with told(services, file_id):
        if (done := ended(file)) is not None:
            _check_place(done.received, at)
            return done
        async with held(services, file_id) as hold:
            await _set_length(services, hold, byte_size)
            _check_writable(hold.upload, at, body_bytes)
            await take_in(services, hold, body, checksum=checksum)
            if is_complete(hold.upload):
                await complete(services, hold, principal)
            return Progress.of(hold.upload)


async def presigned_parts(services: Services, upload: Upload) -> Sequence[PresignedPart]:
    """Make the URLs for the parts of a direct upload; none for another one."""
    if not upload.is_direct or upload.byte_size is None:
        return ()
    valid_s = (upload.expires_at - utc_now()).total_seconds()
    return await services.pieces.presign(Assembly.of(upload), upload.byte_size, max(valid_s, 1))


def _check_new(services: Services, new: NewUpload) -> None:
    if new.byte_size is not None:
        _check_size(services, new.byte_size)
    if new.sha256 is not None:
        checked_sha256(new.sha256)
    if not new.direct:
        return
    if not services.pieces.takes_parts:
        message = "Direct uploads take a server that keeps its files on S3; send this one to `url` instead."
        raise UserFault("INVALID_ARGUMENT", message, ("direct",))
    if not new.byte_size:
        raise UserFault("INVALID_ARGUMENT", "A direct upload has at least 1 byte.", ("byteSize",))


def _check_size(services: Services, byte_size: int) -> None:
    if byte_size < 0:
        raise UserFault("INVALID_ARGUMENT", "A file has 0 bytes or more.", ("byteSize",))
    if byte_size > (limit := services.max_upload_bytes):
        message = f"A file may have up to {limit} bytes; this one has {byte_size}."
        raise UserFault("FILE_TOO_LARGE", message, ("byteSize",))


async def _begin(services: Services, principal: Principal, new: NewUpload, token: Token | None) -> Started:
    file = File(
        id=new_id("file"),
        name=shown_name(new.name),
        status=FileStatus.RECEIVING,
        format=new.format,
        byte_size=new.byte_size or 0,
        created_by_id=principal.user_id,
    )
    most_bytes = services.max_upload_bytes if new.byte_size is None else new.byte_size
    assembly = await services.pieces.begin(file.id, most_bytes=most_bytes, direct=new.direct)
    upload = Upload(
        file_id=file.id,
        byte_size=new.byte_size,
        sha256=None if new.sha256 is None else checked_sha256(new.sha256),
        said=new.said,
        is_direct=new.direct,
        multipart_id=assembly.multipart_id,
        part_bytes=assembly.part_bytes,
        # Whole seconds, as its link and its headers say.
        expires_at=(utc_now() + timedelta(seconds=services.upload_s)).replace(microsecond=0),
    )

    async def keep(session: AsyncSession) -> None:
        session.add(file)
        await session.flush()
        session.add(upload)
        details = {"name": file.name, "byteSize": new.byte_size}
        record(session, principal, "startUpload", file.id, details)

    try:
        known = await start_once(services, token, file.id, keep)
    except BaseException:
        await services.pieces.discard(assembly)
        raise
    if known is not None:
        await services.pieces.discard(assembly)
        return await _replayed(services, known)
    return Started(file, upload)


async def _replayed(services: Services, file_id: str) -> Started:
    async with services.database.read() as session:
        upload = await session.get(Upload, file_id)
    return Started(await required_file(services, file_id), upload, replayed=True)


async def _set_length(services: Services, hold: Hold, byte_size: int | None) -> None:
    """Take note of a length that was not known before; raises UserFault (INVALID_ARGUMENT, FILE_TOO_LARGE)."""
    known = hold.upload.byte_size
    if byte_size is None or byte_size == known:
        return
    if known is not None or byte_size < hold.upload.received:
        message = (
            f"The file has {hold.upload.received if known is None else known} bytes, and not {byte_size}."
        )
        raise UserFault("INVALID_ARGUMENT", message, ("byteSize",))
    _check_size(services, byte_size)
    await hold.note(hold.upload.received, byte_size)


def _check_writable(upload: Upload, at: int, body_bytes: int | None) -> None:
    if upload.is_direct:
        message = "The parts of this upload go to the URLs that startUpload has answered."
        raise UserFault("UPLOAD_IS_DIRECT", message, ("id",))
    if upload.expires_at <= utc_now():
        raise UserFault("UPLOAD_EXPIRED", "This upload has expired: begin a new one.", ("id",))
    _check_place(upload.received, at)
    if upload.byte_size is not None and at + (body_bytes or 0) > upload.byte_size:
        message = (
            f"The file has {upload.byte_size} bytes; this request would make it {at + (body_bytes or 0)}."
        )
        raise UserFault("UPLOAD_TOO_LONG", message)


def _check_place(received: int, at: int) -> None:
    if at != received:
        raise UserFault("OFFSET_MISMATCH", f"{received} bytes have arrived: go on from there.", ("offset",))
