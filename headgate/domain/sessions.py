"""Signing in with a password, and staying so: sessions, whose refresh tokens are each good once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn, cast

import structlog
from sqlalchemy import ColumnElement, CursorResult, Update, delete, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain import audit
from headgate.domain.audit import Claimant
from headgate.domain.doorkeeper import ACCESS_TOPIC
from headgate.domain.emails import normal_email
from headgate.domain.permissions import Principal
from headgate.domain.ports import RefreshClaims
from headgate.domain.queries import is_one_of
from headgate.domain.services import Services
from headgate.domain.throttle import begin_attempt
from headgate.errors import Unauthenticated, UserFault
from headgate.storage.ids import new_id
from headgate.storage.tables import Session, User, utc_now

WRONG_LOGIN = "The address or the password is wrong, or this user may not sign in."
WRONG_REFRESH_TOKEN = "This refresh token is not valid, or not any more. Sign in again."  # noqa: S105, words
NOBODY = Claimant("unknown")
"""Whoever gave an address that no user has. It isn't kept: people type their password where the address goes."""
FORGOTTEN_AT_ONCE = 1_000

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What somebody has who signed in; `expires_at` (UTC) is the end of the access token."""

    user: User
    access_token: str
    expires_at: datetime
    refresh_token: str


@dataclass(frozen=True, slots=True)
class Proof:
    """The hash that a password was found to match, and the one to keep from now on."""

    kept: str = field(repr=False)
    renewed: str = field(repr=False)


async def login(services: Services, email: str, password: str, address: str | None) -> SignedIn:
    """Begin a session for whoever knows the password of an account; `address` is where they come from.

    Raises UserFault: UNAUTHENTICATED, in the same words and after as long whatever is wrong; RATE_LIMITED.
    """
    account = normal_email(email)
    attempt = await begin_attempt(services, account, address)
    user = await _find(services, account)
    proof = await attempt.judged(_prove(services, user, password))
    begun = await _begin(services, user.id, proof, address) if user and proof else None
    if begun is None:
        await _note_refusal(services, Claimant(user.email, user.id) if user else NOBODY, address)
        raise UserFault("UNAUTHENTICATED", WRONG_LOGIN)
    await attempt.take_back()
    return _signed_in(services, *begun)


async def refresh(services: Services, token: str) -> SignedIn:
    """Take a refresh token for new tokens of its session, which lasts from now on as long as a new one.

    It is good once: whoever comes with it again ends the session. Of several at once one succeeds, and the others are
    such. Raises UserFault (UNAUTHENTICATED).
    """
    claims = _read(services, token)
    async with services.database.transaction() as session:
        values = {"generation": claims.generation + 1, "expires_at": utc_now() + services.tokens.refresh_for}
        user = None
        if is_refreshed := await _changes(session, _present(claims).values(values)):
            user = await _active(session, claims.user_id)
        is_reused = not is_refreshed and await _end_where_reused(session, claims)
    if is_reused:
        _tell_of_reuse(services, claims)
    if user is None:
        _refuse_token()
    return _signed_in(services, user, RefreshClaims(user.id, claims.session_id, claims.generation + 1))


async def logout(services: Services, token: str) -> str:
    """End the session of a refresh token, with all of its tokens; answers the session's id.

    A token that was used before ends it too, as in `refresh`. Raises UserFault (UNAUTHENTICATED).
    """
    claims = _read(services, token)
    async with services.database.transaction() as session:
        is_ended = await _changes(session, _present(claims).values(revoked_at=utc_now()))
        if is_ended:
            audit.record(session, await _actor(session, claims), "logout", claims.session_id)
        is_reused = not is_ended and await _end_where_reused(session, claims)
    if is_reused:
        _tell_of_reuse(services, claims)
    if not is_ended:
        _refuse_token()
    services.signals.notify(ACCESS_TOPIC)
    return claims.session_id


async def end_sessions(session: AsyncSession, user_id: str, *, but: str | None = None) -> None:
    """End all sessions of a user, in the transaction in which they lose access; but one, where it is named."""
    ended = update(Session).where(col(Session.user_id) == user_id, col(Session.revoked_at).is_(None))
    if but is not None:
        ended = ended.where(col(Session.id) != but)
    await session.execute(ended.values(revoked_at=utc_now()))


async def locked(session: AsyncSession, user_id: str) -> User | None:
    """The user of this id, whom nobody else changes meanwhile; None where they are not active."""
    statement = select(User).where(col(User.id) == user_id, col(User.active)).with_for_update(key_share=True)
    return (await session.scalars(statement)).first()


async def forget_sessions(services: Services) -> int:
    """Remove sessions whose time is over; answers how many."""
    forgotten = 0
    while session_ids := await _over(services):
        async with services.database.transaction() as session:
            await session.execute(delete(Session).where(col(Session.id).in_(session_ids)))
        forgotten += len(session_ids)
    return forgotten


async def _over(services: Services) -> Sequence[str]:
    statement = select(Session.id).where(col(Session.expires_at) < utc_now()).limit(FORGOTTEN_AT_ONCE)
    async with services.database.read() as session:
        return (await session.scalars(statement)).all()


async def _find(services: Services, account: str) -> User | None:
    async with services.database.read() as session:
        return (await session.scalars(select(User).where(is_one_of(User.email, [account])))).first()


async def _prove(services: Services, user: User | None, password: str) -> Proof | None:
    """Tell whether this is a user's password, after as long where there is none. Raises UserFault (RATE_LIMITED)."""
    kept = user.password_hash if user is not None and user.active else None
    if not await services.passwords.matches(password, kept) or kept is None:
        return None
    is_outdated = services.passwords.is_outdated(kept)
    return Proof(kept, await services.passwords.hash(password) if is_outdated else kept)


async def _begin(
    services: Services, user_id: str, proof: Proof, address: str | None
) -> tuple[User, RefreshClaims] | None:
    """Begin a session of a user who is active and whose password still is that one; None for any other."""
    async with services.database.transaction() as session:
        user = await locked(session, user_id)
        if user is None or user.password_hash != proof.kept:
            return None
        user.password_hash = proof.renewed
        expires_at = utc_now() + services.tokens.refresh_for
        begun = Session(id=new_id("session"), user_id=user.id, expires_at=expires_at)
        session.add(begun)
        actor = Principal(user.id, user.role, expires_at, user.email, begun.id)
        audit.record(session, actor, "login", begun.id, {"address": address})
    return user, RefreshClaims(user_id, begun.id, begun.generation)


async def _note_refusal(services: Services, claimant: Claimant, address: str | None) -> None:
    async with services.database.transaction() as session:
        audit.record(session, claimant, "loginRefused", details={"address": address})


def _signed_in(services: Services, user: User, claims: RefreshClaims) -> SignedIn:
    access_token, expires_at = services.tokens.access(user.id, user.role, claims.session_id)
    return SignedIn(user, access_token, expires_at, services.tokens.refresh(claims))


def _read(services: Services, token: str) -> RefreshClaims:
    try:
        return services.tokens.read_refresh(token)
    except Unauthenticated:
        _refuse_token()


def _present(claims: RefreshClaims) -> Update:
    """Change the session of a refresh token, if it lasts and the token is its newest one."""
    lasts = (col(Session.revoked_at).is_(None), col(Session.expires_at) > utc_now())
    return update(Session).where(_is_of(claims), col(Session.generation) == claims.generation, *lasts)


async def _end_where_reused(session: AsyncSession, claims: RefreshClaims) -> bool:
    """End a session whose token is not its newest one: two have come by it, and one of them is a thief."""
    reused = update(Session).where(
        _is_of(claims), col(Session.generation) > claims.generation, col(Session.revoked_at).is_(None)
    )
    if not await _changes(session, reused.values(revoked_at=utc_now())):
        return False
    audit.record(session, await _actor(session, claims), "refreshTokenReused", claims.session_id)
    return True


def _tell_of_reuse(services: Services, claims: RefreshClaims) -> None:
    logger.warning("session.refresh_token_reused", user_id=claims.user_id, session_id=claims.session_id)
    services.signals.notify(ACCESS_TOPIC)


def _is_of(claims: RefreshClaims) -> ColumnElement[bool]:
    return (col(Session.id) == claims.session_id) & (col(Session.user_id) == claims.user_id)


async def _changes(session: AsyncSession, change: Update) -> bool:
    return cast(CursorResult[object], await session.execute(change)).rowcount == 1


async def _active(session: AsyncSession, user_id: str) -> User | None:
    return (await session.scalars(select(User).where(col(User.id) == user_id, col(User.active)))).first()


async def _actor(session: AsyncSession, claims: RefreshClaims) -> Claimant:
    user = await session.get_one(User, claims.user_id)
    return Claimant(user.email, user.id)


def _refuse_token() -> NoReturn:
    raise UserFault("UNAUTHENTICATED", WRONG_REFRESH_TOKEN)
