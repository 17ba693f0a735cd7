"""Ids and other short texts that callers give."""

from headgate.errors import UserFault
from headgate.storage.ids import is_id

NOUNS = {
    **{"file": "a file", "job": "a job", "dataset": "a dataset", "pipeline": "a pipeline"},
    **{"user": "a user", "result": "a result", "key": "an API key"},
}


def require_id(value: str, prefix: str, path: tuple[str, ...] = ("id",)) -> None:
    """Raise UserFault (INVALID_ID) unless `value` is an id of this kind; it need not exist."""
    if is_id(value, prefix):
        return
    wanted = f"{NOUNS[prefix].split()[-1]}'s id starts with {prefix}_"
    other = value.partition("_")[0]
    if other in NOUNS and is_id(value, other):
        raise UserFault("INVALID_ID", f"{value} is the id of {NOUNS[other]}; a {wanted}.", path)
    raise UserFault("INVALID_ID", f"This is not an id; a {wanted} and has 26 characters after that.", path)


def is_storable(text: str) -> bool:
    """Tell whether a database can hold this text: no NUL, no half of a surrogate pair."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False
