"""Ids that say what they name and sort by the time they were made: `job_01jd3k…` (TypeID over UUIDv7)."""

from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

from typeid import TypeID
from typeid.errors import TypeIDException


def new_id(prefix: str) -> str:
    """Make an id such as `job_01h455vb4pex5vsknk084sn02q`: the prefix, `_` and 26 lower-case characters."""
    return str(TypeID(prefix))


def is_id(value: str, prefix: str) -> bool:
    """Tell whether `value` is a well-formed id of this kind; it need not exist."""
    try:
        return TypeID.from_string(value).prefix == prefix
    except TypeIDException:
        return False


def made_at(id: str) -> datetime:
    """Tell when an id was made, in UTC, to the millisecond; raises ValueError for what is none."""
    try:
        milliseconds = TypeID.from_string(id).uuid.int >> 80
    except TypeIDException as error:
        raise ValueError(f"not an id: {id!r}") from error
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def first_id(prefix: str, moment: datetime) -> str:
    """Make the id of this kind that sorts before all that are made from a moment on, to the millisecond."""
    milliseconds = max(int(moment.timestamp() * 1000), 0)
    return str(TypeID.from_uuid(cast(Any, UUID(int=milliseconds << 80)), prefix))
