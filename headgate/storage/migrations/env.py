"""What Alembic runs: the migrations, in one transaction, over the database that it was told of."""

import asyncio
from typing import Any, Literal

import structlog
from alembic import context
from alembic.migration import MigrationContext
from sqlalchemy import JSON, Connection, Enum, text
from sqlmodel import AutoString

from headgate.storage.database import Database
from headgate.storage.fields import UtcDateTime
from headgate.storage.tables import Table

# Any number will do, as long as it is always the same.
POSTGRESQL_LOCK = 7_452_163_908

logger = structlog.get_logger(__name__)


def _plain(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write migrations in SQLAlchemy's own types: they must stay the same when our classes change."""
    match item:
        case UtcDateTime():
            return "sa.DateTime(timezone=True)"
        case Enum():
            return f"sa.String({item.length})"
        case AutoString():
            return "sa.String()"
        case JSON():
            return "sa.JSON()"
    return False


def _migrate(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": POSTGRESQL_LOCK})
    if _is_newer(connection):
        return
    context.configure(
        connection=connection,
        target_metadata=Table.metadata,
        render_as_batch=True,
        render_item=_plain,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def _is_newer(connection: Connection) -> bool:
    """Whether a newer version has migrated this database: its tables still serve this one, and stay as they are.

    While processes are replaced one by one, an old one may have to start once more.
    """
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None or revision in {each.revision for each in context.script.walk_revisions()}:
        return False
    logger.warning("database.newer", revision=revision)
    return True


async def _run(url: str) -> None:
    database = Database.connect(url, check_links=False)
    try:
        async with database.transaction() as session:
            connection = await session.connection()
            await connection.run_sync(_migrate)
    finally:
        await database.close()


asyncio.run(_run(context.config.attributes.get("url") or context.get_x_argument(as_dictionary=True)["url"]))
