"""Access and refresh tokens: signed statements of who asks, valid until they expire."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from headgate.domain.doorkeeper import SECRET_START, Doorkeeper
from headgate.domain.keyring import KeyRing
from headgate.domain.permissions import Principal
from headgate.domain.ports import RefreshClaims
from headgate.domain.remembering import Recent
from headgate.errors import Unauthenticated
from headgate.server.tokens import TokenKind, expiry_of, moment_of_issue, sign, verify
from headgate.storage.tables import Role, utc_now

ACCESS = TokenKind(b"headgate: access tokens", "headgate", "access")
REFRESH = TokenKind(b"headgate: refresh tokens", "headgate-refresh", "refresh")
SCHEME = "bearer"
MAX_VERIFIED = 5_000
"""So many verified tokens are remembered; each takes about a kilobyte."""

Authenticate = Callable[[str], Awaitable[Principal | None]]
"""Tells who a token stands for; None, or Unauthenticated, where it is not valid or its user may not enter."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a valid access token says; moments are in UTC. One of a session names it."""

    user_id: str
    role: Role
    expires_at: datetime
    issued_at: datetime
    session_id: str | None = None


class SignedTokens:
    """Signs and reads the tokens of sessions with the keys of a ring."""

    def __init__(self, keys: KeyRing, *, token_hours: float, refresh_days: float) -> None:
        self._keys = keys
        self._token_hours = token_hours
        self.refresh_for = timedelta(days=refresh_days)

    def access(self, user_id: str, role: Role, session_id: str) -> tuple[str, datetime]:
        """Sign an access token of a session; answers it and when it expires (UTC)."""
        return issue_token(self._keys, user_id, role, self._token_hours, session_id)

    def refresh(self, claims: RefreshClaims) -> str:
        """Sign a refresh token, which is valid for `refresh_for`."""
        said = {"sid": claims.session_id, "gen": claims.generation}
        return sign(self._keys, REFRESH, claims.user_id, self.refresh_for, **said)[0]

    def read_refresh(self, token: str) -> RefreshClaims:
        """Read a refresh token; raises Unauthenticated for any other, and one that has expired."""
        claims = verify(self._keys, REFRESH, token)
        session_id, generation = claims.get("sid"), claims.get("gen")
        if not isinstance(session_id, str) or not isinstance(generation, int):
            raise Unauthenticated
        return RefreshClaims(claims["sub"], session_id, generation)


def issue_token(
    keys: KeyRing, user_id: str, role: Role, hours: float, session_id: str | None = None
) -> tuple[str, datetime]:
    """Sign a token for a user; answers it and the moment (UTC, whole seconds) when it expires."""
    said: dict[str, Any] = {"role": role.value} | ({} if session_id is None else {"sid": session_id})
    return sign(keys, ACCESS, user_id, timedelta(hours=hours), **said)


def verify_token(keys: KeyRing, token: str) -> Claims:
    """Read a token that `issue_token` signed with a key of this ring.

    Raises Unauthenticated for any other token and for one that has expired.
    """
    claims = verify(keys, ACCESS, token)
    session_id = claims.get("sid")
    if session_id is not None and not isinstance(session_id, str):
        raise Unauthenticated
    try:
        role, expires_at = Role(claims.get("role", "")), expiry_of(claims)
    except (ValueError, OverflowError) as error:
        raise Unauthenticated from error
    return Claims(claims["sub"], role, expires_at, moment_of_issue(claims), session_id)


class VerifiedTokens:
    """Reads access tokens, and remembers what it verified: to do that takes as long as all else of a small request.

    A remembered token still has to be within its time, and the keys have to be those that verified it.
    """

    def __init__(self, keys: KeyRing, now: Callable[[], datetime] = utc_now) -> None:
        self._keys = keys
        self._now = now
        self._ring = keys.all
        self._known: Recent[str, Claims] = Recent(MAX_VERIFIED)

    def read(self, token: str) -> Claims:
        """Read a token; raises Unauthenticated as `verify_token` does."""
        if (ring := self._keys.all) != self._ring:
            self._ring = ring
            self._known.clear()
        claims = self._known.pop(token, None) or verify_token(self._keys, token)
        if claims.expires_at <= self._now():
            raise Unauthenticated
        self._known[token] = claims
        return claims


def authenticator(keys: KeyRing, doorkeeper: Doorkeeper) -> Authenticate:
    """Make what knows callers by their access tokens and API keys."""
    tokens = VerifiedTokens(keys)

    async def authenticate(token: str) -> Principal | None:
        if token.startswith(SECRET_START):
            return await doorkeeper.admit_key(token)
        try:
            said = tokens.read(token)
        except Unauthenticated:
            return None
        return await doorkeeper.admit(
            said.user_id, said.role, said.expires_at, issued_at=said.issued_at, session_id=said.session_id
        )

    return authenticate


def bearer_token(authorization: object) -> str | None:
    """Take the token out of `Bearer <token>`; None for anything else."""
    if not isinstance(authorization, str):
        return None
    scheme, _, token = authorization.strip().partition(" ")
    return token.strip() or None if scheme.lower() == SCHEME else None
