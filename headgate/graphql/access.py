"""Who may use which field: every root field names the role that it requires."""

from collections.abc import Callable
from typing import Any

from strawberry.extensions import FieldExtension
from strawberry.utils.await_maybe import await_maybe

from headgate.domain.permissions import require
from headgate.graphql.context import Info
from headgate.storage.tables import Role


class Requires(FieldExtension):
    """Lets a field run for whoever has `role`; for others it is refused as FORBIDDEN."""

    def __init__(self, role: Role) -> None:
        self.role = role

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Check, then run a sync resolver."""
        require(info.context.principal, self.role)
        return next_(source, info, **kwargs)

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Check, then run an async resolver, or start a subscription."""
        require(info.context.principal, self.role)
        return await await_maybe(next_(source, info, **kwargs))


READS = Requires(Role.VIEWER)
MOVES_DATA = Requires(Role.OPERATOR)
