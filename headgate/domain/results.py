"""Results: what jobs stored, to be found again."""

from collections.abc import Collection

from sqlmodel import col, select

from headgate.domain.ids import require_id
from headgate.domain.queries import by_id, by_ids
from headgate.domain.services import Services
from headgate.storage.tables import Result


async def get(services: Services, result_id: str) -> Result | None:
    """Find a result; raises UserFault (INVALID_ID) for what is no result's id."""
    require_id(result_id, "result")
    return await by_id(services.database, Result, result_id)


async def get_many(services: Services, result_ids: Collection[str]) -> dict[str, Result]:
    """Find results by id, in one query; unknown ids are left out."""
    return await by_ids(services.database, Result, result_ids)


async def of_jobs(services: Services, job_ids: Collection[str]) -> dict[str, Result]:
    """Find the result of each of these jobs, in one query; the newest where a job has several."""
    statement = select(Result).where(col(Result.job_id).in_(job_ids)).order_by(col(Result.id))
    async with services.database.read() as session:
        return {str(result.job_id): result for result in await session.scalars(statement)}
