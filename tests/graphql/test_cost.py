"""What an operation may cost at most."""

import time
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    OperationDefinitionNode,
    build_schema,
    get_introspection_query,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_list_type,
    parse,
    value_from_ast_untyped,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.graphql.cost import LIST_SIZE, MAX_SIZE, ROWS_A_VALUE, measure
from headgate.graphql.limits import DEFAULT_LIMITS
from headgate.graphql.schema import HeadgateSchema

SCHEMA = build_schema("""
interface Node { id: ID! things(first: Int = 20): ThingConnection! }
type Thing implements Node {
  id: ID! name: String tags: [String!]! parent: Thing parts: [Thing!]!
  things(first: Int = 20): ThingConnection! rows(first: Int = 100): RowPage!
}
type ThingConnection { edges: [ThingEdge!]! info: Info! total: Int }
type ThingEdge { node: Thing! cursor: String! }
type Info { more: Boolean! again: ThingConnection! }
type RowPage { records: [String!]! columns: [Thing!]! }
type Query {
  thing: Thing things(first: Int = 20, after: String): ThingConnection!
  nodes(ids: [ID!]!): [Node]! list(first: Int): [Thing!]! leaf: Int
}
type Mutation { make: Thing }
type Subscription { made: Thing }
""")

# In schemas of Strawberry's the defaults are here.
for _type in ("Node", "Thing", "Query"):
    for _field in SCHEMA.type_map[_type].fields.values():  # type: ignore[attr-defined]
        if "first" in _field.args and get_named_type(_field.type).name != "Thing":
            _field.args["first"].default_value = 100 if get_named_type(_field.type).name == "RowPage" else 20


def cost(query: str, variables: Mapping[str, Any] | None = None, name: str | None = None) -> int:
    document = parse(query)
    return measure(document, SCHEMA, operation(document, name)).cost(variables)


def operation(document: DocumentNode, name: str | None = None) -> OperationDefinitionNode:
    nodes = (node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    return next(node for node in nodes if name is None or (node.name and node.name.value == name))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ leaf }", 1),
        ("{ leaf other: leaf __typename }", 3),
        ("{ thing { id name tags } }", 4),
        ("mutation { make { id } }", 2),
        ("subscription { made { id } }", 2),
        ("{ thing { parts { id name } } }", 2 + 10 * 2),
        ("{ thing { parts { parts { id } } } }", 2 + 10 * (1 + 10)),
        ("{ things { edges { node { id } } } }", 2 + 20 * 2),
        ("{ things(first: 3) { edges { node { id } cursor } info { more } total } }", 2 + 3 * 3 + 3),
        ("{ things(first: null) { edges { cursor } } }", 2 + 20),
        (
            "{ things(first: 3) { edges { node { things(first: 5) { edges { cursor } } } } } }",
            2 + 3 * (3 + 5),
        ),
        ("{ things(first: 3) { info { again { edges { cursor } } } } }", 4 + 10 * 1),
        ("{ things(first: 0) { edges { cursor } } }", 2),
        ("{ things(first: -5) { edges { cursor } } }", 2),
        ("{ things(first: 999999) { edges { cursor } } }", 2 + MAX_SIZE),
        ("{ things(first: " + "9" * 5000 + ") { edges { cursor } } }", 2 + MAX_SIZE),
        ('{ things(first: "3") { edges { cursor } } }', 3),
        ("{ list(first: 4) { id } }", 1 + 4),
        ("{ list { id } }", 1 + 10),
        ('{ nodes(ids: ["a", "b"]) { id } }', 1 + 2),
        ('{ nodes(ids: "a") { id ... on Thing { name } } }', 1 + 2),
        ("{ nodes(ids: []) { id } }", 1),
        ("{ thing { rows { records } } }", 2 + 1 + 1),
        ("{ thing { rows(first: 10000) { records columns { id } } } }", 2 + 1 + 11 + 100),
        ("{ unknown { leaf things { x } } }", 4),
        ("{ leaf { leaf } }", 2),
        ("{ thing @skip(if: true) { id } }", 2),
        ("{ ...f ...f } fragment f on Query { leaf thing { id } }", 6),
        ("{ things(first: 7) { ...f } } fragment f on ThingConnection { total edges { cursor } }", 3 + 7),
        ("{ ...f } fragment f on Query { leaf ...f }", 1),
        ("{ ...missing ... on Missing { leaf } }", 1),
        ("query a { leaf } query b { leaf thing { id } }", 1),
    ],
)
def test_values_are_fields_times_the_sizes_of_their_lists(query: str, expected: int) -> None:
    assert cost(query) == expected


PAGE = "query($n: Int = 4) { things(first: $n) { edges { cursor } } }"


@pytest.mark.parametrize(
    ("query", "variables", "expected"),
    [
        (PAGE, {"n": 9}, 2 + 9),
        (PAGE, {"n": 9.0}, 2 + 9),
        (PAGE, {}, 2 + 4),
        (PAGE, None, 2 + 4),
        (PAGE, {"n": None}, 2 + 20),
        (PAGE, {"n": {}}, 2 + 20),
        (PAGE, {"n": 2**60}, 2 + MAX_SIZE),
        (PAGE.replace(" = 4", ""), {}, 2 + 20),
        ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": ["a"] * 7}, 1 + 7),
        ("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", {"ids": "a"}, 1 + 1),
        ("query($n: Int) { thing { rows(first: $n) { records } } }", {"n": 201}, 2 + 1 + 3),
        (
            "query($n: Int) { things { edges { node { ...f } } } } "
            "fragment f on Thing { things(first: $n) { edges { cursor } } }",
            {"n": 5},
            2 + 20 * (1 + 2 + 5),
        ),
    ],
)
def test_sizes_may_be_variables(query: str, variables: Mapping[str, Any] | None, expected: int) -> None:
    assert cost(query, variables) == expected


def test_only_the_operation_that_runs_is_measured() -> None:
    assert cost("query a { leaf } query b { leaf thing { id } }", name="b") == 3


def test_the_largest_page_is_told_and_only_those_of_connections() -> None:
    query = "query($n: Int) { things(first: $n) { info { again { total } } } list(first: 99) { rows { records } } }"
    document = parse(query)
    found = measure(document, SCHEMA, operation(document))

    assert [found.largest_page(each) for each in ({"n": 30}, {"n": 5}, {}, None)] == [30, 10, 20, 20]


@pytest.mark.parametrize("size", ["", "(first: $n)"])
def test_fragments_that_double_at_each_level_are_measured_in_no_time(size: str) -> None:
    names = [f"f{number}" for number in range(20)]
    fragments = [f"fragment {a} on Thing{{parent{{...{b} ...{b}}}}}" for a, b in pairwise(names)]
    query = "query($n:Int){thing{...f0}}" + "".join(fragments)
    query += f"fragment f19 on Thing{{things{size}{{total}}}}"
    assert len(query) < 1200

    started = time.perf_counter()
    assert cost(query, {"n": 3}) == 1 + (2**19 - 1) + 2**19 * 2
    assert time.perf_counter() - started < 0.2


def test_introspection_as_tools_ask_for_it_is_within_the_limit(schema: HeadgateSchema) -> None:
    query = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
        one_of=True,
        type_depth=12,
    )
    document = parse(query)
    found = measure(document, schema._schema, operation(document)).cost(None)

    assert 1_000 < found < DEFAULT_LIMITS.cost


def naive(
    node: Any, type_: GraphQLNamedType | None, fragments: Mapping[str, Any], variables: Mapping[str, Any]
) -> tuple[int, int]:
    """Count (once, each) the obvious way: walking through each fragment wherever it is spread."""
    once = each = 0
    for child in node.selection_set.selections if node.selection_set else ():
        if isinstance(child, FragmentSpreadNode):
            child = fragments[child.name.value]
        if isinstance(child, FragmentDefinitionNode):
            found = naive(child, SCHEMA.get_type(child.type_condition.name.value), fragments, variables)
        else:
            found = naive_field(child, type_, fragments, variables)
        once, each = once + found[0], each + found[1]
    return once, each


def naive_field(
    node: FieldNode, parent: Any, fragments: Mapping[str, Any], variables: Mapping[str, Any]
) -> tuple[int, int]:
    field = SCHEMA.get_field(parent, node.name.value)
    assert field is not None
    named = get_named_type(field.type)
    once, each = naive(node, named, fragments, variables)
    given_ = {a.name.value: value_from_ast_untyped(a.value, dict(variables)) for a in node.arguments or ()}
    first = given_.get("first")
    if first is None:
        first = field.args["first"].default_value if "first" in field.args else LIST_SIZE
    if named.name.endswith("Connection"):
        return 1 + once + first * each, 0
    if named.name == "RowPage":
        return 1 + once + each + -(-first // ROWS_A_VALUE), 0
    if is_list_type(get_nullable_type(field.type)) and not is_leaf_type(named):
        if parent.name.endswith("Connection"):
            return 1, once + each
        return 1 + LIST_SIZE * (once + each), 0
    return 1 + once + each, 0


FIRST = st.sampled_from(["", "(first: 3)", "(first: 0)", "(first: $n)", "(first: $m)", "(first: null)"])
BY_TYPE: Mapping[str, tuple[tuple[str, str, bool], ...]] = {
    "Thing": (
        ("id", "", False),
        ("tags", "", False),
        ("parent", "Thing", False),
        ("parts", "Thing", False),
        ("things", "ThingConnection", True),
        ("rows", "RowPage", True),
    ),
    "ThingConnection": (("total", "", False), ("edges", "ThingEdge", False), ("info", "Info", False)),
    "ThingEdge": (("cursor", "", False), ("node", "Thing", False)),
    "Info": (("more", "", False), ("again", "ThingConnection", False)),
    "RowPage": (("records", "", False), ("columns", "Thing", False)),
}
FRAGMENTS = 4


@st.composite
def selections(draw: st.DrawFn, type_: str, level: int, depth: int = 3) -> str:
    """Draw selections of a type that spread only fragments of higher levels."""
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        if level < FRAGMENTS and draw(st.integers(0, 3)) == 0:
            parts.append(f"...{type_}{draw(st.integers(level, FRAGMENTS - 1))}")
            continue
        name, inner, is_sized = draw(st.sampled_from(BY_TYPE[type_] if depth else BY_TYPE[type_][:1]))
        size = draw(FIRST) if is_sized else ""
        parts.append(name + size + (f" {{ {draw(selections(inner, level, depth - 1))} }}" if inner else ""))
    return " ".join(parts)


@st.composite
def documents(draw: st.DrawFn) -> str:
    fragments = [
        f"fragment {type_}{level} on {type_} {{ {draw(selections(type_, level + 1, 2))} }}"
        for level in range(FRAGMENTS)
        for type_ in BY_TYPE
    ]
    return f"query($n: Int, $m: Int) {{ thing {{ {draw(selections('Thing', 0))} }} }} " + " ".join(fragments)


@settings(max_examples=40, deadline=None)
@given(documents(), st.integers(0, 200), st.integers(0, 50))
def test_it_counts_what_a_walk_through_all_fragments_counts(query: str, n: int, m: int) -> None:
    document, variables = parse(query), {"n": n, "m": m}
    fragments = {x.name.value: x for x in document.definitions if isinstance(x, FragmentDefinitionNode)}
    expected = naive(operation(document), SCHEMA.query_type, fragments, variables)

    assert cost(query, variables) == sum(expected)
