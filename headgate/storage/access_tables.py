"""The tables of those who may enter: users, their sessions and API keys, and the audit log of what they did."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from headgate.storage.fields import Table, choice, json_value, later, link, moment


class Role(StrEnum):
    """What a user may do; each role includes the ones before it."""

    VIEWER = "VIEWER"
    OPERATOR = "OPERATOR"
    ADMIN = "ADMIN"


class User(Table, table=True):
    """Someone who may enter, or once might.

    `email` is in lower case. Without a `password_hash` (Argon2id) nobody signs in with a password. `issuer` and
    `subject` are theirs who come with tokens of an outside issuer. Tokens that were issued before `tokens_from` are
    not valid any more. What a user did refers to them, so that a deleted one stays, without address and name.
    """

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("issuer", "subject"),)

    id: str = Field(primary_key=True)
    email: str = Field(unique=True)
    name: str | None = None
    role: Role = choice(Role)
    active: bool = True
    password_hash: str | None = None
    issuer: str | None = None
    subject: str | None = None
    tokens_from: datetime | None = later()
    created_at: datetime = moment()
    deleted_at: datetime | None = later()


class Session(Table, table=True):
    """What began with a login: the refresh token that is valid now is the one of this `generation`."""

    __tablename__ = "sessions"

    id: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="users.id", index=True)
    generation: int = 1
    created_at: datetime = moment()
    expires_at: datetime = moment()
    revoked_at: datetime | None = later()


class ApiKey(Table, table=True):
    """A key for scripts, of which only the SHA-256 (hexadecimal) is kept; `prefix` is how it begins."""

    __tablename__ = "api_keys"

    id: str = Field(primary_key=True)
    user_id: str = Field(foreign_key="users.id", index=True)
    name: str
    role: Role = choice(Role)
    prefix: str
    secret_hash: str
    created_at: datetime = moment()
    expires_at: datetime | None = later()
    last_used_at: datetime | None = later()


class AuditEntry(Table, table=True):
    """What somebody did; the database itself refuses to change or delete one.

    `actor` is how they were called then, `actor_id` the user if it was one; `action` is named like the operation.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (Index(None, "actor", "id"), Index(None, "actor_id", "id"), Index(None, "action", "id"))

    id: str = Field(primary_key=True)
    at: datetime = moment()
    actor: str
    actor_id: str | None = link("users.id")
    action: str
    target: str | None = None
    details: dict[str, Any] | None = json_value()
