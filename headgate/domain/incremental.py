"""What pipelines go on from, and what they produce: kept with the commit of the job that it comes from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain.services import Services
from headgate.storage.tables import Job, Pipeline


@dataclass(frozen=True, slots=True)
class Produced:
    """What a job of a pipeline has produced: the columns of its rows, and the state of an incremental source."""

    pipeline_id: str
    version: int | None
    columns: list[dict[str, Any]]
    state: dict[str, Any] | None

    @classmethod
    def of(cls, job: Job, result: Mapping[str, Any]) -> "Produced | None":
        """What a job that ended well says; None where it is of no pipeline."""
        if job.pipeline_id is None:
            return None
        return cls(job.pipeline_id, job.pipeline_version, result.get("columns") or [], result.get("state"))


async def state_of(services: Services, pipeline_id: str) -> dict[str, Any] | None:
    """What an incremental source goes on from; None where no job of its pipeline has committed yet."""
    async with services.database.read() as session:
        return (await session.scalars(select(Pipeline.state).where(Pipeline.id == pipeline_id))).first()


async def keep(session: AsyncSession, produced: Iterable[Produced]) -> None:
    """Let the pipelines know; columns count for the version that produced them, if it still is the newest."""
    for each in sorted(produced, key=lambda one: one.pipeline_id):
        of_pipeline = update(Pipeline).where(col(Pipeline.id) == each.pipeline_id)
        if each.state is not None:
            await session.execute(of_pipeline.values(state=each.state))
        if each.columns:
            is_newest = col(Pipeline.version) == each.version
            await session.execute(of_pipeline.where(is_newest).values(columns=each.columns))
