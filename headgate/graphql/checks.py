"""Checks: what rows must keep, and what a whole input must be like."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import strawberry
from strawberry.scalars import JSON

from headgate.graphql.enums import Severity
from headgate.graphql.kinds import choice_of
from headgate.pipelines.checks.registry import check_kinds

if TYPE_CHECKING:

    class CheckInput: ...

else:
    CheckInput = choice_of(
        check_kinds(),
        "CheckInput",
        "A check of one kind, with its settings: exactly one of these.",
    )


@strawberry.type(description="A check, ready to be given to a pipeline or to `validate`.")
class Check:
    kind: str = strawberry.field(description="Its kind: the field of CheckInput that takes it.")
    severity: Severity = strawberry.field(description="What it means for a row to fail it.")
    settings: JSON = strawberry.field(description="Its settings, as that field takes them.")
    reason: str | None = strawberry.field(
        default=None, description="Why it was suggested; null for one that somebody gave."
    )

    @classmethod
    def from_json(cls, check: Mapping[str, Any]) -> Self:
        """A check of which the kind, severity, settings and, where there is one, the reason are given."""
        return cls(
            kind=check["kind"],
            severity=Severity(check["severity"]),
            settings=check["settings"],
            reason=check.get("reason"),
        )
