"""Addresses of users: names to sign in with, which look like addresses of mail and are never written to."""

import re

from headgate.errors import UserFault

MAX_CHARACTERS = 254
"""RFC 5321 has no place for longer ones."""
SHAPE = re.compile(r"[^@\s]+@[^@\s]+")


def normal_email(email: str) -> str:
    """Make one text of all ways to write an address."""
    return email.strip().lower()


def check_email(email: str, path: tuple[str, ...]) -> str:
    """Answer an address as it is kept; raises UserFault (INVALID_EMAIL) for what is none."""
    normal = normal_email(email)
    if not SHAPE.fullmatch(normal) or not normal.isprintable() or len(normal) > MAX_CHARACTERS:
        raise UserFault(
            "INVALID_EMAIL",
            f"An address looks like ann@example.org: one @, no blanks, and up to {MAX_CHARACTERS} characters.",
            path,
        )
    return normal
