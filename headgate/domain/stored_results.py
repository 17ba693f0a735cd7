"""Results that clients store, and their end."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from headgate.domain.audit import record
from headgate.domain.idempotency import PATH, earlier, start_once, token_of
from headgate.domain.ids import is_storable, require_id
from headgate.domain.jobs import require_job
from headgate.domain.permissions import Principal, require
from headgate.domain.queries import by_id
from headgate.domain.results import MAX_TAGS
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.ids import new_id
from headgate.storage.tables import Job, Result, ResultKind, Role

MAX_NAME_LENGTH = 255
MAX_DATA_BYTES = 1024 * 1024
TAG = re.compile(r'[^\x00-\x1f"\\,]{1,64}')
TAG_RULE = "A tag has 1 to 64 characters, no comma, quote or backslash among them."


@dataclass(frozen=True, slots=True)
class NewResult:
    """What a client stores under a name, about a job where it says so; `data` is any JSON."""

    name: str
    data: Any
    job_id: str | None = None
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """A result that was stored, now or, where `replayed`, by an earlier request with the same key."""

    result: Result
    replayed: bool = False


async def store(services: Services, principal: Principal, new: NewResult, key: str | None = None) -> Stored:
    """Store a result, once for each idempotency key; it is about the dataset of its job, where that has one.

    Raises UserFault: FORBIDDEN, INVALID_ARGUMENT, RESULT_TOO_LARGE, INVALID_ID, NOT_FOUND, IDEMPOTENCY_MISMATCH.
    """
    require(principal, Role.OPERATOR)
    _check(new)
    token = token_of(principal, key, "storeResult", new)
    if (known := await earlier(services, token)) is not None:
        return await _replayed(services, known)
    job = None if new.job_id is None else await require_job(services, new.job_id)
    made = _made(principal, new, job)
    known = await start_once(services, token, made.id, partial(_add, principal=principal, made=made))
    return Stored(made) if known is None else await _replayed(services, known)


async def delete(services: Services, principal: Principal, result_id: str) -> str:
    """Remove a result, a job's own too; answers its id. Raises UserFault: FORBIDDEN, INVALID_ID, NOT_FOUND."""
    require(principal, Role.OPERATOR)
    require_id(result_id, "result")
    async with services.database.transaction() as session:
        found = await session.get(Result, result_id, with_for_update=True)
        if found is None:
            raise UserFault("NOT_FOUND", f"There is no result {result_id}.", ("id",))
        await session.delete(found)
        record(session, principal, "deleteResult", result_id, {"name": found.name, "job": found.job_id})
    return result_id


def _check(new: NewResult) -> None:
    if not 1 <= len(new.name.strip()) <= len(new.name) <= MAX_NAME_LENGTH or not is_storable(new.name):
        message = f"A name has 1 to {MAX_NAME_LENGTH} characters, none of them NUL."
        raise UserFault("INVALID_ARGUMENT", message, ("name",))
    if len(new.tags) > MAX_TAGS:
        message = f"A result has up to {MAX_TAGS} tags; these are {len(new.tags)}."
        raise UserFault("INVALID_ARGUMENT", message, ("tags",))
    for number, tag in enumerate(new.tags):
        if not TAG.fullmatch(tag) or not is_storable(tag):
            raise UserFault("INVALID_ARGUMENT", TAG_RULE, ("tags", str(number)))
    if (size := _byte_size(new.data)) > MAX_DATA_BYTES:
        message = f"The data of a result has up to {MAX_DATA_BYTES:,} bytes as JSON; this has {size:,}."
        raise UserFault("RESULT_TOO_LARGE", message, ("data",))


def _byte_size(data: Any) -> int:
    try:
        text = orjson.dumps(data)
    except TypeError as error:
        raise UserFault("INVALID_ARGUMENT", f"This can't be kept: {error}.", ("data",)) from error
    return len(text)


def _made(principal: Principal, new: NewResult, job: Job | None) -> Result:
    return Result(
        id=new_id("result"),
        kind=ResultKind.CUSTOM,
        name=new.name,
        job_id=job.id if job is not None else None,
        dataset_id=job.dataset_id if job is not None else None,
        dataset_version=job.dataset_version if job is not None else None,
        data=new.data,
        tags=list(dict.fromkeys(new.tags)),
        created_by_id=principal.user_id,
    )


async def _add(session: AsyncSession, principal: Principal, made: Result) -> None:
    session.add(made)
    record(session, principal, "storeResult", made.id, {"name": made.name, "job": made.job_id})


async def _replayed(services: Services, result_id: str) -> Stored:
    if (found := await by_id(services.database, Result, result_id)) is None:
        raise UserFault(
            "NOT_FOUND", f"The result {result_id}, which was stored with this key, is gone.", PATH
        )
    return Stored(found, replayed=True)
