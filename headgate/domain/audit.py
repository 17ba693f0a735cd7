"""The audit log: who changed access, pipelines, endpoints or data; it can only grow."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from headgate.domain.permissions import Principal
from headgate.storage.ids import new_id
from headgate.storage.tables import AuditEntry


def record(
    session: AsyncSession,
    principal: Principal,
    action: str,
    target: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Note what somebody does in the transaction in which they do it: both are kept, or neither.

    `action` is named like the operation of the API, `target` names or identifies what it was done to. `details` is
    JSON, and holds no secret.
    """
    session.add(
        AuditEntry(
            id=new_id("audit"),
            actor=principal.name or principal.user_id,
            actor_id=principal.user_id,
            action=action,
            target=target,
            details=dict(details) if details is not None else None,
        )
    )
