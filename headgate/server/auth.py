"""Access tokens: signed statements of who asks, valid until they expire."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt

from headgate.domain.permissions import Principal
from headgate.errors import Unauthenticated
from headgate.storage.tables import Role

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "headgate"
TOKEN_TYPE = "access"  # noqa: S105, a kind and no secret
REQUIRED_CLAIMS = ["exp", "iat", "sub", "aud", "iss", "jti"]
MIN_KEY_BYTES = 32
SCHEME = "bearer"

Authenticate = Callable[[str], Awaitable[Principal | None]]
"""Tells who a token stands for; None, or Unauthenticated, where it is not valid or its user may not enter."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says; `expires_at` is in UTC."""

    user_id: str
    role: Role
    expires_at: datetime


def issue_token(secret: str, user_id: str, role: Role, hours: float) -> tuple[str, datetime]:
    """Sign a token for a user; answers it and the moment (UTC, whole seconds) when it expires.

    Raises ValueError for a secret under 32 bytes.
    """
    now = datetime.now(UTC).replace(microsecond=0)
    expires_at = (now + timedelta(hours=hours)).replace(microsecond=0)
    claims = {
        "sub": user_id,
        "role": role.value,
        "iat": now,
        "exp": expires_at,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "jti": uuid4().hex,
        "typ": TOKEN_TYPE,
    }
    return jwt.encode(claims, signing_key(secret), algorithm=ALGORITHM), expires_at


def verify_token(secret: str, token: str) -> Claims:
    """Read a token that `issue_token` signed with the same secret.

    Raises Unauthenticated for any other token and for one that has expired; ValueError for a
    secret under 32 bytes.
    """
    key = signing_key(secret)
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            options={"require": REQUIRED_CLAIMS, "strict_aud": True},
        )
        return _claims(claims)
    except (jwt.InvalidTokenError, ValueError, OverflowError) as error:
        raise Unauthenticated() from error


def bearer_token(authorization: object) -> str | None:
    """Take the token out of `Bearer <token>`; None for anything else."""
    if not isinstance(authorization, str):
        return None
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() or None if scheme.lower() == SCHEME else None


def _claims(claims: dict[str, Any]) -> Claims:
    if claims.get("typ") != TOKEN_TYPE:
        raise jwt.InvalidTokenError("not an access token")
    return Claims(
        user_id=claims["sub"],
        role=Role(claims.get("role", "")),
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
    )


def signing_key(secret: str) -> bytes:
    """Make the key of a secret; raises ValueError for one under 32 bytes."""
    key = secret.encode()
    if len(key) < MIN_KEY_BYTES:
        raise ValueError(f"The secret key has {len(key)} bytes; it needs at least {MIN_KEY_BYTES}.")
    return key
