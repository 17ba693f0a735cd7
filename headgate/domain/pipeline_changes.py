"""Pipelines change: they are made, get new versions, and go. Each is one transaction."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import delete as delete_from
from sqlalchemy import update as update_rows
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain.audit import record
from headgate.domain.canonical import are_same
from headgate.domain.happenings import FINAL
from headgate.domain.ids import is_storable
from headgate.domain.permissions import Principal, require
from headgate.domain.pipeline_specs import Read, Said, read, set_schedule
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.pipelines.sinks.dataset import DATASET_NAME
from headgate.storage.ids import new_id
from headgate.storage.tables import Job, Pipeline, PipelineVersion, Role, Stream, utc_now

MAX_TEXT_LENGTH = 2_000
NAME_RULE = "A pipeline's name is a letter and then up to 127 letters, digits, dots, - and _ (ASCII)."


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPipeline:
    """A pipeline that is to be made; what it does is said in one way."""

    name: str
    said: Said
    description: str | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to become of the pipeline of this name; what is None stays as it is.

    `comment` is kept with the version that a new spec makes; the pipeline must be at `expected_version` until then.
    """

    name: str
    new_name: str | None = None
    said: Said
    description: str | None = None
    enabled: bool | None = None
    comment: str | None = None
    expected_version: int | None = None


class Lock(Enum):
    """Why a pipeline's row is locked: then nobody else changes it or, where it is to go, starts a job of it."""

    TO_CHANGE = auto()
    TO_DELETE = auto()


async def create(services: Services, principal: Principal, wanted: NewPipeline) -> Pipeline:
    """Make a pipeline, at version 1.

    Raises UserFault: FORBIDDEN, INVALID_NAME, NAME_TAKEN, INVALID_ARGUMENT and what `read` raises.
    """
    require(principal, Role.OPERATOR)
    _check_name(wanted.name, "name")
    _check_text(wanted.description, "description")
    found = await read(wanted.said)
    if found is None:
        raise UserFault("INVALID_ARGUMENT", "Give one of spec, yaml and template.", ("spec",))
    pipeline = Pipeline(
        id=new_id("pipeline"),
        name=wanted.name,
        description=found.description if wanted.description is None else wanted.description or None,
        enabled=wanted.enabled,
        spec=found.spec,
        created_by_id=principal.user_id,
    )
    set_schedule(pipeline, utc_now())
    try:
        async with services.database.transaction() as session:
            session.add(pipeline)
            await session.flush()
            session.add(_version(pipeline, principal, None))
            record(session, principal, "createPipeline", pipeline.name, {"id": pipeline.id})
    except IntegrityError as error:
        raise _taken(wanted.name, "name") from error
    return pipeline


async def update(services: Services, principal: Principal, change: Change) -> Pipeline:
    """Change a pipeline; a spec that says something new makes a new version.

    Raises UserFault: FORBIDDEN, NOT_FOUND, CONFLICT, INVALID_NAME, NAME_TAKEN, INVALID_ARGUMENT and what `read` raises.
    """
    require(principal, Role.OPERATOR)
    if change.new_name is not None:
        _check_name(change.new_name, "newName")
    _check_text(change.description, "description")
    _check_text(change.comment, "comment")
    found = await read(change.said)
    try:
        async with services.database.transaction() as session:
            pipeline = await _required(session, change.name, lock=Lock.TO_CHANGE)
            _check_version(pipeline, change.expected_version)
            before = _shown(pipeline)
            _change(pipeline, change, found)
            if found is not None and not are_same(pipeline.spec, found.spec):
                _renew(pipeline, found)
                session.add(_version(pipeline, principal, change.comment))
            set_schedule(pipeline, utc_now())
            pipeline.updated_at = utc_now()
            if changes := _changes(before, _shown(pipeline)):
                record(session, principal, "updatePipeline", change.name, changes)
    except IntegrityError as error:
        raise _taken(change.new_name or change.name, "newName") from error
    return pipeline


async def delete(services: Services, principal: Principal, name: str) -> str:
    """Remove a pipeline with its versions and answer its id; its jobs stay, as jobs of no pipeline.

    Raises UserFault: FORBIDDEN, NOT_FOUND, PIPELINE_BUSY while jobs of it have not ended.
    """
    require(principal, Role.OPERATOR)
    async with services.database.transaction() as session:
        pipeline = await _required(session, name)
        of_pipeline, has_ended = col(Job.pipeline_id) == pipeline.id, col(Job.status).in_(FINAL)
        # As others do: jobs are locked first, and then their pipeline.
        await session.execute(update_rows(Job).where(of_pipeline, has_ended).values(pipeline_id=None))
        await _required(session, name, lock=Lock.TO_DELETE)
        if (await session.scalars(select(Job.id).where(of_pipeline).limit(1))).first() is not None:
            message = f"Jobs of the pipeline {name} have not ended: wait for them, or cancel them."
            raise UserFault("PIPELINE_BUSY", message, ("name",), retryable=True)
        await session.execute(delete_from(Stream).where(col(Stream.pipeline_id) == pipeline.id))
        await session.execute(
            delete_from(PipelineVersion).where(col(PipelineVersion.pipeline_id) == pipeline.id)
        )
        await session.delete(pipeline)
        record(session, principal, "deletePipeline", name, {"id": pipeline.id, "version": pipeline.version})
    return pipeline.id


async def _required(session: AsyncSession, name: str, *, lock: Lock | None = None) -> Pipeline:
    """Find a pipeline, and lock its row if it is to be changed; raises UserFault (NOT_FOUND)."""
    statement = select(Pipeline).where(Pipeline.name == name)
    if lock is not None:
        statement = statement.with_for_update(key_share=lock is Lock.TO_CHANGE)
    found = (await session.scalars(statement)).first() if is_storable(name) else None
    if found is None:
        raise UserFault("NOT_FOUND", f"There is no pipeline {name}.", ("name",))
    return found


def _change(pipeline: Pipeline, change: Change, found: Read | None) -> None:
    if change.new_name is not None:
        pipeline.name = change.new_name
    if change.enabled is not None:
        pipeline.enabled = change.enabled
    if change.description is not None:
        pipeline.description = change.description or None
    elif found is not None and found.description is not None:
        pipeline.description = found.description


def _shown(pipeline: Pipeline) -> dict[str, Any]:
    """What the audit log says of a pipeline where it has changed."""
    return {name: getattr(pipeline, name) for name in ("name", "version", "enabled", "description")}


def _changes(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    return {name: {"from": before[name], "to": after[name]} for name in before if before[name] != after[name]}


def _renew(pipeline: Pipeline, found: Read) -> None:
    """Give a pipeline its next version; what is known of its source and its columns counts for that no more."""
    if found.spec.get("source") != pipeline.spec.get("source"):
        pipeline.state = None
    pipeline.spec = found.spec
    pipeline.columns = []
    pipeline.version += 1


def _version(pipeline: Pipeline, principal: Principal, comment: str | None) -> PipelineVersion:
    return PipelineVersion(
        pipeline_id=pipeline.id,
        version=pipeline.version,
        spec=pipeline.spec,
        comment=comment,
        created_by_id=principal.user_id,
    )


def _check_version(pipeline: Pipeline, expected: int | None) -> None:
    if expected is not None and pipeline.version != expected:
        message = (
            f"The pipeline {pipeline.name} is at version {pipeline.version} by now: look at what has changed."
        )
        raise UserFault("CONFLICT", message, ("expectedVersion",))


def _check_name(name: str, field: str) -> None:
    if not DATASET_NAME.fullmatch(name):
        raise UserFault("INVALID_NAME", NAME_RULE, (field,))


def _check_text(text: str | None, field: str) -> None:
    if text is not None and (len(text) > MAX_TEXT_LENGTH or not is_storable(text)):
        message = f"A {field} has up to {MAX_TEXT_LENGTH} characters, none of them NUL."
        raise UserFault("INVALID_ARGUMENT", message, (field,))


def _taken(name: str, field: str) -> UserFault:
    return UserFault("NAME_TAKEN", f"There is a pipeline {name} already.", (field,))
