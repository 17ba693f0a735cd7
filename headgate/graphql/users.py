"""Users, and who asks."""

from datetime import datetime
from functools import partial
from typing import Annotated, Self

import strawberry

from headgate.domain import users
from headgate.domain.users import NewUser, UserChange
from headgate.errors import Unauthenticated, UserFault
from headgate.graphql.context import Info
from headgate.graphql.enums import Role
from headgate.graphql.fields import mutation, query, resolved
from headgate.graphql.inputs import given
from headgate.graphql.nodes import Node
from headgate.graphql.pagination import DEFAULT_FIRST, After, Connection, First, connect, first_or_default
from headgate.graphql.payloads import DeletePayload, Payload, UserError
from headgate.storage import tables
from headgate.storage.tables import utc_now

UserId = Annotated[strawberry.ID, strawberry.argument(description="The user's id.")]


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


@strawberry.input(description="A user to be added.")
class CreateUserInput:
    email: str = strawberry.field(
        description="Their address, unique among users, with which they sign in. It is kept in lower case."
    )
    password: str = strawberry.field(description="Their password, 8 to 1,024 characters; they may change it.")
    name: str | None = strawberry.field(default=None, description="What they are called.")
    role: Role = strawberry.field(description="What they may do.")


@strawberry.input(description="What is to change of a user; what is left out stays as it is.")
class UpdateUserInput:
    name: str | None = strawberry.field(
        default=None, description="What they are called; an empty text takes the name away."
    )
    role: Role | None = strawberry.field(
        default=None, description="What they may do; that counts at once, for those signed in too."
    )
    active: bool | None = strawberry.field(
        default=None, description="Whether they may sign in; who may not is signed out everywhere, at once."
    )


@strawberry.type(description="A user, as they are now.")
class UserPayload(Payload):
    user: User | None = strawberry.field(default=None, description="The user; null where it was refused.")


@strawberry.type(description="How many points the caller may spend, and what is left of them.")
class RateLimit:
    limit: int = strawberry.field(
        description="How many points there are for one minute; 0 where this server sets no limit."
    )
    remaining: int = strawberry.field(description="How many are left now; they come back evenly.")
    reset_at: datetime = strawberry.field(description="When all of them will be there again.")
    cost: int = strawberry.field(
        description="What this operation costs: a point for each hundred values that it may ask for, at least one."
    )


@strawberry.type(description="Who asks.")
class Viewer:
    role: Role = strawberry.field(description="What the token allows.")

    @resolved("The user that the token stands for.")
    async def user(self, info: Info) -> User:
        user = await User.load(info, info.context.principal.user_id)
        if user is None:  # deleted since they were let in
            raise Unauthenticated
        return user

    @resolved("How many points the caller may spend a minute, and what is left of them.")
    def rate_limit(self, info: Info) -> RateLimit:
        bill = info.context.bill
        points = bill.points if bill is not None else 0
        if bill is None or (left := bill.allowance) is None:
            return RateLimit(limit=0, remaining=0, reset_at=utc_now(), cost=points)
        return RateLimit(limit=left.limit, remaining=left.remaining, reset_at=left.resets_at, cost=points)


@strawberry.type
class ViewerQuery:
    @query(Role.VIEWER, "Who asks: the user behind the token.")
    def viewer(self, info: Info) -> Viewer:
        return Viewer(role=info.context.principal.role)


@strawberry.type
class UserQuery:
    @query(Role.ADMIN, "Users, the newest first; those who were deleted are left out.")
    async def users(self, info: Info, first: First = DEFAULT_FIRST, after: After = None) -> Connection[User]:
        services = info.context.services
        page = await users.page(services, first_or_default(first), after)
        return connect(page, User.from_row, after=after, count=partial(users.total, services))


@strawberry.type
class UserMutation:
    @mutation(Role.ADMIN, "Adds a user.")
    async def create_user(
        self, info: Info, input: Annotated[CreateUserInput, strawberry.argument(description="Who it is.")]
    ) -> UserPayload:
        context = info.context
        new = NewUser(input.email, input.role, input.name, password=input.password)
        try:
            row = await users.create(context.services, context.principal, new)
        except UserFault as fault:
            return UserPayload(errors=UserError.all_of(fault))
        return UserPayload(user=User.from_row(row))

    @mutation(
        Role.ADMIN, "Changes a user. The last ADMIN who is active stays so, refused as LAST_ADMINISTRATOR."
    )
    async def update_user(
        self,
        info: Info,
        id: UserId,
        input: Annotated[UpdateUserInput, strawberry.argument(description="What is to change.")],
    ) -> UserPayload:
        context = info.context
        try:
            row = await users.update(context.services, context.principal, id, UserChange(**given(input)))
        except UserFault as fault:
            return UserPayload(
                errors=UserError.all_of(fault, at=("input",) if fault.path == ("name",) else ())
            )
        return UserPayload(user=User.from_row(row))

    @mutation(
        Role.ADMIN,
        (
            "Deletes a user with their sessions and API keys; what they made stays, and no longer says who made it. "
            "The last ADMIN who is active is not deleted, refused as LAST_ADMINISTRATOR."
        ),
    )
    async def delete_user(self, info: Info, id: UserId) -> DeletePayload:
        context = info.context
        try:
            deleted = await users.delete_user(context.services, context.principal, id)
        except UserFault as fault:
            return DeletePayload(errors=UserError.all_of(fault, at=()))
        return DeletePayload(deleted_id=strawberry.ID(deleted))
