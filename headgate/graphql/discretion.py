"""What callers may learn of the schema in production: those below a role nothing that they don't know already."""

import re

from graphql import (
    DocumentNode,
    ExecutableDefinitionNode,
    FieldNode,
    GraphQLError,
    GraphQLSyntaxError,
    SelectionNode,
)
from strawberry.types import ExecutionContext

from headgate.domain.permissions import Principal, refusal
from headgate.errors import HeadgateError, UserFault
from headgate.graphql.guarded import Guard, document_of
from headgate.storage.tables import Role

INTROSPECTION = ("__schema", "__type")
MENTIONED = re.compile(r"__(?:schema|type)\b")
SUGGESTION = re.compile(r"\s*Did you mean .*", re.DOTALL)
UNFIT = "This does not fit the schema, which is not shown to you."


def discretion(role: Role) -> Guard:
    """Make what refuses documents that read the schema, as FORBIDDEN, unless the caller has `role` or a higher one."""

    def guard(asked: ExecutionContext) -> None:
        # Names cannot be escaped in a document: where its text doesn't mention one, it isn't asked for.
        if (
            MENTIONED.search(asked.query or "")
            and not may_read(asked.context.caller, role)
            and _is_introspective(document_of(asked))
        ):
            raise UserFault("FORBIDDEN", f"Reading the schema needs the role {role} on this server.")

    return guard


def may_read(caller: Principal | None, role: Role) -> bool:
    """Tell whether somebody may read the schema where that needs `role`."""
    return caller is not None and refusal(caller, role) is None


def discreet(error: GraphQLError, *, may_read: bool) -> GraphQLError:
    """Take out of GraphQL's own words what they tell of the schema: suggestions, or all but the place in the document.

    Errors of syntax, bugs and words of ours are left as they are.
    """
    if not _is_of_schema(error):
        return error
    message = SUGGESTION.sub("", error.message) if may_read else UNFIT
    return GraphQLError(
        message, nodes=error.nodes, source=error.source, positions=error.positions, path=error.path
    )


def _is_of_schema(error: GraphQLError) -> bool:
    origin = error
    while isinstance(origin.original_error, GraphQLError):
        origin = origin.original_error
    if isinstance(origin, GraphQLSyntaxError) or "code" in (origin.extensions or {}):
        return False
    # Scalars raise what they like at a variable, which has no path; behind a path, whatever is raised is a bug.
    cause = origin.original_error
    if error.path is None:
        return bool(error.nodes or error.positions) and not isinstance(cause, HeadgateError)
    return cause is None and bool(origin.nodes)


def _is_introspective(document: DocumentNode) -> bool:
    left: list[SelectionNode] = []
    for definition in document.definitions:
        if isinstance(definition, ExecutableDefinitionNode):
            left += definition.selection_set.selections
    while left:
        node = left.pop()
        if isinstance(node, FieldNode) and node.name.value in INTROSPECTION:
            return True
        inner = getattr(node, "selection_set", None)
        left += inner.selections if inner is not None else ()
    return False
