"""What mutations answer: the outcome, and what the caller did wrong as values."""

from typing import Self

import strawberry

from headgate.errors import UserFault


@strawberry.type(description="What a caller did wrong.")
class UserError:
    code: str = strawberry.field(
        description="Upper-case and stable, for programs. The list of codes only grows."
    )
    message: str = strawberry.field(description="What is wrong and what would be right, for people.")
    path: list[str] | None = strawberry.field(
        description="Leads to the faulty value among the arguments; null where no single one is at fault."
    )
    retryable: bool = strawberry.field(description="Whether the same request may succeed later.")

    @classmethod
    def all_of(cls, fault: UserFault, *, at: tuple[str, ...] = ("input",)) -> list[Self]:
        """Show a fault with all others that were found with it."""
        return [cls.from_fault(each, at=at) for each in fault.all]

    @classmethod
    def from_fault(cls, fault: UserFault, *, at: tuple[str, ...] = ("input",)) -> Self:
        """Show a fault of the domain, whose path begins at this place among the arguments."""
        path = [*at, *fault.path] if fault.path else None
        return cls(code=fault.code, message=fault.message, path=path, retryable=fault.retryable)


@strawberry.type
class Payload:
    """What every mutation answers; not in the schema by itself."""

    errors: list[UserError] = strawberry.field(
        default_factory=list, description="What was wrong with the request; empty where it was carried out."
    )


@strawberry.type
class StartedPayload(Payload):
    """What every mutation answers that starts work under a key; not in the schema by itself."""

    replayed: bool = strawberry.field(
        default=False,
        description="Whether an earlier request with the same idempotencyKey had started it already.",
    )


@strawberry.type(description="What was deleted.")
class DeletePayload(Payload):
    deleted_id: strawberry.ID | None = strawberry.field(
        default=None, description="The id of what is no more; null where nothing was deleted."
    )
