"""What is done for those who have not shown who they are: the few operations that are open to everybody."""

from graphql import DocumentNode, FieldNode, OperationDefinitionNode, OperationType
from strawberry.types import ExecutionContext, get_object_definition
from strawberry.utils.str_converters import to_camel_case

from headgate.errors import Unauthenticated
from headgate.graphql.fields import ANYONE, required_role
from headgate.graphql.guarded import Guard, document_of


def doorway(mutation: type) -> Guard:
    """Make what guards a schema with these mutations; its queries and subscriptions are for known callers only.

    It refuses a document of nobody known, as UNAUTHENTICATED, unless all it asks for is open to everybody.
    """
    fields = get_object_definition(mutation, strict=True).fields
    open_fields = frozenset(
        field.graphql_name or to_camel_case(field.name) for field in fields if required_role(field) is ANYONE
    )

    def guard(asked: ExecutionContext) -> None:
        if asked.context.caller is None and not _is_open(document_of(asked), open_fields):
            raise Unauthenticated

    return guard


def _is_open(document: DocumentNode, open_fields: frozenset[str]) -> bool:
    """Whether a document holds nothing but mutations, and these nothing but open fields, each spelt out."""
    return all(
        isinstance(operation, OperationDefinitionNode)
        and operation.operation is OperationType.MUTATION
        and all(
            isinstance(node, FieldNode) and node.name.value in open_fields
            for node in operation.selection_set.selections
        )
        for operation in document.definitions
    )
