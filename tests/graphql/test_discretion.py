"""In production, callers below a role learn nothing of the schema that they don't know already."""

import re
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from graphql import GraphQLError, get_introspection_query

from headgate.domain.permissions import Principal
from headgate.graphql.context import Context
from headgate.graphql.discretion import UNFIT
from headgate.graphql.schema import HeadgateSchema, make_schema
from headgate.storage.tables import Role, utc_now

READING = {
    "the schema": "{ __schema { queryType { name } } }",
    "a type": '{ __type(name: "Job") { name } }',
    "behind another name": "{ viewer: __schema { queryType { name } } }",
    "in a fragment": "query { ...reading } fragment reading on Query { __schema { queryType { name } } }",
    "in a fragment of a fragment": (
        "query { ...a } fragment a on Query { ...b } fragment b on Query { __schema { queryType { name } } }"
    ),
    "inline": "{ ... { ... on Query { __schema { queryType { name } } } } }",
    "beside others": 'query a { viewer { role } } query b { __type(name: "Job") { name } }',
    "unless told not to": "query ($is: Boolean! = true) { __schema @skip(if: $is) { queryType { name } } }",
    "in a mutation": "mutation { __schema { queryType { name } } }",
    "in a subscription": "subscription { __schema { queryType { name } } }",
    "between other words": "{ __typename, #\n__schema{queryType{name}} }",
    "all of it": get_introspection_query(),
}
NOT_READING = {
    "the name of a type": "{ __typename catalog { __typename } }",
    "a word in a text": 'query ($x: String = "__schema") { catalog @include(if: true) { __typename } }',
    "a word in a comment": "{ __typename } # __type",
    "another name": "{ __schema: catalog { __typename } }",
}
UNFITTING: dict[str, tuple[str, dict[str, Any]]] = {
    "a field": ("{ job_ { id } }", {}),
    "a field of a field": ("{ jobs { totalCoun } }", {}),
    "an argument": ("{ jobs(firs: 1) { totalCount } }", {}),
    "an argument of a directive": ("{ viewer @skip(i: true) { role } }", {}),
    "a missing argument": ("{ job { id } }", {}),
    "no selection": ("{ jobs }", {}),
    "a selection of a scalar": ("{ jobs { totalCount { x } } }", {}),
    "a type": ("{ ... on Quer { viewer { role } } }", {}),
    "a type that doesn't fit": ("{ viewer { ... on Job { id } } }", {}),
    "a variable's type": ("query ($x: JobFilte) { viewer { role } }", {}),
    "a variable where another belongs": ("query ($x: Int) { job(id: $x) { id } }", {}),
    "an enum's value": ("{ jobStatistics(groupBy: DAYS) { key } }", {}),
    "a text for an enum": ('{ jobStatistics(groupBy: "DAY") { key } }', {}),
    "a literal": ('{ jobs(first: "many") { totalCount } }', {}),
    "an object for a literal": ("{ errors(filter: 1) { totalCount } }", {}),
    "a field of an input": ("{ errors(filter: {jo: 1}) { totalCount } }", {}),
    "a directive": ("{ viewer @inclde(if: true) { role } }", {}),
    "two fields in one place": ("{ a: viewer { role } a: jobs { totalCount } }", {}),
    "a variable's value": ("query ($x: JobFilter) { jobs(filter: $x) { totalCount } }", {"x": {"statu": 1}}),
    "an enum's value in a variable": (
        "query ($x: JobGroup!) { jobStatistics(groupBy: $x) { key } }",
        {"x": "DAYS"},
    ),
    "a number in a variable": ("query ($x: Int) { jobs(first: $x) { totalCount } }", {"x": "many"}),
    "a moment in a variable": ("query ($x: DateTime) { jobs(filter: {createdAfter: $x}) { totalCount } }", {"x": 1}),
    "a missing variable": ("query ($x: ID!) { job(id: $x) { id } }", {}),
    "null in a variable": ("query ($x: ID = \"a\") { job(id: $x) { id } }", {"x": None}),
}  # fmt: skip
MakeContext = Callable[..., Context]
Errors = Callable[..., Any]


@pytest.fixture
def make_context() -> MakeContext:
    """Make contexts of documents that are not run, or run without any part."""

    def make(role: Role = Role.ADMIN) -> Context:
        principal = Principal("user_1", role, utc_now() + timedelta(hours=1))
        return Context(cast("Any", None), cast("Any", None), principal, "request")

    return make


@pytest.fixture(scope="session")
def discreet() -> HeadgateSchema:
    return make_schema(schema_role=Role.OPERATOR)


@pytest.fixture(params=["executed", "streamed"])
def errors(request: pytest.FixtureRequest, discreet: HeadgateSchema) -> Errors:
    """Run a document in either way that transports run them; answers its errors."""

    async def executed(query: str, context: Context, variables: Any = None) -> list[GraphQLError]:
        result = await discreet.execute(query, variable_values=variables, context_value=context)
        return result.errors or []

    async def streamed(query: str, context: Context, variables: Any = None) -> list[Any]:
        stream = await discreet.stream(query, variable_values=variables, context_value=context)
        try:
            async with aclosing(stream):
                return [
                    error
                    for result in [await anext(stream)]
                    for error in getattr(result, "errors", None) or ()
                ]
        except Exception as error:
            return [error]

    return {"executed": executed, "streamed": streamed}[request.param]


def code(error: Any) -> object:
    cause = getattr(error, "original_error", None) or error
    return getattr(cause, "code", None)


@pytest.mark.parametrize("name", READING)
async def test_who_is_below_the_role_reads_no_schema(
    errors: Errors, make_context: MakeContext, name: str
) -> None:
    refused = await errors(READING[name], make_context(Role.VIEWER))

    assert [code(error) for error in refused] == ["FORBIDDEN"]


async def test_who_has_the_role_reads_the_schema(discreet: HeadgateSchema, make_context: MakeContext) -> None:
    for role in (Role.OPERATOR, Role.ADMIN):
        result = await discreet.execute(get_introspection_query(), context_value=make_context(role))
        assert result.errors is None
        assert result.data is not None


async def test_everybody_reads_the_schema_where_no_role_is_needed(
    schema: HeadgateSchema, make_context: MakeContext
) -> None:
    result = await schema.execute(get_introspection_query(), context_value=make_context(Role.VIEWER))

    assert result.errors is None


@pytest.mark.parametrize("name", NOT_READING)
async def test_other_documents_are_not_taken_for_reading_the_schema(
    discreet: HeadgateSchema, make_context: MakeContext, name: str
) -> None:
    result = await discreet.execute(NOT_READING[name], context_value=make_context(Role.VIEWER))

    assert not any(code(error) == "FORBIDDEN" for error in result.errors or ())


@pytest.mark.parametrize("name", UNFITTING)
async def test_who_is_below_the_role_is_told_where_and_no_more(
    errors: Errors, make_context: MakeContext, name: str
) -> None:
    query, variables = UNFITTING[name]
    found = await errors(query, make_context(Role.VIEWER), variables)

    assert {error.message for error in found} == {UNFIT}
    assert all(error.locations for error in found)


@pytest.mark.parametrize("name", UNFITTING)
async def test_who_has_the_role_is_told_what_but_not_what_it_might_be(
    schema: HeadgateSchema, errors: Errors, make_context: MakeContext, name: str
) -> None:
    query, variables = UNFITTING[name]
    told = [error.message for error in await errors(query, make_context(Role.OPERATOR), variables)]
    full = await schema.execute(query, variable_values=variables, context_value=make_context())

    assert told == [re.sub(r"\s*Did you mean .*", "", error.message) for error in full.errors or ()]
    assert not any("Did you mean" in message for message in told)


async def test_there_are_suggestions_to_take_out(schema: HeadgateSchema, make_context: MakeContext) -> None:
    for name in (
        "a field of a field",
        "an argument",
        "a type",
        "an enum's value",
        "an enum's value in a variable",
    ):
        query, variables = UNFITTING[name]
        result = await schema.execute(query, variable_values=variables, context_value=make_context())
        assert any("Did you mean" in error.message for error in result.errors or ()), name


async def test_what_was_remembered_of_a_document_for_one_is_not_told_another(
    discreet: HeadgateSchema, make_context: MakeContext
) -> None:
    async def told(role: Role) -> list[str]:
        result = await discreet.execute("{ jobs { secret_ } }", context_value=make_context(role))
        return [error.message for error in result.errors or ()]

    assert await told(Role.VIEWER) == [UNFIT]
    assert "secret_" in (await told(Role.ADMIN))[0]
    assert await told(Role.VIEWER) == [UNFIT]


async def test_strangers_learn_nothing_either(errors: Errors, make_context: MakeContext) -> None:
    stranger = replace(make_context(), caller=None)

    refused = await errors(READING["the schema"], stranger)

    assert [code(error) for error in refused] == ["UNAUTHENTICATED"]


async def test_words_of_ours_and_errors_of_syntax_stay(errors: Errors, make_context: MakeContext) -> None:
    (forbidden,) = await errors("{ auditLog { totalCount } }", make_context(Role.VIEWER))
    (syntax,) = await errors("{ jobs", make_context(Role.VIEWER))

    assert code(forbidden) == "FORBIDDEN"
    assert syntax.message.startswith("Syntax Error")
