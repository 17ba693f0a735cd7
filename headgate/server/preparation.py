"""The composition root of what a first start makes: the home, the secret keys, the tables, an administrator.

It imports no more than that needs: `headgate token` should not wait for Polars and Strawberry.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from headgate.domain import users
from headgate.domain.keyring import KeyRing
from headgate.errors import reason_of
from headgate.server.auth import issue_token
from headgate.server.keys import KeyFile
from headgate.server.rotation import Rotation, rotate
from headgate.settings import Settings
from headgate.storage.database import Database, DatabaseUnavailable
from headgate.storage.migrate import upgrade
from headgate.storage.tables import Role, User


def key_ring(settings: Settings) -> KeyRing:
    """Answer the keys that sign and seal; makes the home folder and a first key where they are missing.

    The current key is the one that is set, else the first one of the file, which is read again when it changes; old
    ones are those of the file, and those that are set. Raises OSError, and ValueError for a key under 32 bytes.
    """
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    old = [key.get_secret_value() for key in settings.old_secret_keys]
    if settings.secret_key is not None:
        return KeyRing([settings.secret_key.get_secret_value(), *old])
    file = KeyFile(key_path(settings))

    def changed() -> Sequence[str] | None:
        secrets = file.changed()
        return [*secrets, *old] if secrets is not None else None

    return KeyRing([*file.secrets, *old], changed=changed)


def key_path(settings: Settings) -> Path:
    """The file of secret keys, which is used where none is set."""
    return settings.home / "secret.key"


async def prepare_database(settings: Settings, database: Database) -> User:
    """Bring the database up to date; answers an administrator, who is made where there is none.

    Raises HeadgateError (DATABASE_UNAVAILABLE).
    """
    try:
        await asyncio.to_thread(upgrade, settings.resolved_database_url)
        return await users.ensure_administrator(database)
    except Exception as error:
        reason = reason_of(error)
        raise DatabaseUnavailable(reason, f"The database cannot be used: {reason}") from error


@asynccontextmanager
async def prepared_database(settings: Settings) -> AsyncIterator[tuple[Database, User]]:
    """A database that is up to date, and an administrator, for as long as the block lasts.

    Makes the home folder where it is missing. Raises HeadgateError (DATABASE_UNAVAILABLE).
    """
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    database = Database.connect(settings.resolved_database_url)
    try:
        yield database, await prepare_database(settings, database)
    finally:
        await database.close()


async def prepare(settings: Settings) -> tuple[KeyRing, User]:
    """Make all that a first start makes, without a server; answers the secret keys and an administrator."""
    keys = key_ring(settings)
    async with prepared_database(settings) as (_, administrator):
        return keys, administrator


async def rotate_key(settings: Settings) -> Rotation:
    """Make a new current key, unless keys are set, and seal every secret with the current one.

    Raises HeadgateError (DATABASE_UNAVAILABLE, CONFLICT), OSError and ValueError.
    """
    keys = key_ring(settings)
    path = key_path(settings) if settings.secret_key is None else None
    async with prepared_database(settings) as (database, _):
        return await rotate(database, keys, path)


async def issue_administrator_token(settings: Settings, role: str) -> str:
    """Sign an administrator's token that allows what `role` may do."""
    keys, administrator = await prepare(settings)
    return _signed(settings, keys, administrator, role)


async def token_for_link(settings: Settings) -> str:
    """Sign an administrator's token where a server of this process has prepared the database already."""
    database = Database.connect(settings.resolved_database_url)
    try:
        return _signed(settings, key_ring(settings), await users.ensure_administrator(database), Role.ADMIN)
    finally:
        await database.close()


def _signed(settings: Settings, keys: KeyRing, administrator: User, role: str) -> str:
    token, _ = issue_token(keys, administrator.id, Role(role), settings.token_hours)
    return token
