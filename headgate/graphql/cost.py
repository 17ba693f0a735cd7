"""What an operation may cost at most: the values that it asks for, fields times the sizes of their lists.

A connection has as many entries as its `first` says, `nodes` as many as it is given ids, and any other list of
objects counts as 10. A page of rows is one JSON value: every 100 rows count as 1. Fields that `@skip` or `@include`
may leave out count too.

A document is read once, each fragment once; what depends on variables stays open, and is filled in for each request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from math import ceil
from typing import Any, NamedTuple

from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    NullValueNode,
    OperationDefinitionNode,
    SelectionNode,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_composite_type,
    is_leaf_type,
    is_list_type,
)

LIST_SIZE = 10
ROWS_A_VALUE = 100
MAX_SIZE = 10_000
"""No list can be asked for that is longer: what is beyond counts as this, and the field itself refuses it."""

SIZES = ("first", "ids")


class Count(NamedTuple):
    """The size of a list: a number, or what a variable says where one is named."""

    number: int
    variable: str | None = None

    def of(self, variables: Mapping[str, Any]) -> int:
        """Tell the size with these variables."""
        if self.variable is None or self.variable not in variables:
            return self.number
        return _size(variables[self.variable], self.number)


class Values(NamedTuple):
    """How many values a selection asks for: so many once, and so many more for each entry of its connection."""

    once: int = 0
    each: int = 0

    def __add__(self, other: "Values") -> "Values":  # type: ignore[override]
        return Values(self.once + other.once, self.each + other.each)

    @property
    def total(self) -> int:
        """All of them, for one entry."""
        return self.once + self.each


class Kind(Enum):
    """How many values a field has, by its type."""

    CONNECTION = auto()
    ENTRIES = auto()
    LIST = auto()
    ROWS = auto()
    PLAIN = auto()

    def values(self, size: int, inner: Values) -> Values:
        """Count a field whose list has this size, with what it selects."""
        match self:
            case Kind.CONNECTION:
                return Values(1 + inner.once + size * inner.each)
            case Kind.ENTRIES:
                return Values(1, inner.total)
            case Kind.LIST:
                return Values(1 + size * inner.total)
            case Kind.ROWS:
                return Values(1 + inner.total + ceil(size / ROWS_A_VALUE))
            case Kind.PLAIN:
                return Values(1 + inner.total)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A field whose number of values depends on variables; `inner` is what it selects."""

    kind: Kind
    count: Count
    inner: "Terms"

    def values(self, variables: Mapping[str, Any], found: dict[int, Values]) -> Values:
        """Count with these variables."""
        return self.kind.values(self.count.of(variables), self.inner.values(variables, found))


NOTHING = Values()


@dataclass(slots=True, eq=False)
class Terms:
    """The values of a selection: those that are known, and parts that are not."""

    known: Values = NOTHING
    parts: tuple["Part | Terms", ...] = ()

    def add(self, other: "Terms") -> None:
        """Add a selection, which is kept as one: others may have it too."""
        if other.parts:
            self.parts += (other,)
        else:
            self.known += other.known

    def values(self, variables: Mapping[str, Any], found: dict[int, Values]) -> Values:
        """Count with these variables; `found` remembers what was counted."""
        if not self.parts:
            return self.known
        if id(self) not in found:
            parts = (part.values(variables, found) for part in self.parts)
            found[id(self)] = sum(parts, self.known)
        return found[id(self)]


class Measure:
    """What one operation of a document may cost, for any variables."""

    def __init__(self, terms: Terms, defaults: Mapping[str, Any], pages: Sequence[Count]) -> None:
        self._terms = terms
        self._defaults = defaults
        self._pages = pages

    def cost(self, variables: Mapping[str, Any] | None) -> int:
        """How many values the operation asks for at most."""
        if not self._terms.parts:
            return self._terms.known.total
        return self._terms.values(self._filled(variables), {}).total

    def largest_page(self, variables: Mapping[str, Any] | None) -> int:
        """The largest `first` of its connections; 0 where there are none."""
        filled = self._filled(variables)
        return max((page.of(filled) for page in self._pages), default=0)

    def _filled(self, variables: Mapping[str, Any] | None) -> Mapping[str, Any]:
        return {**self._defaults, **(variables or {})}


def measure(document: DocumentNode, schema: GraphQLSchema, operation: OperationDefinitionNode) -> Measure:
    """Read an operation of a document; what is not in the schema counts as one value a field."""
    reader = _Reader(document, schema)
    terms = reader.selections(operation, schema.get_root_type(operation.operation))
    return Measure(terms, _defaults(operation), reader.pages)


class _Reader:
    """Reads selections; each fragment once, however often it is spread."""

    def __init__(self, document: DocumentNode, schema: GraphQLSchema) -> None:
        nodes = (node for node in document.definitions if isinstance(node, FragmentDefinitionNode))
        self._fragments = {node.name.value: node for node in nodes}
        self._schema = schema
        self._known: dict[str, Terms] = {}
        self.pages: list[Count] = []

    def selections(
        self,
        node: OperationDefinitionNode | FieldNode | InlineFragmentNode | FragmentDefinitionNode,
        type_: GraphQLNamedType | None,
    ) -> Terms:
        """Read what a node selects of a type, None for an unknown one."""
        terms = Terms()
        for selection in node.selection_set.selections if node.selection_set else ():
            terms.add(self._selection(selection, type_))
        return terms

    def _selection(self, node: SelectionNode, type_: GraphQLNamedType | None) -> Terms:
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value)
        if isinstance(node, InlineFragmentNode):
            on = node.type_condition
            return self.selections(node, self._schema.get_type(on.name.value) if on else type_)
        assert isinstance(node, FieldNode)
        return self._field(node, type_)

    def _fragment(self, name: str) -> Terms:
        if name not in self._known:
            # A fragment that spreads itself counts as empty inside: validation refuses it afterwards.
            self._known[name] = Terms()
            if (node := self._fragments.get(name)) is not None:
                type_ = self._schema.get_type(node.type_condition.name.value)
                self._known[name] = self.selections(node, type_)
        return self._known[name]

    def _field(self, node: FieldNode, parent: GraphQLNamedType | None) -> Terms:
        field = self._schema.get_field(parent, node.name.value) if is_composite_type(parent) else None
        inner = self.selections(node, get_named_type(field.type) if field else None)
        kind, count = _kind(field, parent), _count(field, node)
        if kind is Kind.CONNECTION:
            self.pages.append(count)
        if count.variable is not None or inner.parts:
            return Terms(parts=(Part(kind, count, inner),))
        return Terms(kind.values(count.number, inner.known))


def _kind(field: GraphQLField | None, parent: GraphQLNamedType | None) -> Kind:
    if field is None:
        return Kind.PLAIN
    if is_list_type(get_nullable_type(field.type)):
        if is_leaf_type(get_named_type(field.type)):
            return Kind.PLAIN
        return Kind.ENTRIES if is_connection(parent) else Kind.LIST
    if is_connection(get_named_type(field.type)):
        return Kind.CONNECTION
    return Kind.ROWS if "first" in field.args else Kind.PLAIN


def is_connection(type_: GraphQLNamedType | None) -> bool:
    """Tell whether a type is a page of a list; no other type may be called so (Relay's specification)."""
    return type_ is not None and type_.name.endswith("Connection")


def _count(field: GraphQLField | None, node: FieldNode) -> Count:
    """Tell what a field says of the size of its list: as an argument, by default, or nothing."""
    name = next((name for name in SIZES if field is not None and name in field.args), None)
    if field is None or name is None:
        return Count(LIST_SIZE)
    default = _size(field.args[name].default_value, LIST_SIZE)
    given = next((each for each in node.arguments or () if each.name.value == name), None)
    return Count(default) if given is None else _given(given, default)


def _given(argument: ArgumentNode, default: int) -> Count:
    if isinstance(argument.value, VariableNode):
        return Count(default, argument.value.name.value)
    return Count(_size(_literal(argument.value), default))


def _literal(node: ValueNode | None) -> Any:
    """Read as much of a literal as tells a size."""
    if isinstance(node, IntValueNode):
        # Python refuses to read integers of thousands of digits.
        return int(node.value) if len(node.value) < 10 else MAX_SIZE
    if isinstance(node, ListValueNode):
        return node.values
    return None if node is None or isinstance(node, NullValueNode) else ""


def _defaults(operation: OperationDefinitionNode) -> Mapping[str, Any]:
    return {
        each.variable.name.value: _literal(each.default_value)
        for each in operation.variable_definitions or ()
        if each.default_value is not None
    }


def _size(value: object, default: int) -> int:
    """Read a size: a number, a list's length, 1 for what stands for a list of one; `default` for null."""
    if isinstance(value, list | tuple):
        return min(len(value), MAX_SIZE)
    if isinstance(value, int | float):
        return int(min(max(value, 0), MAX_SIZE))
    return 1 if isinstance(value, str) else default
