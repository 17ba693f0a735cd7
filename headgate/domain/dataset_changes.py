"""Datasets are brought back to what they were, and deleted."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import String, cast
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain import dataset_versions
from headgate.domain.audit import record
from headgate.domain.datasets import require_version, required
from headgate.domain.happenings import FINAL
from headgate.domain.permissions import Principal, require
from headgate.domain.services import Services
from headgate.errors import JobFault, UserFault
from headgate.storage.tables import Dataset, Job, Pipeline, Role, utc_now

RESTORE_TIMEOUT_S = 60.0
SHOWN_USERS = 5
"""So many jobs and pipelines are named that a dataset is in use by."""


async def restore(services: Services, principal: Principal, name: str, version: int) -> Dataset:
    """Make a new version with the rows and columns of an old one; none where the newest has just these.

    Raises UserFault: FORBIDDEN, NOT_FOUND, VERSION_EXPIRED, DATASET_BUSY where jobs kept committing meanwhile, or what
    befell the engine.
    """
    require(principal, Role.OPERATOR)
    dataset = await required(services, name)
    require_version(dataset, version)
    restored = await _restored(services, dataset, version)
    async with services.database.transaction() as session:
        [dataset] = await dataset_versions.advance(session, {dataset.id: restored})
        if dataset.deleted_at is not None:
            raise UserFault("NOT_FOUND", f"There is no dataset {name}.", ("name",))
        details = {"id": dataset.id, "from": version, "version": restored["version"]}
        record(session, principal, "restoreDataset", name, details)
    dataset_versions.announce(services.signals, [dataset.id])
    return dataset


async def _restored(services: Services, dataset: Dataset, version: int) -> Mapping[str, Any]:
    folder = services.store.location(dataset.storage_key).to_json()
    task = {"task": "restore", "folder": folder, "version": version}
    try:
        answer = await services.inspector.run(task, timeout_s=RESTORE_TIMEOUT_S)
    except JobFault as fault:
        raise UserFault(fault.code, fault.message, (), fault.retryable) from fault
    if (made := answer["version"]) is None:
        message = "Jobs kept changing the dataset. Try again when they are done."
        raise UserFault("DATASET_BUSY", message, ("name",), retryable=True)
    found: Mapping[str, Any] = made
    return found


async def delete(services: Services, principal: Principal, name: str) -> str:
    """Delete a dataset and answer its id; its name is free at once, and its files go later.

    Raises UserFault: FORBIDDEN, NOT_FOUND, DATASET_IN_USE while jobs that have not ended, or pipelines, write to it.
    """
    require(principal, Role.OPERATOR)
    found = await required(services, name)
    async with services.database.transaction() as session:
        locked = select(Dataset).where(Dataset.id == found.id, col(Dataset.deleted_at).is_(None))
        dataset = (await session.scalars(locked.with_for_update())).first()
        if dataset is None:
            raise UserFault("NOT_FOUND", f"There is no dataset {name}.", ("name",))
        await _require_unused(session, dataset)
        dataset.deleted_at = utc_now()
        # No other dataset can be called so: names have no spaces.
        dataset.name = f"{name} {dataset.id}"
        record(session, principal, "deleteDataset", name, {"id": dataset.id, "version": dataset.version})
    dataset_versions.announce(services.signals, [dataset.id])
    return dataset.id


async def _require_unused(session: AsyncSession, dataset: Dataset) -> None:
    jobs = (
        select(Job.id).where(Job.dataset_id == dataset.id, col(Job.status).not_in(FINAL)).limit(SHOWN_USERS)
    )
    writing = [f"the job {job_id}" for job_id in await session.scalars(jobs)]
    if users := writing + [f"the pipeline {name}" for name in await _pipelines_into(session, dataset.name)]:
        shown = ", ".join(users[:SHOWN_USERS])
        message = (
            f"The dataset {dataset.name} is in use: {shown} may write to it. Cancel or change these first."
        )
        raise UserFault("DATASET_IN_USE", message, ("name",), retryable=bool(writing))


async def _pipelines_into(session: AsyncSession, name: str) -> Sequence[str]:
    """The pipelines that name a dataset as their sink; the database leaves out most that don't."""
    mention = cast(Pipeline.spec, String).contains(f'"{name}"', autoescape=True)
    found = await session.execute(select(Pipeline.name, Pipeline.spec).where(mention))
    return [pipeline for pipeline, spec in found if name in _sinks_of(spec)]


def _sinks_of(spec: dict[str, list[dict[str, dict[str, str]]]]) -> set[str | None]:
    return {sink["dataset"].get("name") for sink in spec.get("sinks") or () if "dataset" in sink}
