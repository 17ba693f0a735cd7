"""What people call users and keys."""

from headgate.errors import UserFault

MAX_CHARACTERS = 200


def check_name(name: str, path: tuple[str, ...] = ("name",)) -> str:
    """Answer a name without blanks around it; raises UserFault (INVALID_NAME) for what can't be read as one."""
    trimmed = name.strip()
    if not trimmed or len(trimmed) > MAX_CHARACTERS or not trimmed.isprintable():
        raise UserFault(
            "INVALID_NAME", f"A name has from 1 to {MAX_CHARACTERS} characters, on one line.", path
        )
    return trimmed
