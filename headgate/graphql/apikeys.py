"""API keys, for scripts."""

from datetime import datetime
from functools import partial
from typing import Annotated, Self

import strawberry

from headgate.domain import apikeys
from headgate.domain.apikeys import MAX_DAYS, MAX_KEYS, KeyRequest
from headgate.errors import UserFault
from headgate.graphql.context import Info
from headgate.graphql.enums import Role
from headgate.graphql.fields import mutation, query, resolved
from headgate.graphql.nodes import Node
from headgate.graphql.pagination import DEFAULT_FIRST, After, Connection, First, connect, first_or_default
from headgate.graphql.payloads import DeletePayload, Payload, UserError
from headgate.graphql.users import User
from headgate.storage import tables


@strawberry.type(
    description="A key for scripts, which is sent as an access token is. Its secret is shown once."
)
class ApiKey(Node, prefix="key"):
    name: str = strawberry.field(description="What it is called.")
    role: Role = strawberry.field(description="What it may do, as long as its user may too.")
    begins_with: str = strawberry.field(
        name="prefix", description="How its secret begins, to tell keys apart."
    )
    last_used_at: datetime | None = strawberry.field(
        description="When it was used last, to the minute; null where it never was."
    )
    expires_at: datetime | None = strawberry.field(
        description="When it expires; null where it is good until it is revoked."
    )
    created_at: datetime = strawberry.field(description="When it was made.")
    user_id: strawberry.Private[str]

    @classmethod
    def from_row(cls, row: tables.ApiKey) -> Self:
        """Make it of its row in the database."""
        return cls(
            id=strawberry.ID(row.id),
            name=row.name,
            role=row.role,
            begins_with=row.prefix,
            last_used_at=row.last_used_at,
            expires_at=row.expires_at,
            created_at=row.created_at,
            user_id=row.user_id,
        )

    @classmethod
    async def see(cls, info: Info, id: str) -> Self | None:
        """Find one of one's own, or any as an ADMIN."""
        principal, found = info.context.principal, await cls.load(info, id)
        is_visible = found is not None and (
            principal.role is Role.ADMIN or found.user_id == principal.user_id
        )
        return found if is_visible else None

    @resolved(
        "Whose it is: it may do no more than they. Null where they were deleted since, and the key with them."
    )
    async def user(self, info: Info) -> User | None:
        return await User.load(info, self.user_id)


@strawberry.input(description="An API key to be made.")
class CreateApiKeyInput:
    name: str = strawberry.field(description="What to call it: 1 to 200 characters.")
    role: Role = strawberry.field(description="What it may do: no more than you.")
    expires_in_days: int | None = strawberry.field(
        default=None,
        description=f"For how many days it is good, 1 to {MAX_DAYS}; until it is revoked where that is left out.",
    )


@strawberry.type(description="An API key that was made; its secret is shown here and nowhere else.")
class ApiKeyPayload(Payload):
    api_key: ApiKey | None = strawberry.field(default=None, description="The key; null where it was refused.")
    secret: str | None = strawberry.field(
        default=None, description="What to send: `Authorization: Bearer <secret>`. Only a hash of it is kept."
    )


@strawberry.type
class ApiKeyQuery:
    @query(Role.VIEWER, "Your API keys, and for an ADMIN those of all users; the newest first.")
    async def api_keys(
        self, info: Info, first: First = DEFAULT_FIRST, after: After = None
    ) -> Connection[ApiKey]:
        services, principal = info.context.services, info.context.principal
        page = await apikeys.page(services, principal, first_or_default(first), after)
        count = partial(apikeys.total, services, principal)
        return connect(page, ApiKey.from_row, after=after, count=count)


@strawberry.type
class ApiKeyMutation:
    @mutation(
        Role.VIEWER,
        f"Makes an API key for yourself; at most {MAX_KEYS} a user. An API key itself can't do this.",
    )
    async def create_api_key(
        self,
        info: Info,
        input: Annotated[CreateApiKeyInput, strawberry.argument(description="What it is.")],
    ) -> ApiKeyPayload:
        request = KeyRequest(input.name, input.role, input.expires_in_days)
        try:
            row, secret = await apikeys.create(info.context.services, info.context.principal, request)
        except UserFault as fault:
            return ApiKeyPayload(errors=UserError.all_of(fault))
        return ApiKeyPayload(api_key=ApiKey.from_row(row), secret=secret)

    @mutation(
        Role.VIEWER,
        "Deletes an API key of yours, or any as an ADMIN: it is good no more at once. An API key can't do this.",
    )
    async def revoke_api_key(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The key's id.")]
    ) -> DeletePayload:
        try:
            revoked = await apikeys.revoke(info.context.services, info.context.principal, id)
        except UserFault as fault:
            return DeletePayload(errors=UserError.all_of(fault, at=()))
        return DeletePayload(deleted_id=strawberry.ID(revoked))
