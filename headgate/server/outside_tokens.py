"""Access tokens of an outside issuer (OpenID Connect): verified with its public keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jwt
import structlog

from headgate.domain.emails import check_email
from headgate.domain.ids import is_storable
from headgate.domain.outside_users import OutsideIdentity, OutsideUsers
from headgate.domain.permissions import RANKS, Principal
from headgate.errors import Unauthenticated, UserFault
from headgate.server.auth import Authenticate
from headgate.server.jwks import IssuerKeys
from headgate.server.tokens import expiry_of, moment_of_issue
from headgate.storage.tables import Role

REQUIRED_CLAIMS = ["exp", "iat", "sub", "aud", "iss"]
LEEWAY_S = 30
"""So far may the issuer's clock be ahead of ours, or behind."""
MAX_SUBJECT_CHARACTERS = 255

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OutsideIssuer:
    """Whose tokens are taken: `name` is their `iss`, `audience` their `aud`; `role_claim` names the role."""

    name: str
    audience: str
    role_claim: str
    keys_url: str | None = None


class OutsideTokens:
    """Verifies the tokens of one issuer."""

    def __init__(self, issuer: OutsideIssuer) -> None:
        self._issuer = issuer
        self._keys = IssuerKeys(issuer.name, issuer.keys_url)

    def claims(self, token: str) -> bool:
        """Tell whether a token says that it is of this issuer, which still has to be verified."""
        try:
            said = jwt.decode(token, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError):
            return False
        return bool(said.get("iss") == self._issuer.name)

    async def verify(self, token: str) -> OutsideIdentity:
        """Read a token. Raises Unauthenticated where it isn't valid, or names no role."""
        try:
            # What else the header says, such as where keys were to be had, is not looked at.
            key = await self._keys.find(jwt.get_unverified_header(token).get("kid"))
            if key is None:
                raise Unauthenticated
            claims = jwt.decode(
                token,
                key.key,
                algorithms=[key.algorithm],
                audience=self._issuer.audience,
                issuer=self._issuer.name,
                leeway=LEEWAY_S,
                options={"require": REQUIRED_CLAIMS},
            )
            return self._identity(claims)
        except (jwt.PyJWTError, ValueError, OverflowError, TypeError) as error:
            raise Unauthenticated from error

    def _identity(self, claims: Mapping[str, Any]) -> OutsideIdentity:
        subject = claims["sub"]
        if not 0 < len(subject) <= MAX_SUBJECT_CHARACTERS or not is_storable(subject):
            raise Unauthenticated
        role = highest_role(claims.get(self._issuer.role_claim))
        if role is None:
            logger.warning("outside.no_role", issuer=self._issuer.name, claim=self._issuer.role_claim)
            raise Unauthenticated
        return OutsideIdentity(
            self._issuer.name,
            subject,
            role,
            _email(claims),
            issued_at=moment_of_issue(claims),
            expires_at=expiry_of(claims),
        )


def taking_outside_tokens(
    tokens: OutsideTokens, users: OutsideUsers, authenticate: Authenticate
) -> Authenticate:
    """Make what knows the users of an outside issuer, beside those whom `authenticate` knows."""

    async def known(token: str) -> Principal | None:
        if not tokens.claims(token):
            return await authenticate(token)
        return await users.admit(await tokens.verify(token))

    return known


def highest_role(said: object) -> Role | None:
    """The role that a claim names, alone or in a list; of several the one that may do most, None for none."""
    names = said if isinstance(said, list) else [said]
    known = [role for role in Role if role.value in names]
    return max(known, key=RANKS.__getitem__, default=None)


def _email(claims: Mapping[str, Any]) -> str | None:
    email = claims.get("email")
    if not isinstance(email, str) or claims.get("email_verified", True) is not True:
        return None
    try:
        return check_email(email, ())
    except UserFault:
        return None
