"""How long errors are kept: what jobs found that ended longer ago goes."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, update
from sqlmodel import col, select

from headgate.domain.happenings import FINAL
from headgate.domain.leftovers import LEDGER_ENDING, sweep
from headgate.domain.services import Services
from headgate.storage.tables import Job, utc_now

JOBS_AT_ONCE = 500
"""So many jobs are changed in one transaction."""


async def forget_errors(services: Services, *, days: float) -> int:
    """Remove the errors of jobs that ended more than so many days ago, and what they resolved; 0 keeps all for ever.

    Answers how many jobs had errors until then. A process that dies meanwhile leaves the rest to the next turn.
    """
    if not days:
        return 0
    before = utc_now() - timedelta(days=days)
    forgotten = 0
    while job_ids := await _with_old_errors(services, before):
        async with services.database.transaction() as session:
            statement = update(Job).where(col(Job.id).in_(job_ids))
            await session.execute(statement.values(has_errors=False, resolved_by=[]))
        forgotten += len(job_ids)

    async def are_old(services: Services, names: list[str]) -> set[str]:
        return await _of_jobs_ended(services, names, before)

    # What a job resolved is part of jobs that ended before it: their ledgers are gone by then.
    for folder in ("errors", "resolved"):
        await sweep(services, folder, are_old, before)
    return forgotten


async def _with_old_errors(services: Services, before: datetime) -> list[str]:
    statement = select(Job.id).where(col(Job.has_errors), _ended(before)).limit(JOBS_AT_ONCE)
    async with services.database.read() as session:
        return list((await session.scalars(statement)).all())


async def _of_jobs_ended(services: Services, names: list[str], before: datetime) -> set[str]:
    """Those of these files, each named by a job, whose job ended before a moment."""
    files = {name.removesuffix(LEDGER_ENDING): name for name in names}
    statement = select(Job.id).where(col(Job.id).in_(files), _ended(before))
    async with services.database.read() as session:
        return {files[job_id] for job_id in await session.scalars(statement)}


def _ended(before: datetime) -> ColumnElement[bool]:
    return and_(col(Job.status).in_(FINAL), col(Job.finished_at) < before)
