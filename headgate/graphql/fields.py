"""Fields that are resolved; those of the roots name the role that they require."""

from collections.abc import Callable
from enum import Enum
from typing import Any, Protocol, TypeVar

import strawberry
from strawberry.extensions import FieldExtension
from strawberry.types.field import StrawberryField
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


class Anyone(Enum):
    """Stands for everybody where a role is asked for, those included who have not shown who they are."""

    ANYONE = "ANYONE"


ANYONE = Anyone.ANYONE


class Requires(FieldExtension):
    """Lets a field run for whoever has `role` or a higher one; for others it is refused as FORBIDDEN."""

    def __init__(self, role: Role | Anyone) -> None:
        self.role = role

    def resolve(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Check, then run a sync resolver."""
        self._check(info)
        return next_(source, info, **kwargs)

    async def resolve_async(self, next_: Callable[..., Any], source: Any, info: Info, **kwargs: Any) -> Any:
        """Check, then run an async resolver or start a subscription."""
        self._check(info)
        return await await_maybe(next_(source, info, **kwargs))

    def _check(self, info: Info) -> None:
        if not isinstance(self.role, Anyone):
            require(info.context.principal, self.role)


def required_role(field: StrawberryField) -> Role | Anyone | None:
    """Tell what a field requires; None where it does not say."""
    return next((each.role for each in field.extensions if isinstance(each, Requires)), None)


def query(role: Role, description: str) -> Decorator:
    """Make a field of Query for whoever has the role."""
    made: Decorator = strawberry.field(description=description, extensions=[Requires(role)])
    return made


def mutation(role: Role | Anyone, description: str) -> Decorator:
    """Make a field of Mutation for whoever has the role, or for everybody."""
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
