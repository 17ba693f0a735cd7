"""Changing a password, which ends what may have been stolen with the old one."""

from sqlalchemy.ext.asyncio import AsyncSession

from headgate.domain import audit, sessions
from headgate.domain.audit import Actor
from headgate.domain.doorkeeper import ACCESS_TOPIC
from headgate.domain.passwords import check_password
from headgate.domain.permissions import Principal, require, require_no_key
from headgate.domain.queries import by_id
from headgate.domain.services import AccessServices, Services
from headgate.domain.throttle import begin_attempt
from headgate.errors import UserFault
from headgate.storage.tables import Role, User, utc_now

ACTION = "changePassword"


async def change(
    services: Services, principal: Principal, current: str, new: str, address: str | None
) -> User:
    """Change one's own password. All tokens of before end, and all sessions but the present one: that is refreshed.

    Raises UserFault: FORBIDDEN (with an API key, or where there is no password yet), UNAUTHENTICATED for a wrong
    present one, INVALID_PASSWORD, RATE_LIMITED.
    """
    require(principal, Role.VIEWER)
    require_no_key(principal, "change passwords")
    user = await by_id(services.database, User, principal.user_id)
    if user is None or user.password_hash is None:
        message = "You have no password yet. Have one set on the server: headgate users password <address>."
        raise UserFault("FORBIDDEN", message, ("current",))
    check_password(new, user.email, ("new",))
    await _require_current(services, user, current, address)
    hashed = await services.passwords.hash(new)
    async with services.database.transaction() as session:
        present = await sessions.locked(session, user.id)
        if present is None or present.password_hash != user.password_hash:
            raise _wrong()
        await _keep(session, present, hashed, principal, but=principal.session_id)
    services.signals.notify(ACCESS_TOPIC)
    return present


async def put(services: AccessServices, actor: Actor, user: User, new: str) -> None:
    """Give a user another password from outside; all their sessions and tokens end.

    Raises UserFault: INVALID_PASSWORD, NOT_FOUND.
    """
    check_password(new, user.email, ("new",))
    hashed = await services.passwords.hash(new)
    async with services.database.transaction() as session:
        present = await session.get(User, user.id, with_for_update={"key_share": True})
        if present is None or present.deleted_at is not None:
            raise UserFault("NOT_FOUND", f"There is no user {user.email}.", ("email",))
        await _keep(session, present, hashed, actor)
    services.signals.notify(ACCESS_TOPIC)


async def _keep(
    session: AsyncSession, user: User, hashed: str, actor: Actor, *, but: str | None = None
) -> None:
    user.password_hash, user.tokens_from = hashed, utc_now()
    await sessions.end_sessions(session, user.id, but=but)
    audit.record(session, actor, ACTION, user.id)


async def _require_current(services: Services, user: User, current: str, address: str | None) -> None:
    """Raise UserFault unless this is the password: guesses count as those of signing in do."""
    attempt = await begin_attempt(services, user.email, address)
    if not await attempt.judged(services.passwords.matches(current, user.password_hash)):
        raise _wrong()
    await attempt.take_back()


def _wrong() -> UserFault:
    return UserFault("UNAUTHENTICATED", "The present password is wrong.", ("current",))
