"""Who is let in: whether somebody with a valid token or API key may still enter."""

import asyncio
import hashlib
import hmac
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import ColumnElement, and_, or_, update
from sqlmodel import col, select

from headgate.domain.aside import aside
from headgate.domain.ids import is_storable
from headgate.domain.permissions import Principal, lower
from headgate.domain.ports import Signals
from headgate.domain.remembering import Remembered
from headgate.storage.database import Database
from headgate.storage.tables import ApiKey, Role, Session, User, utc_now

ACCESS_TOPIC = "access"
"""Signalled once a change of users, sessions or keys is committed: what is known of them has to be read anew."""
KEEP_S = 5.0
"""So long a change counts late where its signal is lost."""
MAX_KNOWN = 10_000
"""So many users, and keys, are remembered; each takes about a kilobyte."""
NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""When a key ends that was made without an end."""
NOTE_USE_EVERY = timedelta(minutes=1)
SECRET_START = "hg_"  # noqa: S105
KEY = re.compile(SECRET_START + r"([0-9a-z]{26})_[A-Za-z0-9_-]{43}")
"""An API key: whose id it carries, and 256 random bits."""
KEY_PREFIX = "key"

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Standing:
    """What of a user decides on who is let in; with a session, whether that is valid."""

    email: str
    role: Role
    tokens_from: datetime | None
    session_ends_at: datetime | None = None


@dataclass(slots=True)
class KeyStanding:
    """What of an API key decides on who is let in; `is_noted` once its present use is written down."""

    key: ApiKey
    user: Standing
    is_noted: bool = False


class Doorkeeper:
    """Lets in users who are active, as long as their session and their tokens are valid.

    It remembers what it looked up for `keep_s` seconds, and forgets that at once when ACCESS_TOPIC is signalled while
    it is `listening`.
    """

    def __init__(self, database: Database, *, keep_s: float = KEEP_S) -> None:
        self._database = database
        self._users = Remembered(self._find_user, keep_s=keep_s, most=MAX_KNOWN)
        self._keys = Remembered(self._find_key, keep_s=keep_s, most=MAX_KNOWN)
        self._notes: set[asyncio.Task[None]] = set()

    async def admit(
        self,
        user_id: str,
        role: Role,
        expires_at: datetime,
        *,
        issued_at: datetime | None = None,
        session_id: str | None = None,
    ) -> Principal | None:
        """Make the principal of a valid token with these claims; None where its user may not enter any more.

        A token of a session allows what its user may do at present, any other one no more than its own role.
        """
        user = await self._users.get((user_id, session_id))
        if user is None or (issued_at and user.tokens_from and issued_at < user.tokens_from):
            return None
        if session_id is not None and (user.session_ends_at is None or user.session_ends_at <= utc_now()):
            return None
        allowed = user.role if session_id is not None else lower(role, user.role)
        return Principal(user_id, allowed, expires_at, user.email, session_id)

    async def admit_key(self, secret: str) -> Principal | None:
        """Make the principal of an API key; None where it is none, has expired, or its user may not enter any more."""
        if (match := KEY.fullmatch(secret)) is None:
            return None
        found = await self._keys.get(f"{KEY_PREFIX}_{match[1]}")
        if found is None or not hmac.compare_digest(found.key.secret_hash, hash_of(secret)):
            return None
        expires_at = found.key.expires_at or NEVER
        if expires_at <= utc_now():
            return None
        self._note_use(found)
        key, user = found.key, found.user
        return Principal(key.user_id, lower(key.role, user.role), expires_at, user.email, key_id=key.id)

    def forget(self) -> None:
        """Look up everybody anew."""
        self._users.forget()
        self._keys.forget()

    @asynccontextmanager
    async def listening(self, signals: Signals) -> AsyncIterator[None]:
        """Forget what is known whenever access changes, for as long as the block lasts."""
        async with signals.listen(ACCESS_TOPIC) as listener:

            async def listen() -> None:
                while True:
                    await listener.wait()
                    self.forget()

            try:
                async with aside(listen()):
                    yield
            finally:
                await self.settle()

    async def settle(self) -> None:
        """Wait until every use of a key is written down."""
        await asyncio.gather(*self._notes)

    async def _find_user(self, wanted: tuple[str, str | None]) -> Standing | None:
        user_id, session_id = wanted
        if not is_storable(user_id) or not is_storable(session_id or ""):
            return None
        belongs = and_(
            col(Session.user_id) == User.id, col(Session.id) == session_id, col(Session.revoked_at).is_(None)
        )
        statement = select(User, Session.expires_at).outerjoin(Session, belongs).where(User.id == user_id)
        async with self._database.read() as session:
            found = (await session.execute(statement.where(_may_enter()))).first()
        return None if found is None else _standing(found[0], found[1])

    async def _find_key(self, key_id: str) -> KeyStanding | None:
        statement = select(ApiKey, User).join(User).where(col(ApiKey.id) == key_id, _may_enter())
        async with self._database.read() as session:
            found = (await session.execute(statement)).first()
        return None if found is None else KeyStanding(found[0], _standing(found[1]))

    def _note_use(self, found: KeyStanding) -> None:
        """Write down in the background that a key is used: a request neither waits for that nor fails with it."""
        last = found.key.last_used_at
        if found.is_noted or (last is not None and utc_now() - last < NOTE_USE_EVERY):
            return
        found.is_noted = True
        note = asyncio.create_task(self._write_use(found.key.id))
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)

    async def _write_use(self, key_id: str) -> None:
        now = utc_now()
        last = col(ApiKey.last_used_at)
        is_due = or_(last.is_(None), last < now - NOTE_USE_EVERY)
        statement = update(ApiKey).where(col(ApiKey.id) == key_id, is_due).values(last_used_at=now)
        try:
            async with self._database.transaction() as session:
                await session.execute(statement)
        except Exception:
            logger.warning("key.use_not_noted", key_id=key_id, exc_info=True)


def hash_of(secret: str) -> str:
    """What is kept of an API key: 256 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _may_enter() -> ColumnElement[bool]:
    return and_(col(User.active), col(User.deleted_at).is_(None))


def _standing(user: User, session_ends_at: datetime | None = None) -> Standing:
    return Standing(user.email, user.role, user.tokens_from, session_ends_at)
