"""Signed links: what may be downloaded without a header, as browsers do, for a short while."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import jwt

from headgate.errors import Unauthenticated, UserFault
from headgate.server.auth import ALGORITHM, ISSUER, REQUIRED_CLAIMS, signing_key

AUDIENCE = "headgate-download"
TOKEN_TYPE = "download"  # noqa: S105, a kind and no secret
VALID_FOR = timedelta(minutes=15)
MAX_CHARACTERS = 4000
"""Servers on the way refuse requests whose first line is much longer."""
INVALID = "This link is not valid, or not any more. Ask for a new one."


@dataclass(frozen=True, slots=True)
class LinkClaims:
    """What a valid link says: whose it is, until when (UTC), and what it leads to."""

    user_id: str
    expires_at: datetime
    said: Mapping[str, Any]


class SignedLinks:
    """Makes and reads links whose token is good for one path. Raises ValueError for a secret under 32 bytes."""

    def __init__(self, secret: str) -> None:
        self._key = signing_key(secret)

    def make(self, user_id: str, path: str, said: Mapping[str, Any]) -> str:
        """Make a link, valid for 15 minutes; raises UserFault (INVALID_ARGUMENT) where it would be too long."""
        now = datetime.now(UTC)
        claims = {
            "sub": user_id,
            "iat": now,
            "exp": now + VALID_FOR,
            "iss": ISSUER,
            "aud": AUDIENCE,
            "jti": uuid4().hex,
            "typ": TOKEN_TYPE,
            "path": path,
            "said": said,
        }
        token = jwt.encode(claims, self._key, algorithm=ALGORITHM)
        link = f"{path}?{urlencode({'token': token})}"
        if len(link) > MAX_CHARACTERS:
            raise UserFault("INVALID_ARGUMENT", "This filter is too long to be put into a link.", ("filter",))
        return link

    def read(self, token: str, path: str) -> LinkClaims:
        """Read the token of a link to this path; raises Unauthenticated for any other, and one that has expired."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": REQUIRED_CLAIMS, "strict_aud": True},
            )
        except (jwt.InvalidTokenError, ValueError, OverflowError) as error:
            raise Unauthenticated(message=INVALID) from error
        if claims.get("typ") != TOKEN_TYPE or claims.get("path") != path:
            raise Unauthenticated(message=INVALID)
        return LinkClaims(claims["sub"], datetime.fromtimestamp(claims["exp"], UTC), claims["said"])
