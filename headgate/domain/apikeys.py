"""API keys: what scripts show in place of a token. Only a hash of each is kept."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from secrets import token_urlsafe

from sqlalchemy import ColumnElement, func
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain import audit, sessions
from headgate.domain.doorkeeper import ACCESS_TOPIC, KEY_PREFIX, SECRET_START, hash_of
from headgate.domain.ids import require_id
from headgate.domain.names import check_name
from headgate.domain.pages import Keyset, Page, read_page
from headgate.domain.permissions import Principal, lower, refusal, require, require_no_key
from headgate.domain.queries import by_ids, count_rows
from headgate.domain.services import Services
from headgate.errors import Unauthenticated, UserFault
from headgate.storage.ids import new_id
from headgate.storage.tables import ApiKey, Role, utc_now

MAX_KEYS = 100
"""So many a user may have."""
MAX_DAYS = 3_650
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A key as somebody asks for it; without `expires_in_days` it has no end."""

    name: str
    role: Role
    expires_in_days: int | None = None


async def create(services: Services, principal: Principal, request: KeyRequest) -> tuple[ApiKey, str]:
    """Make a key of one's own; answers it and its secret, which is known to nobody afterwards.

    Raises UserFault: FORBIDDEN, INVALID_NAME, INVALID_ARGUMENT, LIMIT_REACHED.
    """
    require(principal, Role.VIEWER)
    require_no_key(principal, "make API keys")
    key, secret = _made(principal, request)
    async with services.database.transaction() as session:
        user = await sessions.locked(session, principal.user_id)
        if user is None:
            raise Unauthenticated
        _require_role(lower(principal.role, user.role), request.role)
        await _require_room(session, user.id)
        session.add(key)
        details = {"name": key.name, "role": key.role, "expiresInDays": request.expires_in_days}
        audit.record(session, principal, "createApiKey", key.id, details)
    return key, secret


async def get_many(services: Services, key_ids: Collection[str]) -> dict[str, ApiKey]:
    """Find keys by id, in one query; unknown ids are left out."""
    return await by_ids(services.database, ApiKey, key_ids)


async def page(services: Services, principal: Principal, first: int, after: str | None) -> Page[ApiKey]:
    """List one's own keys, or those of all as an ADMIN; newest first.

    Raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR).
    """
    keyset: Keyset[ApiKey] = Keyset.by_id(ApiKey.id, KEY_PREFIX)
    statement = select(ApiKey).where(*_visible(principal))
    return await read_page(services.database, statement, keyset, first=first, after=after)


async def total(services: Services, principal: Principal) -> int:
    """Count the keys that somebody sees."""
    return await count_rows(services.database, ApiKey, _visible(principal))


async def revoke(services: Services, principal: Principal, key_id: str) -> str:
    """Delete a key of one's own, or any as an ADMIN; it is good no more at once.

    Raises UserFault: FORBIDDEN, INVALID_ID, NOT_FOUND.
    """
    require(principal, Role.VIEWER)
    require_no_key(principal, "revoke API keys")
    require_id(key_id, KEY_PREFIX)
    async with services.database.transaction() as session:
        statement = select(ApiKey).where(col(ApiKey.id) == key_id, *_visible(principal))
        key = (await session.scalars(statement.with_for_update())).first()
        if key is None:
            raise UserFault("NOT_FOUND", f"There is no API key {key_id} of yours.", ("id",))
        await session.delete(key)
        audit.record(session, principal, "revokeApiKey", key.id, {"name": key.name, "userId": key.user_id})
    services.signals.notify(ACCESS_TOPIC)
    return key_id


def _made(principal: Principal, request: KeyRequest) -> tuple[ApiKey, str]:
    days = request.expires_in_days
    if days is not None and not 1 <= days <= MAX_DAYS:
        message = f"A key is good for 1 to {MAX_DAYS:,} days, or for ever where that is left out."
        raise UserFault("INVALID_ARGUMENT", message, ("expiresInDays",))
    key_id = new_id(KEY_PREFIX)
    prefix = SECRET_START + key_id.removeprefix(f"{KEY_PREFIX}_")
    secret = f"{prefix}_{token_urlsafe(SECRET_BYTES)}"
    key = ApiKey(
        id=key_id,
        user_id=principal.user_id,
        name=check_name(request.name),
        role=request.role,
        prefix=prefix,
        secret_hash=hash_of(secret),
        expires_at=utc_now() + timedelta(days=days) if days is not None else None,
    )
    return key, secret


def _require_role(own: Role, wanted: Role) -> None:
    if lower(own, wanted) is not wanted:
        message = f"A key can do no more than you: your role is {own}, and {wanted} is a higher one."
        raise UserFault("FORBIDDEN", message, ("role",))


async def _require_room(session: AsyncSession, user_id: str) -> None:
    statement = select(func.count()).select_from(ApiKey).where(col(ApiKey.user_id) == user_id)
    if (await session.scalars(statement)).one() >= MAX_KEYS:
        message = f"You have {MAX_KEYS} API keys, as many as there may be; revoke some that are not used."
        raise UserFault("LIMIT_REACHED", message)


def _visible(principal: Principal) -> list[ColumnElement[bool]]:
    """Match one's own keys, or all as an ADMIN."""
    is_administrator = refusal(principal, Role.ADMIN) is None
    return [] if is_administrator else [col(ApiKey.user_id) == principal.user_id]
