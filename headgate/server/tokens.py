"""Signed tokens (JWT) of every kind: each kind has signing keys, an audience and a type of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jwt

from headgate.domain.keyring import KeyRing
from headgate.errors import Unauthenticated

ALGORITHM = "HS256"
ISSUER = "headgate"
REQUIRED_CLAIMS = ["exp", "iat", "sub", "aud", "iss", "jti"]


@dataclass(frozen=True, slots=True)
class TokenKind:
    """What tells tokens of one kind from all others; `purpose` is what their keys are derived for."""

    purpose: bytes
    audience: str
    type: str


def sign(
    keys: KeyRing, kind: TokenKind, user_id: str, valid_for: timedelta, **claims: Any
) -> tuple[str, datetime]:
    """Sign a token about a user with the current key; answers it and when it expires (UTC, whole seconds).

    It says to the microsecond when it was signed: what is to end all tokens of before must spare those of after.
    """
    now = datetime.now(UTC)
    expires_at = (now.replace(microsecond=0) + valid_for).replace(microsecond=0)
    said = {
        **claims,
        "sub": user_id,
        "iat": now.timestamp(),
        "exp": expires_at,
        "iss": ISSUER,
        "aud": kind.audience,
        "jti": uuid4().hex,
        "typ": kind.type,
    }
    key = keys.current
    return jwt.encode(said, key.derive(kind.purpose), ALGORITHM, headers={"kid": key.id}), expires_at


def verify(keys: KeyRing, kind: TokenKind, token: str) -> Mapping[str, Any]:
    """Read the claims of a token of this kind that one of the keys signed: the one that its header names.

    Raises Unauthenticated for any other token and for one that has expired.
    """
    try:
        key = keys.find(jwt.get_unverified_header(token).get("kid"))
        if key is None:
            raise jwt.InvalidKeyError("no key of the ring")
        claims: dict[str, Any] = jwt.decode(
            token,
            key.derive(kind.purpose),
            algorithms=[ALGORITHM],
            audience=kind.audience,
            issuer=ISSUER,
            options={"require": REQUIRED_CLAIMS, "strict_aud": True},
        )
    except (jwt.PyJWTError, ValueError, OverflowError) as error:
        raise Unauthenticated from error
    if claims.get("typ") != kind.type:
        raise Unauthenticated
    return claims


def moment_of_issue(claims: Mapping[str, Any]) -> datetime:
    """The moment (UTC) when a token with these claims was signed; raises Unauthenticated where that is no number."""
    try:
        return datetime.fromtimestamp(claims["iat"], UTC)
    except (TypeError, ValueError, OverflowError) as error:
        raise Unauthenticated from error


def expiry_of(claims: Mapping[str, Any]) -> datetime:
    """The moment (UTC) when a token with these claims expires."""
    return datetime.fromtimestamp(claims["exp"], UTC)
