"""How much one document may ask for."""

import time
from itertools import pairwise
from typing import Any

import pytest
from graphql import GraphQLError, build_schema, get_introspection_query, validate

from headgate.graphql.limits import (
    LIMIT_CODE,
    QueryLimits,
    Size,
    parse_within,
)

SMALL = QueryLimits(
    size=Size(depth=3, fields=5, aliases=2, directives=2), fragments=3, tokens=60, chars=1_000
)


def limit_of(query: str, limits: QueryLimits = SMALL) -> Any:
    """Tell which limit a document exceeds; None where it stays within all."""
    try:
        parse_within(query, limits)
    except GraphQLError as error:
        extensions = error.extensions or {}
        return extensions.get("limit") if extensions.get("code") == LIMIT_CODE else error.message
    return None


@pytest.mark.parametrize(
    ("query", "limit"),
    [
        ("{ a { b { c } } }", None),
        ("{ a { b { c { d } } } }", "depth"),
        ("{ a { ... { b { ... on T { c } } } } }", None),
        ("{ a { ...f } } fragment f on T { b { c } }", None),
        ("{ a { ...f } } fragment f on T { b { c { d } } }", "depth"),
        ("{ a b c d e }", None),
        ("{ a b c d e f }", "fields"),
        ("{ a { ...f } b { ...f } } fragment f on T { c }", None),
        ("{ a { ...f } b { ...f } } fragment f on T { c d }", "fields"),
        ("{ a } fragment f on T { a b c d e f }", "fields"),
        ("{ x: a y: b }", None),
        ("{ x: a y: b z: c }", "aliases"),
        ("{ ...f ...f } fragment f on T { x: a y: b }", "aliases"),
        ("query @x { a @x }", None),
        ("query @x { a @x ... @x { b } }", "directives"),
        ("{ ...f @x } fragment f on T @x { a @x }", "directives"),
        ("query($v: Int) { ...f } fragment f on T { ...g } fragment g on T { ...f }", None),
        ("{ ...f } fragment f on T { ...f a { ...f } }", None),
        ("{ ...missing }", None),
        ("{ a } fragment f on T { a } fragment g on T { a } fragment h on T { a }", None),
        (
            "{ a } fragment f on T { a } fragment g on T { a } fragment h on T { a } fragment i on T { a }",
            "fragments",
        ),
    ],
)
def test_each_limit_is_measured_with_fragments_counted_where_they_are_spread(
    query: str, limit: str | None
) -> None:
    assert limit_of(query) == limit


@pytest.mark.parametrize(
    "query",
    ["{ " + "a " * 60 + "}", "# x\n" * 61 + "{ a }", "{ a } " + " " * 1000, '{ a(x: "' + "y" * 1000 + '") }'],
)
def test_what_is_too_long_is_not_even_parsed(query: str) -> None:
    with pytest.raises(GraphQLError, match="contains more than") as refused:
        parse_within(query, SMALL)
    assert (refused.value.extensions or {})["code"] == LIMIT_CODE


def test_fragments_that_double_at_each_level_are_measured_in_no_time() -> None:
    names = [f"f{number}" for number in range(60)]
    spreads = pairwise(names)
    fragments = [f"fragment {name} on T {{ a {{ ...{inner} ...{inner} }} }}" for name, inner in spreads]
    query = "{ ...f0 } " + " ".join(fragments) + f" fragment {names[-1]} on T {{ a }}"

    started = time.perf_counter()
    assert limit_of(query, QueryLimits(size=Size(depth=100, fields=1_000))) == "fields"
    assert time.perf_counter() - started < 0.5


def test_a_long_chain_of_fragments_is_refused() -> None:
    fragments = " ".join(f"fragment f{n} on T {{ ...f{n + 1} }}" for n in range(1_100))

    assert limit_of("{ ...f0 } " + fragments, QueryLimits()) == "fragments"
    assert limit_of("{ ...f0 } " + fragments, QueryLimits(fragments=2_000)) is None


def test_standard_introspection_passes() -> None:
    query = get_introspection_query(
        specified_by_url=True,
        directive_is_repeatable=True,
        schema_description=True,
        input_value_deprecation=True,
        one_of=True,
        type_depth=12,
    )
    document = parse_within(query)

    assert validate(build_schema("type Query { a: Int }"), document) == []
