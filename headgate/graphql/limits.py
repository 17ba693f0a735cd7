"""How much one GraphQL document may ask for, measured in one linear pass before it is validated."""

from collections.abc import Mapping
from dataclasses import dataclass, fields

from graphql import (
    DocumentNode,
    ExecutableDefinitionNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSyntaxError,
    InlineFragmentNode,
    SelectionNode,
    parse,
)

from headgate.domain.pages import MAX_FIRST

LIMIT_CODE = "QUERY_LIMIT_EXCEEDED"
TOO_LONG = ("Document contains more than ", "Source contains more than ")
"""How graphql-core begins to say that its limits of tokens, comments and length are exceeded."""


@dataclass(frozen=True, slots=True)
class Size:
    """What a selection asks for, its fragments counted each time that they are spread."""

    depth: int = 0
    fields: int = 0
    aliases: int = 0
    directives: int = 0

    def __add__(self, other: "Size") -> "Size":
        return Size(
            max(self.depth, other.depth),
            self.fields + other.fields,
            self.aliases + other.aliases,
            self.directives + other.directives,
        )


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """What one document may hold, and one operation ask for. The standard introspection query fits in.

    `cost` is in values; `page` is the largest `first` of a connection. An operation may take `execution_s` seconds,
    and a subscription so long to begin.
    """

    size: Size = Size(depth=20, fields=1_000, aliases=100, directives=100)
    fragments: int = 100
    tokens: int = 10_000
    chars: int = 256 * 1024
    cost: int = 100_000
    page: int = MAX_FIRST
    execution_s: float = 60.0


DEFAULT_LIMITS = QueryLimits()


def parse_within(query: str, limits: QueryLimits = DEFAULT_LIMITS) -> DocumentNode:
    """Parse a document; raises GraphQLError for a syntax error or a document beyond a limit."""
    try:
        document = parse(
            query,
            max_lexical_tokens=limits.tokens,
            max_comments=limits.tokens,
            max_source_length=limits.chars,
        )
        _check(document, limits)
    except RecursionError:
        raise nests_too_deeply() from None
    except GraphQLSyntaxError as error:
        if error.description.startswith(TOO_LONG):
            raise GraphQLError(error.description, extensions={"code": LIMIT_CODE}) from None
        raise
    return document


def _check(document: DocumentNode, limits: QueryLimits) -> None:
    fragments = {
        node.name.value: node for node in document.definitions if isinstance(node, FragmentDefinitionNode)
    }
    check_limit("fragments", len(fragments), limits.fragments)
    sizes = _Sizes(fragments)
    for node in document.definitions:
        if isinstance(node, ExecutableDefinitionNode):
            _check_size(sizes.of_definition(node), limits.size)


def _check_size(size: Size, limit: Size) -> None:
    for each in fields(Size):
        check_limit(each.name, getattr(size, each.name), getattr(limit, each.name))


def check_limit(name: str, value: int, limit: int) -> None:
    """Raise GraphQLError where a value is beyond its limit."""
    if value > limit:
        raise GraphQLError(
            f"This exceeds the limit of {name}: it asks for {value:,}, and at most {limit:,} are allowed.",
            extensions={"code": LIMIT_CODE, "limit": name, "maximum": limit, "requested": value},
        )


def nests_too_deeply() -> GraphQLError:
    """Make the refusal of a document that cannot even be looked at."""
    return GraphQLError("The document nests too deeply.", extensions={"code": LIMIT_CODE})


class _Sizes:
    """Measures selections; each fragment once, however often it is spread."""

    def __init__(self, fragments: Mapping[str, FragmentDefinitionNode]) -> None:
        self._fragments = fragments
        self._known: dict[str, Size] = {}

    def of_definition(self, node: ExecutableDefinitionNode) -> Size:
        own = Size(directives=len(node.directives or ()))
        return own + self._of_selections(node.selection_set.selections)

    def _of_selections(self, selections: tuple[SelectionNode, ...]) -> Size:
        return sum(map(self._of_selection, selections), Size())

    def _of_selection(self, node: SelectionNode) -> Size:
        own = Size(directives=len(node.directives or ()))
        if isinstance(node, FragmentSpreadNode):
            return own + self._of_fragment(node.name.value)
        inner = self._of_selections(_selections(node))
        if not isinstance(node, FieldNode):
            return own + inner
        return own + inner + Size(depth=inner.depth + 1, fields=1, aliases=1 if node.alias else 0)

    def _of_fragment(self, name: str) -> Size:
        if name not in self._known:
            # A fragment that spreads itself counts as empty inside: validation refuses it afterwards.
            self._known[name] = Size()
            if name in self._fragments:
                self._known[name] = self.of_definition(self._fragments[name])
        return self._known[name]


def _selections(node: SelectionNode) -> tuple[SelectionNode, ...]:
    inner = node.selection_set if isinstance(node, FieldNode | InlineFragmentNode) else None
    return inner.selections if inner else ()
