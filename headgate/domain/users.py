"""Users: who may enter."""

import asyncio
from collections.abc import Collection
from datetime import datetime
from time import monotonic

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from headgate.domain.permissions import Principal, lower
from headgate.domain.queries import by_id, by_ids
from headgate.domain.services import Services
from headgate.storage.database import Database
from headgate.storage.ids import new_id
from headgate.storage.tables import Role, User

ADMINISTRATOR_EMAIL = "admin@localhost"
KEEP_S = 5.0


async def ensure_administrator(database: Database) -> User:
    """Find an active administrator, the oldest one; make one where there is none.

    Several processes may call this at once: all get the same one.
    """
    if (found := await _administrator(database)) is not None:
        return found
    made = User(id=new_id("user"), email=ADMINISTRATOR_EMAIL, name="Administrator", role=Role.ADMIN)
    try:
        async with database.transaction() as session:
            session.add(made)
    except IntegrityError:
        # Another process was faster; the address can belong to no one else.
        if (found := await _administrator(database)) is None:
            raise
        return found
    return made


async def get(services: Services, user_id: str) -> User | None:
    """Find a user by id."""
    return await by_id(services.database, User, user_id)


async def get_many(services: Services, user_ids: Collection[str]) -> dict[str, User]:
    """Find users by id, in one query; unknown ids are left out."""
    return await by_ids(services.database, User, user_ids)


class Doorkeeper:
    """Lets in users who are active; remembers each for `keep_s` seconds, so that most requests cost no query."""

    def __init__(self, database: Database, *, keep_s: float = KEEP_S) -> None:
        self._database = database
        self._keep_s = keep_s
        self._known: dict[str, tuple[float, asyncio.Task[User | None]]] = {}

    async def admit(self, user_id: str, role: Role, expires_at: datetime) -> Principal | None:
        """Make the principal of a valid token with these claims; None where its user may not enter any more.

        The principal has the lower one of the token's role and the user's present role.
        """
        user = await self._user(user_id)
        if user is None or not user.active:
            return None
        return Principal(user_id, lower(role, user.role), expires_at)

    async def _user(self, user_id: str) -> User | None:
        read_at, reading = self._known.get(user_id, (0.0, None))
        if reading is None or monotonic() - read_at > self._keep_s or _has_failed(reading):
            reading = asyncio.create_task(by_id(self._database, User, user_id))
            self._known[user_id] = (monotonic(), reading)
        # Others may wait for the same query, so that none of them may cancel it.
        return await asyncio.shield(reading)


async def _administrator(database: Database) -> User | None:
    statement = (
        select(User).where(User.role == Role.ADMIN, col(User.active)).order_by(col(User.created_at)).limit(1)
    )
    async with database.read() as session:
        return (await session.scalars(statement)).first()


def _has_failed(reading: asyncio.Task[User | None]) -> bool:
    return reading.done() and (reading.cancelled() or reading.exception() is not None)
