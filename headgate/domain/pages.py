"""Pages of lists, by keyset: the last item of a page says where the next one begins.

Most lists go by id, as ids sort by time.
"""

import base64
import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Generic, TypeVar, cast

from sqlalchemy import ColumnElement, tuple_
from sqlmodel import col
from sqlmodel.sql.expression import SelectOfScalar

from headgate.errors import UserFault
from headgate.storage.database import Database
from headgate.storage.ids import is_id

DEFAULT_FIRST = 20
MAX_FIRST = 200
NUMBER = re.compile(r"[0-9]{1,18}")
"""A number in a cursor: no more digits than every database can count."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

T = TypeVar("T")


def id_cursor(item: Any) -> str:
    """Make the cursor of an item in a list that goes by id."""
    return encode_cursor(item.id)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list, in its order; `has_next` where more follow, `cursor` makes the cursor of an item."""

    items: list[T]
    has_next: bool
    cursor: Callable[[T], str] = id_cursor

    @classmethod
    def cut(cls, items: list[T], first: int, cursor: Callable[[T], str] = id_cursor) -> "Page[T]":
        """Make a page of `first` items out of a list that holds one more where more follow."""
        return cls(items[:first], len(items) > first, cursor)


@dataclass(frozen=True, slots=True)
class Keyset(Generic[T]):
    """The order of a list: by columns that together tell its rows apart.

    `cursor` makes the cursor of a row, and `position` reads its columns' values from one; it raises UserFault
    (INVALID_CURSOR).
    """

    columns: tuple[Any, ...]
    cursor: Callable[[T], str]
    position: Callable[[str], tuple[Any, ...]]
    descending: bool = False

    @classmethod
    def by_id(cls, id_column: str, prefix: str, *, newest_first: bool = True) -> "Keyset[T]":
        """Order by ids of this prefix, and so by time."""
        return cls((id_column,), id_cursor, partial(_id_position, prefix), newest_first)

    def behind(self, cursor: str) -> ColumnElement[bool]:
        """Match the rows that follow a cursor; raises UserFault (INVALID_CURSOR)."""
        columns, position = tuple_(*map(col, self.columns)), self.position(cursor)
        return columns < position if self.descending else columns > position

    @property
    def ordering(self) -> list[ColumnElement[Any]]:
        """The columns as a query sorts by them."""
        return [col(column).desc() if self.descending else col(column).asc() for column in self.columns]


def check_first(first: int) -> None:
    """Raise UserFault (INVALID_ARGUMENT) unless a page may hold `first` items: 1 to 200."""
    if not 1 <= first <= MAX_FIRST:
        raise UserFault(
            "INVALID_ARGUMENT", f"first must be from 1 to {MAX_FIRST}; it is {first}.", ("first",)
        )


def encode_cursor(position: str) -> str:
    """Make the opaque cursor of an item from its position."""
    return base64.urlsafe_b64encode(position.encode()).decode().rstrip("=")


def decode_cursor(cursor: str) -> str:
    """Read a cursor; raises UserFault (INVALID_CURSOR) for what `encode_cursor` cannot have made."""
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode(
            "ascii"
        )
    except (binascii.Error, ValueError) as error:
        raise invalid_cursor() from error


def decode_id_cursor(cursor: str, prefix: str) -> str:
    """Read a cursor that holds an id of this kind; raises UserFault (INVALID_CURSOR)."""
    position = decode_cursor(cursor)
    if not is_id(position, prefix):
        raise invalid_cursor()
    return position


def invalid_cursor() -> UserFault:
    """Make the fault of a cursor that no page of this list has given."""
    return UserFault("INVALID_CURSOR", "This cursor is not one of this list.", ("after",))


def moment_cursor(moment: datetime, id: str) -> str:
    """Make the cursor of an item in a list that goes by a moment, and then by id."""
    return encode_cursor(f"{(moment - EPOCH) // MICROSECOND}:{id}")


def moment_position(cursor: str, prefix: str) -> tuple[datetime, str]:
    """Read a cursor that holds a moment and an id of this kind; raises UserFault (INVALID_CURSOR)."""
    microseconds, _, id = decode_cursor(cursor).partition(":")
    if not NUMBER.fullmatch(microseconds) or not is_id(id, prefix):
        raise invalid_cursor()
    try:
        return EPOCH + timedelta(microseconds=int(microseconds)), id
    except OverflowError as error:
        raise invalid_cursor() from error


async def read_page(
    database: Database, statement: SelectOfScalar[T], keyset: Keyset[T], *, first: int, after: str | None
) -> Page[T]:
    """Read the page of `first` rows behind the cursor `after`, in one query.

    Raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR). Its items are plain rows that read like objects of the
    table: to make the objects themselves takes longer than the query.
    """
    check_first(first)
    if after is not None:
        statement = statement.where(keyset.behind(after))
    statement = statement.order_by(*keyset.ordering).limit(first + 1)
    columns = statement.with_only_columns(*statement.selected_columns)
    async with database.read() as session:
        rows = cast(list[T], (await session.execute(columns)).all())
    return Page.cut(rows, first, keyset.cursor)


def _id_position(prefix: str, cursor: str) -> tuple[str]:
    return (decode_id_cursor(cursor, prefix),)
