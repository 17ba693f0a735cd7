"""Access tokens: signed statements of who asks, valid until they expire."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from headgate.domain.keyring import KeyRing
from headgate.domain.permissions import Principal
from headgate.errors import Unauthenticated
from headgate.server.tokens import TokenKind, expiry_of, sign, verify
from headgate.storage.tables import Role

ACCESS = TokenKind(b"headgate: access tokens", "headgate", "access")
SCHEME = "bearer"

Authenticate = Callable[[str], Awaitable[Principal | None]]
"""Tells who a token stands for; None, or Unauthenticated, where it is not valid or its user may not enter."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid token says; `expires_at` is in UTC."""

    user_id: str
    role: Role
    expires_at: datetime


def issue_token(keys: KeyRing, user_id: str, role: Role, hours: float) -> tuple[str, datetime]:
    """Sign a token for a user; answers it and the moment (UTC, whole seconds) when it expires."""
    return sign(keys, ACCESS, user_id, timedelta(hours=hours), role=role.value)


def verify_token(keys: KeyRing, token: str) -> Claims:
    """Read a token that `issue_token` signed with a key of this ring.

    Raises Unauthenticated for any other token and for one that has expired.
    """
    claims = verify(keys, ACCESS, token)
    try:
        role = Role(claims.get("role", ""))
        return Claims(claims["sub"], role, expiry_of(claims))
    except (ValueError, OverflowError) as error:
        raise Unauthenticated from error


def bearer_token(authorization: object) -> str | None:
    """Take the token out of `Bearer <token>`; None for anything else."""
    if not isinstance(authorization, str):
        return None
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() or None if scheme.lower() == SCHEME else None
