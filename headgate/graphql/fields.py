"""Fields that are resolved; those of the roots name the role that they require."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.utils.await_maybe import await_maybe

from headgate.domain.permissions import require
from headgate.graphql.context import Info
from headgate.storage.tables import Role

Resolver = TypeVar("Resolver", bound=Callable[..., Any])


class Decorator(Protocol):
    """Makes a field of a resolver, which keeps its type."""

    def __call__(self, resolver: Resolver, /) -> Resolver:
        """Decorate it."""
        ...


class Requires(FieldExtension):
    """Lets a field run for whoever has `role` or a higher one; for others it is refused as FORBIDDEN."""

    def __init__(self, role: Role) -> None:
        self.role = role

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Check, then run a sync resolver."""
        require(info.context.principal, self.role)
        return next_(source, info, **kwargs)

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Check, then run an async resolver or start a subscription."""
        require(info.context.principal, self.role)
        return await await_maybe(next_(source, info, **kwargs))


def query(role: Role, description: str) -> Decorator:
    """Make a field of Query for whoever has the role."""
    made: Decorator = strawberry.field(description=description, extensions=[Requires(role)])
    return made


def mutation(role: Role, description: str) -> Decorator:
    """Make a field of Mutation for whoever has the role."""
    made: Decorator = strawberry.mutation(description=description, extensions=[Requires(role)])
    return made


def subscription(role: Role, description: str) -> Decorator:
    """Make a field of Subscription for whoever has the role."""
    made: Decorator = strawberry.subscription(description=description, extensions=[Requires(role)])
    return made


def resolved(description: str) -> Decorator:
    """Make a field of any other type: who may see the object may see it too."""
    made: Decorator = strawberry.field(description=description)
    return made
