"""How long lists of variables may be."""

from typing import Any

import pytest
from graphql import GraphQLError, OperationDefinitionNode, build_schema, parse

from headgate.graphql.inputlists import MAX_ITEMS, MAX_JSON_ITEMS, check_lists, list_variables

SCHEMA = build_schema("""
scalar JSON
enum Color { RED }
input Filter { ids: [ID!] colors: [Color!] and: [Filter!] not: Filter name: String any: [[JSON]] deep: [[Int]] }
input Plain { name: String inner: Plain json: JSON }
type Query { a(filter: Filter, plain: Plain, ids: [ID!]): Int }
""")
TYPES = {"ids": "[ID!]!", "filter": "Filter", "plain": "Plain!", "one": "Int", "unknown": "Missing"}


def refusal_of(**values: Any) -> Any:
    """Tell which list of the variables is too long, and how long it may be; None where all are well."""
    definitions = ", ".join(f"${name}: {type_}" for name, type_ in TYPES.items())
    (operation,) = parse(f"query({definitions}) {{ a }}").definitions
    assert isinstance(operation, OperationDefinitionNode)
    try:
        check_lists(list_variables(operation, SCHEMA), values)
    except GraphQLError as error:
        told = error.extensions or {}
        return told["limit"], told["maximum"], told["requested"]
    return None


FULL, TOO_LONG = ["a"] * MAX_ITEMS, ["a"] * (MAX_ITEMS + 1)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({}, None),
        ({"ids": FULL}, None),
        ({"ids": TOO_LONG}, "ids"),
        ({"ids": "a"}, None),
        ({"ids": None, "filter": None, "unknown": TOO_LONG, "one": TOO_LONG}, None),
        ({"filter": {"colors": FULL, "ids": FULL}}, None),
        ({"filter": {"colors": TOO_LONG}}, "filter.colors"),
        ({"filter": {"not": {"and": [{}, {"not": {"ids": TOO_LONG}}]}}}, "filter.not.and.not.ids"),
        ({"filter": {"and": {"ids": TOO_LONG}}}, "filter.and.ids"),
        ({"filter": {"deep": [[1], TOO_LONG]}}, "filter.deep"),
        ({"filter": {"unknown": TOO_LONG}}, None),
        ({"filter": TOO_LONG}, None),
        ({"plain": {"json": TOO_LONG}}, None),
        ({"filter": {"any": [TOO_LONG]}}, None),
    ],
)
def test_lists_are_held_to_a_length_wherever_they_are(values: Any, name: str | None) -> None:
    expected = None if name is None else (f"items of ${name}", MAX_ITEMS, MAX_ITEMS + 1)

    assert refusal_of(**values) == expected


def test_lists_of_json_may_be_longer() -> None:
    assert refusal_of(filter={"any": [[1] * MAX_JSON_ITEMS]}) is None
    too_long = [[1] * (MAX_JSON_ITEMS + 1)]
    assert refusal_of(filter={"any": too_long}) == (
        "items of $filter.any",
        MAX_JSON_ITEMS,
        MAX_JSON_ITEMS + 1,
    )
