"""What is done for those who have not shown who they are: the few operations that are open to everybody."""

from collections.abc import Callable, Iterator
from functools import partial

from graphql import DocumentNode, FieldNode, OperationDefinitionNode, OperationType
from strawberry.extensions import SchemaExtension
from strawberry.types import get_object_definition
from strawberry.utils.str_converters import to_camel_case

from headgate.errors import Unauthenticated
from headgate.graphql.fields import ANYONE, required_role


class Doorway(SchemaExtension):
    """Refuses a document of nobody known, as UNAUTHENTICATED, unless all it asks for is open to everybody.

    It comes behind what parses. Validation comes later, so that strangers learn nothing of the schema.
    """

    def __init__(self, open_fields: frozenset[str]) -> None:
        self._open_fields = open_fields

    def on_parse(self) -> Iterator[None]:
        if self.execution_context.context.caller is None:
            assert self.execution_context.graphql_document is not None
            if not _is_open(self.execution_context.graphql_document, self._open_fields):
                raise Unauthenticated
        yield


def doorway(mutation: type) -> Callable[[], SchemaExtension]:
    """Make what guards a schema with these mutations; its queries and subscriptions are for known callers only."""
    fields = get_object_definition(mutation, strict=True).fields
    names = (
        field.graphql_name or to_camel_case(field.name) for field in fields if required_role(field) is ANYONE
    )
    return partial(Doorway, frozenset(names))


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
