"""Mappings: data that goes from one endpoint to another, each by calls of its own, as one durable job."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlmodel import select

from headgate.domain.acceptance import Accepted, NewJob, accept, replayed
from headgate.domain.audit import Deed
from headgate.domain.idempotency import earlier, token_of
from headgate.domain.ids import is_storable
from headgate.domain.items import read_items
from headgate.domain.parts import Mistakes, parse_settings
from headgate.domain.permissions import Principal, require
from headgate.domain.queries import is_one_of
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.pipelines.mappings import CALLABLE
from headgate.pipelines.transformation import Transformation
from headgate.storage.ids import new_id
from headgate.storage.tables import Endpoint, EndpointKind, ItemStatus, Job, JobKind, Priority, Role

MAX_MAPPINGS = 10_000
MAX_AT_ONCE = 100
DEFAULT_AT_ONCE = 5
MAX_ID_CHARACTERS = 200
MAX_MISTAKES = 100
"""No more are told at once."""


@dataclass(frozen=True, slots=True)
class MappingRequest:
    """Data on its way from `source` to `target`, the names of endpoints.

    `data` stands in for what is read from the source; None reads it.
    """

    id: str
    source: str
    target: str
    transformation: Any = None
    data: Any = None


@dataclass(frozen=True, slots=True)
class MappingsRequest:
    """Mappings to carry out, so many of them at once."""

    mappings: Sequence[MappingRequest]
    batch_size: int = DEFAULT_AT_ONCE
    priority: Priority = Priority.MEDIUM


async def submit(
    services: Services, principal: Principal, request: MappingsRequest, key: str | None = None
) -> Accepted:
    """Accept mappings as a durable job with an item for each, once for each idempotency key.

    Raises UserFault: FORBIDDEN, INVALID_ARGUMENT, INVALID_MAPPING, INVALID_SPEC, NOT_FOUND, WRONG_ENDPOINT and
    IDEMPOTENCY_MISMATCH; each `path` begins at the input object, such as `("mappings", "3", "target")`.
    """
    require(principal, Role.OPERATOR)
    _check_bounds(request)
    token = token_of(principal, key, "ingestMappings", request)
    if (known := await earlier(services, token)) is not None:
        return await replayed(services, known)
    mappings = _checked(request.mappings, await _kinds_of(services, request.mappings))
    new = _job(principal, request, mappings)
    details = {"items": len(mappings), "endpoints": new.job.spec["endpoints"]}
    deed = Deed(principal, "ingestMappings", new.job.id, details)
    if (known := await accept(services, [new], token, deed=deed)) is not None:
        return await replayed(services, known)
    return Accepted(new.job)


async def again(
    services: Services, principal: Principal, job: Job, statuses: Sequence[ItemStatus]
) -> NewJob | None:
    """Make a job that carries out again those items of an ended one that have these statuses; None without any."""
    items = await read_items(services, job.id, statuses)
    if not items:
        return None
    new = Job(
        id=new_id("job"),
        kind=JobKind.MAPPING,
        priority=job.priority,
        retry_of_id=job.id,
        spec=job.spec,
        created_by_id=principal.user_id,
    )
    rows = [
        _row(new, position, item.id, item.source, item.target, item.mapping)
        for position, item in enumerate(items)
    ]
    return NewJob(new, None, items=rows)


def _job(principal: Principal, request: MappingsRequest, mappings: Sequence[dict[str, Any]]) -> NewJob:
    asked = request.mappings
    job = Job(
        id=new_id("job"),
        kind=JobKind.MAPPING,
        priority=request.priority,
        spec={
            "batchSize": request.batch_size,
            "endpoints": sorted({name for each in asked for name in (each.source, each.target)}),
        },
        created_by_id=principal.user_id,
    )
    rows = [
        _row(job, position, each.id, each.source, each.target, mapping)
        for position, (each, mapping) in enumerate(zip(asked, mappings, strict=True))
    ]
    return NewJob(job, None, items=rows)


def _row(
    job: Job, position: int, id: str, source: str, target: str, mapping: dict[str, Any]
) -> dict[str, Any]:
    return {
        "job_id": job.id,
        "position": position,
        "id": id,
        "source": source,
        "target": target,
        "mapping": mapping,
        "status": ItemStatus.PENDING,
        "attempts": 0,
    }


def _check_bounds(request: MappingsRequest) -> None:
    if not 1 <= len(request.mappings) <= MAX_MAPPINGS:
        message = f"Give 1 to {MAX_MAPPINGS:,} mappings; there are {len(request.mappings):,}."
        raise UserFault("INVALID_ARGUMENT", message, ("mappings",))
    if not 1 <= request.batch_size <= MAX_AT_ONCE:
        message = f"batchSize must be from 1 to {MAX_AT_ONCE}; it is {request.batch_size}."
        raise UserFault("INVALID_ARGUMENT", message, ("batchSize",))


async def _kinds_of(services: Services, mappings: Sequence[MappingRequest]) -> dict[str, EndpointKind]:
    names = {name for each in mappings for name in (each.source, each.target)}
    statement = select(Endpoint.name, Endpoint.kind).where(is_one_of(Endpoint.name, names))
    async with services.database.read() as session:
        return {name: EndpointKind(kind) for name, kind in await session.execute(statement)}


def _checked(mappings: Sequence[MappingRequest], kinds: Mapping[str, EndpointKind]) -> list[dict[str, Any]]:
    """What is kept of each mapping beside its names. Raises UserFault with all that is wrong, up to a hundred."""
    mistakes, times = Mistakes(), Counter(each.id for each in mappings)
    kept: list[dict[str, Any]] = []
    for number, each in enumerate(mappings):
        at = ("mappings", str(number))
        _check_id(each.id, times[each.id], at, mistakes)
        _check_endpoints(each, kinds, at, mistakes)
        if (mapping := mistakes.of(lambda each=each, at=at: _mapping(each, at))) is not None:  # type: ignore[misc]
            kept.append(mapping)
        if len(mistakes) >= MAX_MISTAKES:
            break
    mistakes.check()
    return kept


def _check_id(id: str, times: int, at: tuple[str, ...], mistakes: Mistakes) -> None:
    path = (*at, "id")
    if not 1 <= len(id) <= MAX_ID_CHARACTERS or not is_storable(id):
        mistakes.note(
            "INVALID_MAPPING", f"The id of a mapping has 1 to {MAX_ID_CHARACTERS} characters.", path
        )
    elif times > 1:
        mistakes.note(
            "INVALID_MAPPING", f"{times} mappings have the id {id}; each needs one of its own.", path
        )


def _check_endpoints(
    mapping: MappingRequest, kinds: Mapping[str, EndpointKind], at: tuple[str, ...], mistakes: Mistakes
) -> None:
    for role, name in (("source", mapping.source), ("target", mapping.target)):
        if name not in kinds:
            mistakes.note("NOT_FOUND", f"There is no endpoint {name}.", (*at, role))
        elif kinds[name] not in CALLABLE:
            message = f"The endpoint {name} is of kind {kinds[name]}; this takes {' or '.join(CALLABLE)}."
            mistakes.note("WRONG_ENDPOINT", message, (*at, role))


def _mapping(mapping: MappingRequest, at: tuple[str, ...]) -> dict[str, Any]:
    given = {"transformation": mapping.transformation, "data": mapping.data}
    if mapping.transformation is not None:
        path = (*at, "transformation")
        read = parse_settings(Transformation, mapping.transformation, path, "The transformation")
        given["transformation"] = read.to_json()
    kept = {name: value for name, value in given.items() if value is not None}
    try:
        orjson.dumps(kept)
    except TypeError as error:
        raise UserFault("INVALID_MAPPING", f"This can't be kept: {error}.", at) from error
    return kept
