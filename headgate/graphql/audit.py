"""The audit log, for administrators."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any, Self

import strawberry
from strawberry.scalars import JSON

from headgate.domain import audit
from headgate.graphql.context import Info
from headgate.graphql.enums import Role
from headgate.graphql.fields import query
from headgate.graphql.inputs import given
from headgate.graphql.nodes import Node
from headgate.graphql.pagination import DEFAULT_FIRST, After, Connection, First, connect, first_or_default
from headgate.storage import tables


@strawberry.type(
    description=(
        "What somebody did that changes access, pipelines, endpoints or data, or reaches outside. It is written along "
        "with what it tells of, and can be neither changed nor deleted. For ADMIN only."
    )
)
class AuditEntry(Node, prefix="audit"):
    at: datetime = strawberry.field(description="When it was done.")
    actor: str = strawberry.field(
        description="Who did it, as they were called then; `schedule` where a pipeline's own schedule did."
    )
    action: str = strawberry.field(
        description=(
            "What was done: the name of the mutation, such as ingest or updateEndpoint; runSchedule for a job that a "
            "schedule started."
        )
    )
    target: str | None = strawberry.field(
        description="What it was done to: the name of a pipeline or an endpoint, else an id; null where neither is."
    )
    details: JSON | None = strawberry.field(
        description="What else there is to say, as an object; of settings and secrets the names alone."
    )

    @classmethod
    def from_row(cls, row: tables.AuditEntry) -> Self:
        """Make it of its row in the database."""
        details: Any = row.details
        return cls(
            id=strawberry.ID(row.id),
            at=row.at,
            actor=row.actor,
            action=row.action,
            target=row.target,
            details=details,
        )

    @classmethod
    async def see(cls, info: Info, id: str) -> Self | None:
        """Find one, as an ADMIN."""
        return await cls.load(info, id) if info.context.principal.role is Role.ADMIN else None


@strawberry.input(description="Which entries of the audit log to list; all conditions must hold.")
class AuditFilter:
    actor: str | None = strawberry.field(
        default=None,
        description="Who did it: the `actor` of entries as it stands there, or the id of a user.",
    )
    action: str | None = strawberry.field(
        default=None, description="What was done: the `action` of entries as it stands there."
    )
    since: datetime | None = strawberry.field(default=None, description="It was done then or later.")


@strawberry.type
class AuditQuery:
    @query(Role.ADMIN, "The audit log, the newest entries first.")
    async def audit_log(
        self,
        info: Info,
        filter: Annotated[
            AuditFilter | None, strawberry.argument(description="Which entries; all of them by default.")
        ] = None,
        first: First = DEFAULT_FIRST,
        after: After = None,
    ) -> Connection[AuditEntry]:
        services = info.context.services
        wanted = audit.AuditFilter(**given(filter))
        page = await audit.page(services, wanted, first_or_default(first), after)
        return connect(page, AuditEntry.from_row, after=after, count=partial(audit.total, services, wanted))
