"""What pipelines go on from, and what they produce: kept with the commit of the job that it comes from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from headgate.domain.services import Services
from headgate.storage.tables import Job, Pipeline


@dataclass(frozen=True, slots=True)
class Produced:
    """What a job of a pipeline has produced: the columns of its rows, and the state that its source outside is in."""

    pipeline_id: str
    version: int | None
    columns: list[dict[str, Any]]
    source: dict[str, Any] | None
    state: dict[str, Any] | None

    @classmethod
    def of(cls, job: Job, result: Mapping[str, Any]) -> "Produced | None":
        """What a job that ended well says; None where it is of no pipeline."""
        if job.pipeline_id is None:
            return None
        outside = job.spec["source"].get("outside") or {}
        columns, state = result.get("columns") or [], result.get("state")
        return cls(job.pipeline_id, job.pipeline_version, columns, outside.get("source"), state)


async def state_of(services: Services, pipeline_id: str) -> dict[str, Any] | None:
    """What an incremental source goes on from; None where no job of its pipeline has committed yet."""
    async with services.database.read() as session:
        return (await session.scalars(select(Pipeline.state).where(Pipeline.id == pipeline_id))).first()


async def keep(session: AsyncSession, produced: Iterable[Produced]) -> None:
    """Let the pipelines know.

    Columns count where the version that produced them is the newest still, and a state where the source is the same.
    """
    for each in sorted(produced, key=lambda one: one.pipeline_id):
        locked = select(Pipeline).where(Pipeline.id == each.pipeline_id).with_for_update(key_share=True)
        if (pipeline := (await session.scalars(locked)).first()) is None:
            continue
        if each.state is not None and each.source == pipeline.spec.get("source"):
            pipeline.state = each.state
        if each.columns and each.version == pipeline.version:
            pipeline.columns = each.columns
