"""Pages about the API, one for each noun, written from the schema; the site has them, the repository doesn't."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLUnionType,
    Undefined,
    get_named_type,
    print_ast,
)
from graphql.utilities import ast_from_value

from tools.reference.api_nouns import NOUNS, Api, Noun, Operation
from tools.reference.markdown import page, table

INTRODUCTION = """
Everything is asked of one endpoint, `/graphql`: by POST, with subscriptions as Server-Sent Events, or over
WebSocket with the subprotocol `graphql-transport-ws`. What a caller did wrong stands in the `errors` of a
mutation's answer, each with a [stable code](../reference/errors.md); what the schema or the caller's role
doesn't allow stands in the `errors` of the whole response. `headgate schema export` prints the schema as one
file, and [roles](../reference/roles.md) says who may do what.
""".strip()
KINDS = {
    GraphQLObjectType: "type",
    GraphQLInterfaceType: "interface",
    GraphQLInputObjectType: "input",
    GraphQLEnumType: "enum",
    GraphQLScalarType: "scalar",
    GraphQLUnionType: "union",
}
OPEN = "Open to everybody."

Parts = Iterator[str | Sequence[str]]


def api_pages() -> dict[str, str]:
    """Every page by its path below the folder of the API."""
    api = Api()
    return {"index.md": _index(api), **{f"{noun.name}.md": NounPage(api, noun).text() for noun in NOUNS}}


def _index(api: Api) -> str:
    rows = [
        [
            f"[{operation.name}]({noun.name}.md#{_anchor(operation)})",
            operation.root.lower(),
            _paragraphs(operation.field)[0],
        ]
        for noun in NOUNS
        for operation in api.of(noun)
    ]
    types = ", ".join(f"[{name}]({home}.md#{name})" for name, home in sorted(api.homes.items()))
    operations = table(["field", "of", "what it does"], rows)
    return page("# API", INTRODUCTION, "## Operations", operations, "## Types", types)


class NounPage:
    """The operations and the types of one noun."""

    def __init__(self, api: Api, noun: Noun) -> None:
        self._api = api
        self._noun = noun

    def text(self) -> str:
        """The page in Markdown; each operation and each type has an anchor."""
        operations = self._api.of(self._noun)
        names = [name for name, home in sorted(self._api.homes.items()) if home == self._noun.name]
        return page(
            f"# {self._noun.title}",
            *(part for operation in operations for part in self._operation(operation)),
            "## Types" if names and operations else "",
            *(part for name in names for part in self._type(self._api.types[name])),
        )

    def _operation(self, operation: Operation) -> Parts:
        needs = f"Needs the role {operation.role}." if operation.role else OPEN
        yield f"## {operation.name} {{#{_anchor(operation)}}}"
        yield f"*{operation.root}*, answers {self._shown(operation.field.type)}. {needs}"
        yield from _paragraphs(operation.field)
        yield self._fields("argument", operation.field.args)

    def _type(self, each: GraphQLNamedType) -> Parts:
        kind = next(word for kind, word in KINDS.items() if isinstance(each, kind))
        yield f"### {each.name} {{#{each.name}}}"
        yield f"*{kind}*{self._implemented(each)}"
        yield from (each.description or "").strip().split("\n\n")
        if isinstance(each, GraphQLEnumType):
            yield table(
                ["value", "meaning"], [[f"`{name}`", meaning(one)] for name, one in each.values.items()]
            )
        elif isinstance(each, GraphQLUnionType):
            yield "One of " + ", ".join(self._link(one.name) for one in each.types) + "."
        elif isinstance(each, GraphQLInputObjectType | GraphQLObjectType | GraphQLInterfaceType):
            yield self._fields("field", each.fields)

    def _implemented(self, each: GraphQLNamedType) -> str:
        interfaces = each.interfaces if isinstance(each, GraphQLObjectType) else ()
        names = ", ".join(self._link(interface.name) for interface in interfaces)
        return f", implements {names}" if names else ""

    def _fields(self, head: str, fields: Mapping[str, Any]) -> list[str]:
        rows = [
            [f"`{name}`", self._shown(each.type), meaning(each) + self._arguments(each)]
            for name, each in fields.items()
        ]
        return table([head, "type", "meaning"], rows) if rows else []

    def _arguments(self, each: object) -> str:
        arguments = each.args if isinstance(each, GraphQLField) else {}
        return "".join(
            f"<br>`{name}`: {self._shown(argument.type)} {meaning(argument)}"
            for name, argument in arguments.items()
        )

    def _shown(self, graphql_type: Any) -> str:
        """A type as it is written, with a link to what is said about it."""
        name = get_named_type(graphql_type).name
        before, _, after = str(graphql_type).partition(name)
        return before.replace("[", "\\[") + self._link(name) + after.replace("]", "\\]")

    def _link(self, name: str) -> str:
        home = self._api.homes[name]
        return f"[{name}]({'' if home == self._noun.name else f'{home}.md'}#{name})"


def _anchor(operation: Operation) -> str:
    return f"{operation.root.lower()}-{operation.name}"


def _paragraphs(each: Any) -> list[str]:
    deprecated = [f"**Deprecated.** {each.deprecation_reason}"] if each.deprecation_reason else []
    return [*deprecated, *(each.description or "").strip().split("\n\n")]


def meaning(each: Any) -> str:
    """What is said of a field, an argument or a value, in one line; first of all that it is deprecated."""
    return " ".join(_paragraphs(each)) + _default(each)


def _default(each: object) -> str:
    if not isinstance(each, GraphQLArgument | GraphQLInputField) or each.default_value in (Undefined, None):
        return ""
    written = ast_from_value(each.default_value, each.type)
    return f" Default: `{print_ast(written)}`." if written else ""
