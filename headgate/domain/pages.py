"""Pages of lists, by keyset: ids sort by time, so the last id of a page says where the next one begins."""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from sqlmodel import col
from sqlmodel.sql.expression import SelectOfScalar

from headgate.errors import UserFault
from headgate.storage.database import Database
from headgate.storage.ids import is_id

DEFAULT_FIRST = 20
MAX_FIRST = 200
NUMBER = re.compile(r"[0-9]{1,18}")
"""A number in a cursor: no more digits than every database can count."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a list, in its order; `has_next` where more follow."""

    items: list[T]
    has_next: bool

    @classmethod
    def cut(cls, items: list[T], first: int) -> "Page[T]":
        """Make a page of `first` items out of a list that holds one more where more follow."""
        return cls(items[:first], len(items) > first)


def check_first(first: int) -> None:
    """Raise UserFault (INVALID_ARGUMENT) unless a page may hold `first` items: 1 to 200."""
    if not 1 <= first <= MAX_FIRST:
        raise UserFault(
            "INVALID_ARGUMENT", f"first must be from 1 to {MAX_FIRST}; it is {first}.", ("first",)
        )


def encode_cursor(position: str) -> str:
    """Make the opaque cursor of an item from its id."""
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


async def read_page(
    database: Database,
    statement: SelectOfScalar[T],
    id_column: str,
    *,
    prefix: str,
    first: int,
    after: str | None,
    newest_first: bool = True,
) -> Page[T]:
    """Read the page of `first` rows behind the cursor `after`, in one query.

    Raises UserFault (INVALID_ARGUMENT, INVALID_CURSOR). Its items are plain rows that read like objects of the
    table: to make the objects themselves takes longer than the query.
    """
    check_first(first)
    key = col(id_column)
    if after is not None:
        position = decode_id_cursor(after, prefix)
        statement = statement.where(key < position if newest_first else key > position)
    statement = statement.order_by(key.desc() if newest_first else key.asc()).limit(first + 1)
    columns = statement.with_only_columns(*statement.selected_columns)
    async with database.read() as session:
        return Page.cut(cast(list[T], (await session.execute(columns)).all()), first)
