"""The database: reachable, up to date, and with the same time as this machine."""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from pathlib import Path

from sqlalchemy import text

from headgate.cli.doctor.findings import Finding, fine, problem, warning
from headgate.domain import workers
from headgate.errors import reason_of
from headgate.settings import Settings
from headgate.storage.database import Database
from headgate.storage.fields import utc_now
from headgate.storage.migrate import Standing, standing

CLOSE_S = 2.0
"""Clocks may differ by so much: leases are longer by far."""


async def database(settings: Settings) -> AsyncIterator[Finding]:
    """Open the database as a server does."""
    known = Database.connect(settings.resolved_database_url)
    try:
        if _is_to_be_made(known):
            yield fine("database", f"The first start makes {known.file}.")
            return
        yield await _migrated(known)
        async for finding in _served(known):
            yield finding
        if settings.redis_url is not None:
            yield await _crew(known, settings.lease_seconds)
    except Exception as error:
        yield problem(
            "database",
            f"It can't be used: {reason_of(error)}",
            "Look at HEADGATE_DATABASE_URL, and whether it runs.",
        )
    finally:
        await known.close()


def _is_to_be_made(known: Database) -> bool:
    return known.file is not None and not Path(known.file).exists()


async def _migrated(known: Database) -> Finding:
    match await standing(known):
        case Standing.CURRENT:
            return fine("database", "Its tables are those of this version.")
        case Standing.NONE:
            return fine("database", "It is empty: the first start makes its tables.")
        case Standing.OLD:
            return warning("database", "Its tables are those of an older version.", "headgate migrate")
        case Standing.NEWER:
            return warning(
                "database",
                "A newer version of Headgate has changed its tables.",
                "Install that version here too; this one serves meanwhile.",
            )


async def _served(known: Database) -> AsyncIterator[Finding]:
    async with known.read() as session:
        if known.file is not None:
            mode = (await session.execute(text("PRAGMA journal_mode"))).scalar_one()
            for finding in _journal(str(mode)):
                yield finding
            return
        row = (
            await session.execute(
                text(
                    "SELECT current_setting('server_version'), pg_is_in_recovery(), "
                    "current_setting('server_encoding'), clock_timestamp()"
                )
            )
        ).one()
    for finding in _postgresql(*row):
        yield finding


def _journal(mode: str) -> Iterator[Finding]:
    if mode == "wal":
        yield fine("database", "SQLite, with a write-ahead log.")
    else:
        yield problem(
            "database",
            f"SQLite can't keep a write-ahead log here (it says {mode}): readers and writers wait for each other.",
            "Set HEADGATE_HOME to a folder on a disk of this machine.",
        )


def _postgresql(version: str, is_replica: bool, encoding: str, told: datetime) -> Iterator[Finding]:
    yield fine("database", f"PostgreSQL {version}.")
    if is_replica:
        yield problem(
            "database",
            "It is a replica, which can't be written to.",
            "Set HEADGATE_DATABASE_URL to the primary.",
        )
    if encoding != "UTF8":
        yield problem("database", f"It keeps text as {encoding}.", "Make a database with the encoding UTF8.")
    yield clock("PostgreSQL", (told - utc_now()).total_seconds())


def clock(whose: str, ahead_s: float) -> Finding:
    """Tell how far another clock is from this one."""
    if abs(ahead_s) <= CLOSE_S:
        return fine("clock", f"{whose} and this machine agree on the time.")
    return problem(
        "clock",
        f"The clock of {whose} is {abs(ahead_s):.0f} seconds {'ahead of' if ahead_s > 0 else 'behind'} this machine's.",
        "Let both follow a time server (NTP): leases, tokens and schedules go by the time.",
    )


async def _crew(known: Database, lease_s: float) -> Finding:
    if await standing(known) is Standing.NONE:
        return fine("workers", "None is known yet.")
    count = len(await workers.seen(known, lease_s))
    if count:
        return fine("workers", f"{count} told of themselves lately.")
    return problem(
        "workers", "HEADGATE_REDIS_URL is set and no worker runs: jobs wait.", "Start one: headgate worker"
    )
