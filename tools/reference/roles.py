"""The page about roles, written from what each operation asks for."""

from headgate.domain.permissions import RANKS
from headgate.storage.tables import Role
from tools.reference.api_nouns import NOUNS, Api, Operation
from tools.reference.markdown import GENERATED, page, table

INTRODUCTION = """
A role may do what the ones before it may. Users have one, an API key has one that is no higher than its user's,
a token of an outside issuer names one, and `headgate token --role` makes a token with one. A caller whose role
is too low is answered `FORBIDDEN`, one who hasn't shown who they are `UNAUTHENTICATED`.
[Security](../security.md) says more.
""".strip()
YES, NO = "yes", ""


def roles_page() -> str:
    """Every operation with the roles that may run it."""
    api = Api()
    roles = sorted(Role, key=RANKS.__getitem__)
    head = ["operation", "of", "anybody", *roles]
    parts = [
        part
        for noun in NOUNS
        if (operations := api.of(noun))
        for part in (f"## {noun.title}", table(head, [_row(operation, roles) for operation in operations]))
    ]
    return page(GENERATED, "# Roles", INTRODUCTION, *parts)


def _row(operation: Operation, roles: list[Role]) -> list[str]:
    lowest = RANKS[Role(operation.role)] if operation.role else -1
    allowed = [YES if RANKS[role] >= lowest else NO for role in roles]
    return [f"`{operation.name}`", operation.root.lower(), YES if operation.role is None else NO, *allowed]
