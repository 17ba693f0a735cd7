"""Endpoints: outside systems, whose secrets go in and never come out."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import select

from headgate.domain.audit import record
from headgate.domain.pages import Keyset, Page, read_page
from headgate.domain.permissions import Principal, require
from headgate.domain.queries import by_ids, count_rows, is_one_of
from headgate.domain.services import Services
from headgate.domain.specs import check_storable, endpoints_named
from headgate.errors import JobFault, UserFault
from headgate.pipelines.endpoints.model import SECRETS, SETTINGS
from headgate.pipelines.endpoints.registry import check_endpoint, endpoint_models
from headgate.storage.ids import new_id
from headgate.storage.tables import Endpoint, EndpointKind, Pipeline, Role

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,127}")
NAME_RULE = "A name begins with a letter and has up to 128 letters, digits, dots, dashes and underscores."


@dataclass(frozen=True, slots=True)
class EndpointRequest:
    """An endpoint as somebody gives it; a secret that is None is to be removed."""

    name: str
    kind: EndpointKind
    settings: Mapping[str, Any]
    secrets: Mapping[str, Any] = field(default_factory=dict, repr=False)


async def find(services: Services, name: str) -> Endpoint | None:
    """Find an endpoint by its name."""
    async with services.database.read() as session:
        return (await session.scalars(select(Endpoint).where(is_one_of(Endpoint.name, [name])))).first()


async def get_many(services: Services, endpoint_ids: Collection[str]) -> dict[str, Endpoint]:
    """Find endpoints by id, in one query; unknown ids are left out."""
    return await by_ids(services.database, Endpoint, endpoint_ids)


async def page(services: Services, first: int, after: str | None) -> Page[Endpoint]:
    """List endpoints, newest first; raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR)."""
    keyset: Keyset[Endpoint] = Keyset.by_id(Endpoint.id, "endpoint")
    return await read_page(services.database, select(Endpoint), keyset, first=first, after=after)


async def total(services: Services) -> int:
    """Count all endpoints."""
    return await count_rows(services.database, Endpoint, ())


async def create(services: Services, principal: Principal, request: EndpointRequest) -> Endpoint:
    """Add an endpoint.

    Raises UserFault: FORBIDDEN, INVALID_NAME, INVALID_ENDPOINT, ALREADY_EXISTS.
    """
    require(principal, Role.ADMIN)
    given = _checked(request)
    made = Endpoint(id=new_id("endpoint"), name="", kind=given.kind, created_by_id=principal.user_id)
    _set(services, made, given, given.secrets)
    try:
        async with services.database.transaction() as session:
            session.add(made)
            record(session, principal, "createEndpoint", made.name, _named_only(made))
    except IntegrityError as error:
        raise _taken(given.name) from error
    return made


async def update(services: Services, principal: Principal, name: str, request: EndpointRequest) -> Endpoint:
    """Change an endpoint: its settings as a whole, of its secrets those that are given. A new name renames it.

    Raises UserFault: FORBIDDEN, NOT_FOUND, INVALID_NAME, INVALID_ENDPOINT, ALREADY_EXISTS, IN_USE, SECRETS_UNREADABLE.
    """
    require(principal, Role.ADMIN)
    given = _checked(request)
    try:
        async with services.database.transaction() as session:
            found = await _require(session, name)
            if given.kind is not found.kind:
                message = f"The endpoint {name} is of kind {found.kind}, and stays so; add another one."
                raise UserFault("INVALID_ENDPOINT", message, ("kind",))
            if given.name != name:
                await _require_unused(session, name)
            changes = _changes(found, given)
            _set(services, found, given, {**_kept(services, found, given), **given.secrets})
            if changes:
                record(session, principal, "updateEndpoint", name, changes)
    except IntegrityError as error:
        raise _taken(given.name) from error
    return found


async def delete(services: Services, principal: Principal, name: str) -> str:
    """Remove an endpoint; answers its id. Raises UserFault: FORBIDDEN, NOT_FOUND, IN_USE."""
    require(principal, Role.ADMIN)
    async with services.database.transaction() as session:
        found = await _require(session, name)
        await _require_unused(session, name)
        await session.delete(found)
        record(session, principal, "deleteEndpoint", name, {"id": found.id, **_named_only(found)})
    return found.id


async def outside_of(
    services: Services, names: Collection[str], *, timeout_s: float | None = None
) -> dict[str, Any]:
    """Say, for a task of the engine, how these endpoints are reached; it holds their secrets. Others are left out.

    Raises JobFault (SECRETS_UNREADABLE).
    """
    found = await _named(services, names) if names else []
    return {
        "endpoints": {
            each.name: {
                "kind": each.kind.value,
                "settings": each.settings,
                "secrets": secrets_of(services, each),
            }
            for each in found
        },
        "networks": list(services.allowed_networks),
        "folders": list(services.local_folders),
        "own_files": [services.database.file] if services.database.file else [],
        "timeout_s": services.job_timeout_s if timeout_s is None else timeout_s,
    }


async def _named(services: Services, names: Collection[str]) -> list[Endpoint]:
    async with services.database.read() as session:
        return list(await session.scalars(select(Endpoint).where(is_one_of(Endpoint.name, names))))


def secrets_of(services: Services, endpoint: Endpoint) -> dict[str, str]:
    """The secrets of an endpoint. Raises JobFault (SECRETS_UNREADABLE)."""
    return services.vault.open(endpoint.secrets, endpoint.id) if endpoint.secrets is not None else {}


def _checked(request: EndpointRequest) -> EndpointRequest:
    """The request, its settings and secrets under their own names. Raises UserFault: INVALID_NAME, INVALID_ENDPOINT."""
    if not NAME.fullmatch(request.name):
        raise UserFault("INVALID_NAME", NAME_RULE, ("name",))
    model = endpoint_models()[request.kind]
    named = {}
    for part, given in ((SETTINGS, request.settings), (SECRETS, request.secrets)):
        if not isinstance(given, Mapping):
            raise UserFault("INVALID_ENDPOINT", f"The {part} are an object.", (part,))
        check_storable(given, (part,), "INVALID_ENDPOINT")
        named[part] = model.named(given, part)
    return EndpointRequest(request.name, request.kind, named[SETTINGS], named[SECRETS])


def _kept(services: Services, endpoint: Endpoint, given: EndpointRequest) -> dict[str, Any]:
    """The secrets of an endpoint, as far as the request leaves them as they are."""
    if set(endpoint.secret_keys) <= given.secrets.keys():
        return {}
    try:
        return dict(secrets_of(services, endpoint))
    except JobFault as fault:
        raise UserFault(fault.code, fault.message, (SECRETS,)) from fault


def _set(services: Services, endpoint: Endpoint, given: EndpointRequest, secrets: Mapping[str, Any]) -> None:
    """Let an endpoint be as the request says. Raises UserFault (INVALID_ENDPOINT)."""
    there = {name: value for name, value in secrets.items() if value is not None}
    check_endpoint(given.kind, given.settings, there)
    endpoint.name, endpoint.settings = given.name, dict(given.settings)
    endpoint.secrets = services.vault.seal(there, endpoint.id) if there else None
    endpoint.secret_keys = sorted(there)


def _named_only(endpoint: Endpoint) -> dict[str, Any]:
    """What the audit log says of an endpoint: the names of its settings and secrets, and no value."""
    return {"kind": endpoint.kind, SETTINGS: sorted(endpoint.settings), SECRETS: endpoint.secret_keys}


def _changes(endpoint: Endpoint, given: EndpointRequest) -> dict[str, Any]:
    """What a request changes of an endpoint, by name; a secret counts as changed wherever one is given."""
    before, after = endpoint.settings, given.settings
    settings = sorted(
        name
        for name in before.keys() | after.keys()
        if name not in before or name not in after or before[name] != after[name]
    )
    said = {
        "newName": given.name if given.name != endpoint.name else None,
        SETTINGS: settings,
        SECRETS: sorted(given.secrets),
    }
    return {name: value for name, value in said.items() if value}


async def _require(session: AsyncSession, name: str) -> Endpoint:
    """The endpoint of this name, which nobody else changes meanwhile. Raises UserFault (NOT_FOUND)."""
    statement = select(Endpoint).where(is_one_of(Endpoint.name, [name])).with_for_update()
    if (found := (await session.scalars(statement)).first()) is None:
        raise UserFault("NOT_FOUND", f"There is no endpoint {name}.", ("name",))
    return found


async def _require_unused(session: AsyncSession, name: str) -> None:
    """Raise UserFault (IN_USE) where a pipeline names this endpoint."""
    for pipeline, spec in await session.execute(select(Pipeline.name, Pipeline.spec)):
        if any(mention.name == name for mention in endpoints_named(spec)):
            message = f"The pipeline {pipeline} uses the endpoint {name}; change or delete it first."
            raise UserFault("IN_USE", message, ("name",))


def _taken(name: str) -> UserFault:
    return UserFault("ALREADY_EXISTS", f"There is an endpoint {name} already.", ("name",))
