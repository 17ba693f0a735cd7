"""Who asks, and what they may do."""

from dataclasses import dataclass
from datetime import datetime

from headgate.storage.tables import Role


@dataclass(frozen=True, slots=True)
class Principal:
    """The user behind a request or a socket, until `expires_at` (UTC)."""

    user_id: str
    role: Role
    expires_at: datetime
