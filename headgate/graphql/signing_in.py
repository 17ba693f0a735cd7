"""Signing in, staying so, and signing out."""

from datetime import datetime
from typing import Annotated, Self

import strawberry

from headgate.domain import password_changes, sessions
from headgate.errors import UserFault
from headgate.graphql.context import Info
from headgate.graphql.enums import Role
from headgate.graphql.fields import ANYONE, mutation
from headgate.graphql.payloads import DeletePayload, Payload, UserError
from headgate.graphql.users import User, UserPayload

RefreshToken = Annotated[
    str, strawberry.argument(description="The newest refresh token, from `login` or `refreshToken`.")
]


@strawberry.type(description="What somebody has who signed in; all is null where that was refused.")
class TokenPayload(Payload):
    access_token: str | None = strawberry.field(
        default=None, description="To be sent with each request: `Authorization: Bearer <accessToken>`."
    )
    refresh_token: str | None = strawberry.field(
        default=None,
        description="To be kept secret, and sent to `refreshToken` before the access token expires. It is good once.",
    )
    expires_at: datetime | None = strawberry.field(default=None, description="When the access token expires.")
    user: User | None = strawberry.field(default=None, description="Who signed in.")

    @classmethod
    def of(cls, done: sessions.SignedIn) -> Self:
        """Show what somebody has who signed in."""
        return cls(
            access_token=done.access_token,
            refresh_token=done.refresh_token,
            expires_at=done.expires_at,
            user=User.from_row(done.user),
        )


@strawberry.type
class SignInMutation:
    @mutation(
        ANYONE,
        (
            "Signs in with a password. Whatever is wrong is refused as UNAUTHENTICATED, in the same words; whoever "
            "fails too often is refused as RATE_LIMITED for a while."
        ),
    )
    async def login(
        self,
        info: Info,
        email: Annotated[str, strawberry.argument(description="The user's address, in any case.")],
        password: Annotated[str, strawberry.argument(description="Their password.")],
    ) -> TokenPayload:
        context = info.context
        try:
            return TokenPayload.of(await sessions.login(context.services, email, password, context.address))
        except UserFault as fault:
            return TokenPayload(errors=UserError.all_of(fault, at=()))

    @mutation(
        ANYONE,
        (
            "Takes a refresh token for new tokens. Each is good once, so refresh once at a time: one that comes again "
            "ends its session, as somebody else may have it too."
        ),
    )
    async def refresh_token(self, info: Info, refresh_token: RefreshToken) -> TokenPayload:
        try:
            return TokenPayload.of(await sessions.refresh(info.context.services, refresh_token))
        except UserFault as fault:
            return TokenPayload(errors=UserError.all_of(fault, at=()))

    @mutation(
        ANYONE,
        "Signs out: ends the session of a refresh token, with all of its tokens. `deletedId` is the session's id.",
    )
    async def logout(self, info: Info, refresh_token: RefreshToken) -> DeletePayload:
        try:
            ended = await sessions.logout(info.context.services, refresh_token)
        except UserFault as fault:
            return DeletePayload(errors=UserError.all_of(fault, at=()))
        return DeletePayload(deleted_id=strawberry.ID(ended))

    @mutation(
        Role.VIEWER,
        (
            "Changes your password. All other sessions end, and every access token of before, the present one "
            "included: take your refresh token for a new one. API keys stay."
        ),
    )
    async def change_password(
        self,
        info: Info,
        current: Annotated[str, strawberry.argument(description="The present password.")],
        new: Annotated[str, strawberry.argument(description="The new one: 8 to 1,024 characters.")],
    ) -> UserPayload:
        context = info.context
        try:
            row = await password_changes.change(
                context.services, context.principal, current, new, context.address
            )
        except UserFault as fault:
            return UserPayload(errors=UserError.all_of(fault, at=()))
        return UserPayload(user=User.from_row(row))
