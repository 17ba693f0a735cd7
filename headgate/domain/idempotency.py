"""Keys by which a caller may send a request again without starting its work twice."""

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

import orjson
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from headgate.domain.ids import is_storable
from headgate.domain.permissions import Principal
from headgate.domain.services import Services
from headgate.errors import UserFault
from headgate.storage.tables import IdempotencyKey

MAX_KEY_LENGTH = 200
PATH = ("idempotencyKey",)


@dataclass(frozen=True, slots=True)
class Token:
    """A caller's key with the fingerprint of what they ask under it."""

    user_id: str
    key: str
    fingerprint: str


def token_of(principal: Principal, key: str | None, operation: str, request: object) -> Token | None:
    """Make the token of a request, a dataclass or any JSON; None where the caller gave no key.

    Raises UserFault (INVALID_ARGUMENT) for a key that is empty or longer than 200 characters.
    """
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_LENGTH or not is_storable(key):
        raise UserFault("INVALID_ARGUMENT", f"An idempotencyKey has 1 to {MAX_KEY_LENGTH} characters.", PATH)
    asked = _canonical([operation, request])
    return Token(principal.user_id, key, hashlib.sha256(asked).hexdigest())


def _canonical(asked: object) -> bytes:
    try:
        return orjson.dumps(asked, default=str, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        # Requests that are going to be refused may hold what it cannot encode, such as numbers beyond 64 bits.
        return json.dumps(asked, default=_plain, sort_keys=True).encode()


def _plain(value: Any) -> object:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else str(value)


async def earlier(services: Services, token: Token | None) -> str | None:
    """Answer the id of what was started under this key; None where nothing was.

    Raises UserFault (IDEMPOTENCY_MISMATCH) where that was another request.
    """
    if token is None:
        return None
    async with services.database.read() as session:
        known = await session.get(IdempotencyKey, (token.user_id, token.key))
    if known is None:
        return None
    if known.fingerprint != token.fingerprint:
        raise mismatch()
    return known.subject_id


def mismatch() -> UserFault:
    """Refuse a request whose key stands for another one."""
    message = "This key was used for another request: send the same one again, or take a new key."
    return UserFault("IDEMPOTENCY_MISMATCH", message, PATH)


async def start_once(
    services: Services,
    token: Token | None,
    subject_id: str,
    start: Callable[[AsyncSession], Awaitable[Any]],
) -> str | None:
    """Keep the key and start the work in one transaction, for who has looked for what was started `earlier`.

    Of several requests with one key at the same time one starts the work, and the others get its id answered.
    Raises what `start` raises, and UserFault (IDEMPOTENCY_MISMATCH).
    """
    try:
        async with services.database.transaction() as session:
            if token is not None:
                await _keep(session, token, subject_id)
            await start(session)
    except IntegrityError:
        if (known := await earlier(services, token)) is None:
            raise
        return known
    return None


async def _keep(session: AsyncSession, token: Token, subject_id: str) -> None:
    session.add(
        IdempotencyKey(
            user_id=token.user_id, key=token.key, fingerprint=token.fingerprint, subject_id=subject_id
        )
    )
    # Whoever came first with this key is waited for here, before anything else is written.
    await session.flush()
