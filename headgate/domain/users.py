"""Users: who may enter."""

from collections.abc import Collection
from datetime import datetime

from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.storage.database import Database
from headgate.storage.tables import Role, User

KEEP_S = 5.0


async def ensure_administrator(services: Services) -> User:
    """Find an active administrator, the oldest one; make one where there is none."""
    raise NotImplementedError


async def get(services: Services, user_id: str) -> User | None:
    """Find a user by id."""
    raise NotImplementedError


async def get_many(services: Services, user_ids: Collection[str]) -> dict[str, User]:
    """Find users by id, in one query; unknown ids are left out."""
    raise NotImplementedError


class Doorkeeper:
    """Lets in users who are active; remembers each for `keep_s` seconds, so that requests cost no query."""

    def __init__(self, database: Database, *, keep_s: float = KEEP_S) -> None:
        raise NotImplementedError

    async def admit(self, user_id: str, role: Role, expires_at: datetime) -> Principal | None:
        """Make the principal of a valid token with these claims; None where its user may no longer enter.

        The principal has the lower one of the token's role and the user's present role.
        """
        raise NotImplementedError
