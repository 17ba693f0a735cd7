"""Who asks, and what they may do."""

from dataclasses import dataclass
from datetime import datetime

from headgate.errors import UserFault
from headgate.storage.tables import Role

RANKS = {Role.VIEWER: 0, Role.OPERATOR: 1, Role.ADMIN: 2}


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is behind a request or a socket, until `expires_at` (UTC).

    `name` is how the audit log calls them. `session_id` is there where they signed in with a password, `key_id` where
    an API key stands for them.
    """

    user_id: str
    role: Role
    expires_at: datetime
    name: str = ""
    session_id: str | None = None
    key_id: str | None = None


def require(principal: Principal, role: Role) -> None:
    """Let pass who has this role or a higher one; raises UserFault (FORBIDDEN)."""
    if (reason := refusal(principal, role)) is not None:
        raise UserFault("FORBIDDEN", reason)


def refusal(principal: Principal, role: Role) -> str | None:
    """Say why somebody is not let pass who needs this role or a higher one; None where they are."""
    if RANKS[principal.role] >= RANKS[role]:
        return None
    return f"This needs the role {role}; yours is {principal.role}."


def lower(first: Role, second: Role) -> Role:
    """Tell which of two roles may do less."""
    return min(first, second, key=RANKS.__getitem__)


def require_no_key(principal: Principal, action: str) -> None:
    """Raise UserFault (FORBIDDEN) for an API key: whoever finds one must not be able to stay with another."""
    if principal.key_id is not None:
        raise UserFault("FORBIDDEN", f"An API key can't {action}; sign in with your password to do it.")
