"""Users whom an outside issuer vouches for: made at first sight, with the role that their token names."""

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain import audit
from headgate.domain.doorkeeper import ACCESS_TOPIC, Doorkeeper
from headgate.domain.permissions import Principal
from headgate.domain.ports import Signals
from headgate.domain.remembering import Recent, Remembered
from headgate.storage.database import Database
from headgate.storage.ids import new_id
from headgate.storage.tables import Role, User

ACTION = "outsideUser"
KEEP_S = 60.0
MAX_KNOWN = 10_000
MAX_SUBJECT_CHARACTERS = 64
"""Of a subject in an address that is made for it."""
TRIES = 3
"""Others may take an address, or make the same user, meanwhile; twice is unlikely enough."""


@dataclass(frozen=True, slots=True)
class OutsideIdentity:
    """What a valid token of an outside issuer says; `email` is None where it doesn't name one that is verified."""

    issuer: str
    subject: str
    role: Role
    email: str | None
    issued_at: datetime
    expires_at: datetime


class OutsideUsers:
    """Lets in users of outside issuers, each by issuer and subject; an address of mail never stands for a user.

    A role that a newer token names becomes the user's; an older token allows no more than both say.
    """

    def __init__(self, database: Database, signals: Signals, doorkeeper: Doorkeeper) -> None:
        self._database = database
        self._signals = signals
        self._doorkeeper = doorkeeper
        self._ids = Remembered(self._find, keep_s=KEEP_S, most=MAX_KNOWN)
        self._newest: Recent[tuple[str, str], OutsideIdentity] = Recent(MAX_KNOWN)

    async def admit(self, identity: OutsideIdentity) -> Principal | None:
        """Make the principal of somebody with a valid token; None where they may not enter any more."""
        newest = self._newest_of(identity)
        user_id = await self._ids.get((newest.issuer, newest.subject, newest.role, newest.email))
        return await self._doorkeeper.admit(
            user_id, identity.role, identity.expires_at, issued_at=identity.issued_at
        )

    def _newest_of(self, identity: OutsideIdentity) -> OutsideIdentity:
        """What the token says that was issued last of those of the same user which this process has seen."""
        who = (identity.issuer, identity.subject)
        newest = max(identity, self._newest.get(who, identity), key=lambda each: each.issued_at)
        self._newest[who] = newest
        return newest

    async def _find(self, known: tuple[str, str, Role, str | None]) -> str:
        """Find a user, or make one, and let them have this role; answers the id."""
        for tries_left in reversed(range(TRIES)):
            try:
                user_id, is_changed = await self._settle(*known)
            except IntegrityError:
                if not tries_left:
                    raise
                continue
            if is_changed:
                self._doorkeeper.forget()
                self._signals.notify(ACCESS_TOPIC)
            return user_id
        raise AssertionError

    async def _settle(self, issuer: str, subject: str, role: Role, email: str | None) -> tuple[str, bool]:
        async with self._database.read() as session:
            found = await _user_of(session, issuer, subject)
        if found is not None and (found.role is role or found.deleted_at is not None):
            return found.id, False
        async with self._database.transaction() as session:
            found = await _user_of(session, issuer, subject, to_change=True)
            if found is None:
                found = await _make(session, issuer, subject, role, email)
            else:
                _change_role(session, found, role)
        return found.id, True


async def _user_of(
    session: AsyncSession, issuer: str, subject: str, *, to_change: bool = False
) -> User | None:
    statement = select(User).where(col(User.issuer) == issuer, col(User.subject) == subject)
    if to_change:
        statement = statement.with_for_update(key_share=True)
    return (await session.scalars(statement)).first()


async def _make(session: AsyncSession, issuer: str, subject: str, role: Role, email: str | None) -> User:
    made = User(id=new_id("user"), email="", role=role, issuer=issuer, subject=subject)
    made.email = await _free_address(session, made, email)
    session.add(made)
    await session.flush()
    audit.record(session, _principal(made), ACTION, made.id, {"issuer": issuer, "role": role.value})
    return made


def _change_role(session: AsyncSession, user: User, role: Role) -> None:
    if user.role is not role:
        details = {"issuer": user.issuer, "role": role.value, "roleBefore": user.role.value}
        audit.record(session, _principal(user), ACTION, user.id, details)
        user.role = role


async def _free_address(session: AsyncSession, user: User, email: str | None) -> str:
    """Choose an address that nobody has: the user's own, or one that says where they come from."""
    host = urlsplit(user.issuer or "").hostname
    name = re.sub(r"[^a-z0-9._-]", "-", (user.subject or "").lower())[:MAX_SUBJECT_CHARACTERS]
    candidates = [*([email] if email is not None else []), f"outside.{name}@{host}"]
    taken = set(await session.scalars(select(User.email).where(col(User.email).in_(candidates))))
    return next((each for each in candidates if each not in taken), f"{user.id}@{host}")


def _principal(user: User) -> Principal:
    return Principal(user.id, user.role, user.created_at, user.email)
