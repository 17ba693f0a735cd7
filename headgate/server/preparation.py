"""The composition root of what a first start makes: the home, the secret key, the tables, an administrator.

It imports no more than that needs: `headgate token` should not wait for Polars and Strawberry.
"""

import asyncio

from headgate.domain import users
from headgate.errors import HeadgateError
from headgate.server.auth import issue_token
from headgate.server.keys import read_or_make_key
from headgate.settings import Settings
from headgate.storage.database import Database
from headgate.storage.migrate import upgrade
from headgate.storage.tables import Role, User


class DatabaseUnavailable(HeadgateError):
    """The database cannot be used; only the first line of why, as others may hold whole statements."""

    retryable = True

    def __init__(self, error: Exception) -> None:
        reason, *_ = str(error).splitlines() or [type(error).__name__]
        super().__init__("DATABASE_UNAVAILABLE", f"The database cannot be used: {reason}")


def secret_key(settings: Settings) -> str:
    """Answer the key that signs tokens; makes the home folder and the key where they are missing."""
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    return read_or_make_key(settings.home / "secret.key")


async def prepare_database(settings: Settings, database: Database) -> User:
    """Bring the database up to date; answers an administrator, who is made where there is none.

    Raises HeadgateError (DATABASE_UNAVAILABLE).
    """
    try:
        await asyncio.to_thread(upgrade, settings.resolved_database_url)
        return await users.ensure_administrator(database)
    except Exception as error:
        raise DatabaseUnavailable(error) from error


async def prepare(settings: Settings) -> tuple[str, User]:
    """Make all that a first start makes, without a server; answers the secret key and an administrator."""
    secret = secret_key(settings)
    database = Database.connect(settings.resolved_database_url)
    try:
        return secret, await prepare_database(settings, database)
    finally:
        await database.close()


async def issue_administrator_token(settings: Settings, role: str) -> str:
    """Sign an administrator's token that allows what `role` may do."""
    secret, administrator = await prepare(settings)
    token, _ = issue_token(secret, administrator.id, Role(role), settings.token_hours)
    return token
