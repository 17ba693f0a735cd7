"""How long lists of variables may be, each of which is coerced item by item.

Lists that are written into a document are held to its number of tokens. Many fields allow fewer, and say so.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from graphql import (
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    is_input_type,
    type_from_ast,
)

from headgate.graphql.limits import check_limit

MAX_ITEMS = 10_000
MAX_JSON_ITEMS = 100_000
"""Records that come in the request itself; more of them belong into a file."""


class ListVariable(NamedTuple):
    """A variable whose value may hold lists."""

    name: str
    type_: GraphQLInputType


def list_variables(operation: OperationDefinitionNode, schema: GraphQLSchema) -> Sequence[ListVariable]:
    """Tell which variables of an operation may hold lists."""
    found = []
    for each in operation.variable_definitions or ():
        type_ = type_from_ast(schema, each.type)
        if type_ is not None and is_input_type(type_) and _holds_lists(type_, set()):
            found.append(ListVariable(each.variable.name.value, type_))
    return found


def check_lists(variables: Sequence[ListVariable], values: Mapping[str, Any] | None) -> None:
    """Raise GraphQLError (QUERY_LIMIT_EXCEEDED) where a list of these variables is too long."""
    for name, type_ in variables:
        _check(type_, (values or {}).get(name), f"items of ${name}")


def _check(type_: GraphQLInputType, value: Any, name: str) -> None:
    if isinstance(type_, GraphQLNonNull):
        return _check(type_.of_type, value, name)
    if isinstance(type_, GraphQLList):
        return _check_list(type_, value if isinstance(value, list) else [value], name)
    if isinstance(type_, GraphQLInputObjectType) and isinstance(value, dict):
        for key in value.keys() & type_.fields.keys():
            _check(type_.fields[key].type, value[key], f"{name}.{key}")


def _check_list(type_: GraphQLList[Any], items: list[Any], name: str) -> None:
    named = get_named_type(type_)
    check_limit(name, len(items), MAX_JSON_ITEMS if named.name == "JSON" else MAX_ITEMS)
    if _holds_lists(type_.of_type, set()):
        for item in items:
            _check(type_.of_type, item, name)


def _holds_lists(type_: GraphQLInputType, seen: set[str]) -> bool:
    """Tell whether a value of a type may hold lists; types that were `seen` add nothing."""
    if isinstance(type_, GraphQLNonNull):
        return _holds_lists(type_.of_type, seen)
    if isinstance(type_, GraphQLList):
        return True
    if not isinstance(type_, GraphQLInputObjectType) or type_.name in seen:
        return False
    seen.add(type_.name)
    return any(_holds_lists(field.type, seen) for field in type_.fields.values())
