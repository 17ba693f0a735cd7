"""Bring a database to the schema that this version of Headgate needs."""

from enum import StrEnum

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from headgate.storage.database import Database

MIGRATIONS = "headgate:storage/migrations"


class Standing(StrEnum):
    """How the tables of a database stand to this version."""

    NONE = "NONE"
    OLD = "OLD"
    CURRENT = "CURRENT"
    NEWER = "NEWER"


def upgrade(url: str, revision: str = "head") -> None:
    """Create or update the tables up to a revision, all or nothing.

    A database that is up to date, or was brought further by a newer version, stays as it is.

    Several processes may call this at once: one does the work and the others wait for it. It
    blocks and runs an event loop of its own, so async code calls it in a thread.
    """
    command.upgrade(_config(url), revision)


async def standing(database: Database) -> Standing:
    """Tell how the tables stand, and change nothing."""
    async with database.read() as session:
        connection = await session.connection()
        revision = await connection.run_sync(
            lambda known: MigrationContext.configure(known).get_current_revision()
        )
    script = ScriptDirectory.from_config(_config(""))
    if revision is None:
        return Standing.NONE
    if revision == script.get_current_head():
        return Standing.CURRENT
    is_known = revision in {each.revision for each in script.walk_revisions()}
    return Standing.OLD if is_known else Standing.NEWER


def _config(url: str) -> Config:
    config = Config(attributes={"url": url})
    config.set_main_option("script_location", MIGRATIONS)
    return config
