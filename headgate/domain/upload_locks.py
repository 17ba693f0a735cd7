"""Who may write to an upload: one at a time, and whoever comes back asks the one before to let go."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from time import monotonic

import structlog
from sqlalchemy import ColumnElement, and_, or_, update
from sqlmodel import col, select

from headgate.domain.aside import aside
from headgate.domain.ports import Listener
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.tables import Upload, utc_now

LOCK_S = 5.0
"""So long the lock of a process holds that is no more."""
RENEW_EVERY_S = 1.5
WAIT_S = 6.0
"""So long somebody waits for the lock: longer than a process holds it that is no more."""
ASK_EVERY_S = 1.0
LOOK_EVERY_S = 0.25

logger = structlog.get_logger(__name__)


class UploadGone(Exception):
    """There is no such upload: it is complete, was aborted or has expired, as the status of its file says."""


class LetGo(UserFault):
    """Somebody else goes on with an upload."""

    def __init__(self) -> None:
        super().__init__(
            "UPLOAD_LOCKED", "Another request goes on with this upload.", ("id",), retryable=True
        )


class Hold:
    """The lock of an upload, held; `upload` is its row as it was when the lock was taken."""

    def __init__(self, services: Services, upload: Upload) -> None:
        self._services = services
        self._renewed_at = monotonic()
        self._let_go: Callable[[], None] | None = None
        self._is_asked = False
        self.upload = upload

    async def note(self, received: int, byte_size: int | None) -> None:
        """Write down how much is durable, and how much it will be; raises LetGo where the lock is lost."""
        await self._change(received=received, byte_size=byte_size)
        self.upload.received, self.upload.byte_size = received, byte_size

    def is_held(self) -> ColumnElement[bool]:
        """Match the upload's row as long as nobody else has taken the lock."""
        return and_(
            col(Upload.file_id) == self.upload.file_id, col(Upload.lock_token) == self.upload.lock_token
        )

    @asynccontextmanager
    async def until_asked(self) -> AsyncIterator[None]:
        """End the block as soon as somebody else asks for the lock, or has it: it raises LetGo then."""
        try:
            async with asyncio.timeout(0 if self._is_asked else None) as limit:
                self._let_go = lambda: limit.reschedule(asyncio.get_running_loop().time())
                try:
                    yield
                finally:
                    self._let_go = None
        except TimeoutError as error:
            if limit.expired():
                raise LetGo from error
            raise

    async def heed(self, listener: Listener) -> None:
        """Renew the lock as long as this is not cancelled, and hear who asks for it."""
        while True:
            try:
                if await listener.wait(RENEW_EVERY_S):
                    self._end_block()
                elif monotonic() - self._renewed_at >= RENEW_EVERY_S:
                    await self._change()
            except LetGo:
                self._end_block()
                return
            except Exception:
                # The next checkpoint, or the next turn, finds out whether it is still held.
                logger.warning("upload.lock_not_renewed", upload=self.upload.file_id, exc_info=True)

    async def release(self) -> None:
        """Let others have the lock, unless they have it."""
        statement = update(Upload).where(self.is_held()).values(locked_until=None)
        async with self._services.database.transaction() as session:
            await session.execute(statement)
        self._services.signals.notify(_freed(self.upload.file_id))

    def _end_block(self) -> None:
        self._is_asked = True
        if self._let_go is not None:
            self._let_go()

    async def _change(self, **values: object) -> None:
        until = utc_now() + timedelta(seconds=LOCK_S)
        statement = update(Upload).where(self.is_held()).values(locked_until=until, **values)
        async with self._services.database.transaction() as session:
            changed = await session.execute(statement.returning(col(Upload.file_id)))
            if changed.first() is None:
                raise LetGo
        self._renewed_at = monotonic()


@asynccontextmanager
async def held(services: Services, file_id: str, *, wait_s: float = WAIT_S) -> AsyncIterator[Hold]:
    """Hold the lock of an upload for as long as the block lasts; whoever has it is asked to let go.

    Raises UploadGone, and LetGo where it is not to be had within `wait_s` seconds.
    """
    async with services.signals.listen(_asked(file_id)) as listener:
        hold = Hold(services, await _taken(services, file_id, wait_s))
        # What was asked before was asked of others.
        await listener.wait(0)
        try:
            async with aside(hold.heed(listener)):
                yield hold
        finally:
            await asyncio.shield(hold.release())


async def settled(services: Services, file_id: str) -> Upload:
    """Answer an upload's row to which nobody writes; raises UploadGone, and LetGo as `held` does."""
    async with services.database.read() as session:
        upload = await session.get(Upload, file_id)
    if upload is None:
        raise UploadGone
    if upload.locked_until is None or upload.locked_until <= utc_now():
        return upload
    async with held(services, file_id) as hold:
        return hold.upload


def is_free() -> ColumnElement[bool]:
    """Match uploads to which nobody writes."""
    return or_(col(Upload.locked_until).is_(None), col(Upload.locked_until) <= utc_now())


async def _taken(services: Services, file_id: str, wait_s: float) -> Upload:
    """Take the lock as soon as it is free."""
    ends_at, next_ask_at = monotonic() + wait_s, 0.0
    async with services.signals.listen(_freed(file_id)) as listener:
        found, is_taken = await _try(services, file_id)
        holder = found.lock_token
        while not is_taken:
            # Only the one who was there before: not others who have been waiting too.
            if found.lock_token == holder and monotonic() >= next_ask_at:
                services.signals.notify(_asked(file_id))
                next_ask_at = monotonic() + ASK_EVERY_S
            if monotonic() >= ends_at:
                raise LetGo
            await listener.wait(LOOK_EVERY_S)
            found, is_taken = await _try(services, file_id)
    return found


async def _try(services: Services, file_id: str) -> tuple[Upload, bool]:
    """Look at an upload, and take its lock where that is free; answers whether it was."""
    statement = select(Upload).where(Upload.file_id == file_id).with_for_update(key_share=True)
    async with services.database.transaction() as session:
        upload = (await session.scalars(statement)).first()
        if upload is None:
            raise UploadGone
        now = utc_now()
        if upload.locked_until is not None and upload.locked_until > now:
            return upload, False
        upload.lock_token += 1
        upload.locked_until = now + timedelta(seconds=LOCK_S)
    return upload, True


def _asked(file_id: str) -> str:
    return f"upload-asked:{file_id}"


def _freed(file_id: str) -> str:
    return f"upload-freed:{file_id}"
