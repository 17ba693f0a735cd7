"""Bring a database to the schema that this version of Headgate needs."""

from alembic import command
from alembic.config import Config

MIGRATIONS = "headgate:storage/migrations"


def upgrade(url: str, revision: str = "head") -> None:
    """Create or update the tables up to a revision, all or nothing.

    A database that is up to date, or was brought further by a newer version, stays as it is.

    Several processes may call this at once: one does the work and the others wait for it. It
    blocks and runs an event loop of its own, so async code calls it in a thread.
    """
    command.upgrade(_config(url), revision)


def _config(url: str) -> Config:
    config = Config(attributes={"url": url})
    config.set_main_option("script_location", MIGRATIONS)
    return config
