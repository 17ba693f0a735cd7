"""What the columns of tables have in common: moments in UTC, choices, JSON, counts and links."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Enum, MetaData
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

ENUM_LENGTH = 32


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, aware and in UTC on every database; SQLite by itself forgets the time zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a naive datetime (ValueError): nobody knows which moment it means."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Give back the moment in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def utc_now() -> datetime:
    """Tell the present moment, aware and in UTC."""
    return datetime.now(UTC)


def choice(kind: type[StrEnum], **options: Any) -> Any:
    """Keep a StrEnum as plain text, so that a new member needs no migration."""
    kept_as = Enum(kind, native_enum=False, length=ENUM_LENGTH, validate_strings=True)
    return Field(sa_type=kept_as, **options)


def moment() -> Any:
    """A moment, by default the present one."""
    return Field(default_factory=utc_now, sa_type=UtcDateTime)


def later() -> Any:
    """A moment that is not there yet."""
    return Field(default=None, sa_type=UtcDateTime)


def json_value(**options: Any) -> Any:
    """Any JSON, missing by default; assign a new value to change it, as changes inside it are not seen."""
    return Field(sa_type=JSON(none_as_null=True), **(options or {"default": None}))


def count(**options: Any) -> Any:
    """A whole number of 64 bits, 0 by default."""
    return Field(sa_type=BigInteger, **(options or {"default": 0}))


def link(column: str, **options: Any) -> Any:
    """A foreign key, missing by default."""
    return Field(foreign_key=column, **(options or {"default": None}))


class Table(SQLModel):
    """What all tables share: constraints are named by one rule, the same on every database."""

    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
