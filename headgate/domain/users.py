"""Users: who may enter."""

from collections.abc import Collection

from sqlalchemy.exc import IntegrityError
from sqlmodel import col, select

from headgate.domain.queries import by_id, by_ids
from headgate.domain.services import Services
from headgate.storage.database import Database
from headgate.storage.ids import new_id
from headgate.storage.tables import Role, User

ADMINISTRATOR_EMAIL = "admin@localhost"


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


async def _administrator(database: Database) -> User | None:
    statement = (
        select(User).where(User.role == Role.ADMIN, col(User.active)).order_by(col(User.created_at)).limit(1)
    )
    async with database.read() as session:
        return (await session.scalars(statement)).first()
