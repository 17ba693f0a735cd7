"""Users: who may enter, and what they may do."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col, select

from headgate.domain import audit, sessions
from headgate.domain.audit import Actor
from headgate.domain.doorkeeper import ACCESS_TOPIC
from headgate.domain.emails import check_email
from headgate.domain.ids import require_id
from headgate.domain.names import check_name
from headgate.domain.pages import Keyset, Page, read_page
from headgate.domain.passwords import check_password
from headgate.domain.permissions import Principal, require
from headgate.domain.queries import by_ids, count_rows
from headgate.domain.services import AccessServices, Services
from headgate.errors import UserFault
from headgate.storage.database import Database
from headgate.storage.ids import new_id
from headgate.storage.tables import ApiKey, Role, User, utc_now

ADMINISTRATOR_EMAIL = "admin@localhost"


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user as somebody adds them."""

    email: str
    role: Role
    name: str | None = None
    password: str = field(repr=False, kw_only=True)


@dataclass(frozen=True, slots=True)
class UserChange:
    """What is to change of a user; None leaves it as it is, and an empty name takes the name away."""

    name: str | None = None
    role: Role | None = None
    active: bool | None = None


async def ensure_administrator(database: Database) -> User:
    """Find an active administrator, the oldest one; make one where there is none.

    Several processes may call this at once: all get the same one.
    """
    if (found := await _administrator(database)) is not None:
        return found
    made = User(id=new_id("user"), email=ADMINISTRATOR_EMAIL, name="Administrator", role=Role.ADMIN)
    try:
        async with database.transaction() as session:
            session.add(made)
    except IntegrityError:
        # Another process was faster; the address can belong to no one else.
        if (found := await _administrator(database)) is None:
            raise
        return found
    return made


async def get(services: Services, user_id: str) -> User | None:
    """Find a user by id; None for one who was deleted."""
    return (await get_many(services, [user_id])).get(user_id)


async def get_many(services: Services, user_ids: Collection[str]) -> dict[str, User]:
    """Find users by id, in one query; unknown ids, and those of deleted users, are left out."""
    found = await by_ids(services.database, User, user_ids)
    return {user.id: user for user in found.values() if user.deleted_at is None}


async def page(services: AccessServices, first: int, after: str | None) -> Page[User]:
    """List users, newest first; raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR)."""
    keyset: Keyset[User] = Keyset.by_id(User.id, "user")
    return await read_page(
        services.database, select(User).where(_is_there()), keyset, first=first, after=after
    )


async def total(services: AccessServices) -> int:
    """Count all users."""
    return await count_rows(services.database, User, [_is_there()])


async def find(services: AccessServices, email: str) -> User:
    """Find a user by their address; raises UserFault: INVALID_EMAIL, NOT_FOUND."""
    account = check_email(email, ("email",))
    async with services.database.read() as session:
        found = (await session.scalars(select(User).where(col(User.email) == account))).first()
    if found is None:
        raise UserFault("NOT_FOUND", f"There is no user {account}.", ("email",))
    return found


async def create(services: AccessServices, actor: Actor, new: NewUser) -> User:
    """Add a user.

    Raises UserFault: FORBIDDEN, INVALID_EMAIL, INVALID_NAME, INVALID_PASSWORD, ALREADY_EXISTS, RATE_LIMITED.
    """
    _require_administrator(actor)
    email = check_email(new.email, ("email",))
    check_password(new.password, email, ("password",))
    made = User(id=new_id("user"), email=email, name=_name(new.name), role=new.role)
    made.password_hash = await services.passwords.hash(new.password)
    try:
        async with services.database.transaction() as session:
            session.add(made)
            await session.flush()
            audit.record(session, actor, "createUser", made.id, {"email": email, "role": made.role})
    except IntegrityError as error:
        raise UserFault("ALREADY_EXISTS", f"There is a user {email} already.", ("email",)) from error
    return made


async def update(services: AccessServices, actor: Actor, user_id: str, change: UserChange) -> User:
    """Change a user; who is deactivated is signed out everywhere, and no token of before is ever valid again.

    Raises UserFault: FORBIDDEN, INVALID_ID, NOT_FOUND, INVALID_NAME, LAST_ADMINISTRATOR.
    """
    _require_administrator(actor)
    require_id(user_id, "user")
    values: dict[str, Any] = {"role": change.role, "active": change.active}
    changed = {name: value for name, value in values.items() if value is not None}
    if change.name is not None:
        changed["name"] = _name(change.name)
    async with services.database.transaction() as session:
        user, others = await _with_other_administrators(session, user_id)
        stays = changed.get("role", user.role) is Role.ADMIN and changed.get("active", user.active)
        if not stays:
            _require_another(user, others)
        details = {name: value for name, value in changed.items() if value != getattr(user, name)}
        for name, value in details.items():
            setattr(user, name, value)
        if not user.active:
            # Tokens that no session stands behind would else be valid again once the user is.
            user.tokens_from = utc_now()
            await sessions.end_sessions(session, user_id)
        audit.record(session, actor, "updateUser", user_id, details)
    services.signals.notify(ACCESS_TOPIC)
    return user


async def delete_user(services: AccessServices, actor: Actor, user_id: str) -> str:
    """Delete a user with their sessions and API keys; answers the id, which nobody else ever gets.

    Raises UserFault: FORBIDDEN, INVALID_ID, NOT_FOUND, LAST_ADMINISTRATOR.
    """
    _require_administrator(actor)
    require_id(user_id, "user")
    async with services.database.transaction() as session:
        user, others = await _with_other_administrators(session, user_id)
        _require_another(user, others)
        audit.record(session, actor, "deleteUser", user_id, {"email": user.email})
        _bury(user)
        await sessions.end_sessions(session, user_id)
        await session.execute(delete(ApiKey).where(col(ApiKey.user_id) == user_id))
    services.signals.notify(ACCESS_TOPIC)
    return user_id


def _bury(user: User) -> None:
    """Let nothing be left of a user but the id, which what they did refers to, and what an outside issuer calls them.

    Were that gone too, the next token of the issuer would make them again.
    """
    user.email, user.name, user.password_hash = f"deleted:{user.id}", None, None
    user.active, user.deleted_at = False, utc_now()


def _require_administrator(actor: Actor) -> None:
    """Raise UserFault (FORBIDDEN) for users who are none; whoever works on the server's own machine is no user."""
    if isinstance(actor, Principal):
        require(actor, Role.ADMIN)


async def _with_other_administrators(session: AsyncSession, user_id: str) -> tuple[User, list[User]]:
    """A user, and all active administrators beside them, none of whom anybody else changes meanwhile.

    All are locked, in one order: two who take the role from each other would else both find one left. Raises UserFault
    (NOT_FOUND).
    """
    is_administrator = and_(col(User.role) == Role.ADMIN, col(User.active))
    wanted = or_(and_(col(User.id) == user_id, _is_there()), is_administrator)
    statement = select(User).where(wanted).order_by(col(User.id)).with_for_update(key_share=True)
    found = {user.id: user for user in await session.scalars(statement)}
    if (user := found.pop(user_id, None)) is None:
        raise UserFault("NOT_FOUND", f"There is no user {user_id}.", ("id",))
    return user, list(found.values())


def _require_another(user: User, others: Collection[User]) -> None:
    """Raise UserFault (LAST_ADMINISTRATOR) where this is the only administrator who is active."""
    if user.role is Role.ADMIN and user.active and not others:
        raise UserFault(
            "LAST_ADMINISTRATOR",
            "This is the last administrator who is active; make somebody else one first.",
            ("id",),
        )


def _name(name: str | None) -> str | None:
    return check_name(name) if name and name.strip() else None


def _is_there() -> ColumnElement[bool]:
    return col(User.deleted_at).is_(None)


async def _administrator(database: Database) -> User | None:
    statement = (
        select(User).where(User.role == Role.ADMIN, col(User.active)).order_by(col(User.created_at)).limit(1)
    )
    async with database.read() as session:
        return (await session.scalars(statement)).first()
