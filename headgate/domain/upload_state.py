"""How far uploads have come, and who may go on with them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from headgate.domain.permissions import Principal, require
from headgate.domain.queries import by_id
from headgate.domain.services import Services
from headgate.domain.upload_locks import LetGo, UploadGone
from headgate.errors import UserFault
from headgate.storage.ids import is_id
from headgate.storage.pieces import PiecesLost
from headgate.storage.tables import File, FileStatus, Role, Upload

EXPIRED = {"code": "UPLOAD_EXPIRED", "message": "Not all of it had arrived in time."}
ABORTED = {"code": "UPLOAD_ABORTED", "message": "Whoever sent it gave it up."}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a file has come; one that is complete does not expire."""

    file_id: str
    received: int
    byte_size: int | None
    said: str | None = None
    expires_at: datetime | None = None

    @classmethod
    def of(cls, upload: Upload) -> Self:
        """Tell that of an upload."""
        expires_at = None if is_complete(upload) else upload.expires_at
        return cls(upload.file_id, upload.received, upload.byte_size, upload.said, expires_at)


def path_of(file_id: str) -> str:
    """Name the path of an upload, from the server's root on."""
    return f"/uploads/{file_id}"


def is_complete(upload: Upload) -> bool:
    """Tell whether all bytes are there."""
    return upload.byte_size == upload.received


def lost() -> UserFault:
    """Say that bytes are gone which had been there."""
    message = "What had arrived of this file is not in the store any more: send all of it again."
    return UserFault("UPLOAD_LOST", message, ("id",), retryable=True)


async def required_file(services: Services, file_id: str) -> File:
    """Find the file of an upload; raises UserFault (NOT_FOUND)."""
    file = await by_id(services.database, File, file_id) if is_id(file_id, "file") else None
    if file is None:
        raise UserFault("NOT_FOUND", "There is no upload with this id.", ("id",))
    return file


async def own(
    services: Services, principal: Principal, file_id: str, *, or_administrator: bool = False
) -> File:
    """Find a file that somebody may send; raises UserFault (NOT_FOUND, FORBIDDEN)."""
    require(principal, Role.OPERATOR)
    file = await required_file(services, file_id)
    is_allowed = or_administrator and principal.role is Role.ADMIN
    if file.created_by_id != principal.user_id and not is_allowed:
        raise UserFault("FORBIDDEN", "Somebody else sends this file.", ("id",))
    return file


def ended(file: File) -> Progress | None:
    """Tell how far a complete file has come; None where it is under way. Raises UserFault where it came to nothing."""
    if file.status is FileStatus.RECEIVING:
        return None
    if file.status is FileStatus.READY:
        return Progress(file.id, file.byte_size, file.byte_size)
    reason = (file.failure or EXPIRED)["message"]
    code = "UPLOAD_FAILED" if file.status is FileStatus.FAILED else "UPLOAD_EXPIRED"
    raise UserFault(code, f"This upload has ended: {reason} Begin a new one.", ("id",))


@asynccontextmanager
async def told(services: Services, file_id: str) -> AsyncIterator[None]:
    """Say what has become of an upload that has ended meanwhile, or whose bytes are gone."""
    try:
        yield
    except UploadGone as error:
        # It was under way a moment ago: either it is complete by now, or this raises what became of it.
        ended(await required_file(services, file_id))
        raise LetGo from error
    except PiecesLost as error:
        raise lost() from error
