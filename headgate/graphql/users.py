"""Users, and who asks."""

from datetime import datetime
from typing import Self

import strawberry

from headgate.graphql.context import Info
from headgate.graphql.enums import Role
from headgate.graphql.fields import query, resolved
from headgate.graphql.nodes import Node
from headgate.storage import tables


@strawberry.type(description="Someone who may sign in.")
class User(Node, prefix="user"):
    email: str = strawberry.field(description="Their address, which is also the name to sign in with.")
    name: str | None = strawberry.field(description="What they are called.")
    role: Role = strawberry.field(description="What they may do.")
    active: bool = strawberry.field(description="Whether they may sign in now.")
    created_at: datetime = strawberry.field(description="When they were added.")

    @classmethod
    def from_row(cls, row: tables.User) -> Self:
        """Make it of its row in the database."""
        return cls(
            id=strawberry.ID(row.id),
            email=row.email,
            name=row.name,
            role=row.role,
            active=row.active,
            created_at=row.created_at,
        )

    @classmethod
    async def see(cls, info: Info, id: str) -> Self | None:
        """Find oneself, or anybody as an ADMIN."""
        principal = info.context.principal
        is_visible = principal.user_id == id or principal.role is Role.ADMIN
        return await cls.load(info, id) if is_visible else None


@strawberry.type(description="Who asks.")
class Viewer:
    role: Role = strawberry.field(description="What the token allows.")

    @resolved("The user that the token stands for.")
    async def user(self, info: Info) -> User:
        user = await User.load(info, info.context.principal.user_id)
        assert user is not None
        return user


@strawberry.type
class ViewerQuery:
    @query(Role.VIEWER, "Who asks: the user behind the token.")
    def viewer(self, info: Info) -> Viewer:
        return Viewer(role=info.context.principal.role)
