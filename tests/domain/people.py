"""Users, sessions and API keys, as tests need them."""

from collections.abc import Awaitable
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from sqlmodel import col, select, update

from headgate.domain import sessions
from headgate.domain.doorkeeper import hash_of
from headgate.domain.services import Services
from headgate.domain.sessions import SignedIn
from headgate.errors import UserFault
from headgate.storage.ids import new_id
from headgate.storage.tables import ApiKey, AuditEntry, Role, Session, User, utc_now

Row = TypeVar("Row", User, Session, ApiKey)
EMAIL, PASSWORD = "ann@example.org", "correct horse"
HERE, THERE = "192.0.2.1", "192.0.2.2"
ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what no database decides."""
LATER = utc_now() + timedelta(hours=1)


async def add_user(services: Services, role: Role = Role.VIEWER, **values: Any) -> User:
    """Put a user into the database."""
    usual = {"id": new_id("user"), "email": f"{uuid4().hex}@example.org", "role": role}
    return await _add(services, User(**(usual | values)))


async def add_session(services: Services, user: User, expires_at: datetime = LATER) -> Session:
    """Put a session of a user into the database."""
    return await _add(services, Session(id=new_id("session"), user_id=user.id, expires_at=expires_at))


async def add_key(
    services: Services, user: User, role: Role = Role.ADMIN, **values: Any
) -> tuple[ApiKey, str]:
    """Put an API key of a user into the database; answers it and its secret."""
    key_id = new_id("key")
    secret = f"hg_{key_id.removeprefix('key_')}_{'s' * 43}"
    given: dict[str, Any] = {"prefix": secret[:29], "secret_hash": hash_of(secret), **values}
    return await _add(
        services, ApiKey(id=key_id, user_id=user.id, name="nightly", role=role, **given)
    ), secret


async def audited(services: Services) -> list[AuditEntry]:
    """The audit log, from its beginning."""
    async with services.database.read() as session:
        return list(await session.scalars(select(AuditEntry).order_by(col(AuditEntry.id))))


async def change(services: Services, table: Any, **values: Any) -> None:
    """Change all rows of a table."""
    async with services.database.transaction() as session:
        await session.execute(update(table).values(**values))


async def refusal(attempt: Awaitable[object]) -> UserFault:
    """Wait for what has to be refused."""
    with pytest.raises(UserFault) as refused:
        await attempt
    return refused.value


async def kept_sessions(services: Services) -> list[Session]:
    """All sessions, from the first one on."""
    async with services.database.read() as session:
        return list(await session.scalars(select(Session).order_by(col(Session.id))))


async def sign_in(services: Services, password: str = PASSWORD, address: str = HERE) -> SignedIn:
    """Sign in as Ann."""
    return await sessions.login(services, EMAIL, password, address)


async def _add(services: Services, row: Row) -> Row:
    async with services.database.transaction() as session:
        session.add(row)
    return row
