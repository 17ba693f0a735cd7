"""Which page about the API each operation and each type stands on."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from graphql import (
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
)
from strawberry.types import get_object_definition

from headgate.graphql.fields import ANYONE, required_role
from headgate.graphql.schema import HeadgateSchema, Mutation, Query, Subscription, make_schema


@dataclass(frozen=True)
class Noun:
    """One page: what these modules of `headgate.graphql` bring to the schema."""

    name: str
    title: str
    modules: Sequence[str] = ()


NOUNS = (
    Noun("files", "Files and uploads", ("files", "described_files", "uploads", "dialects")),
    Noun(
        "ingest",
        "Ingest, append and validate",
        ("ingest", "batches", "mappings", "appends", "validation", "data", "checks"),
    ),
    Noun(
        "jobs",
        "Jobs and their progress",
        ("jobs", "jobactions", "jobfilters", "events", "items", "progress", "started", "statistics"),
    ),
    Noun("errors", "Errors and corrections", ("errors", "corrections")),
    Noun(
        "datasets",
        "Datasets and rows",
        ("datasets", "dataset_changes", "dataset_versions", "columns", "rows", "profiles", "exports"),
    ),
    Noun(
        "pipelines", "Pipelines", ("pipelines", "pipeline_changes", "pipeline_statistics", "specs", "catalog")
    ),
    Noun("results", "Results", ("results",)),
    Noun("endpoints", "Endpoints", ("endpoints", "druid")),
    Noun("access", "Users, keys and the audit log", ("users", "apikeys", "signing_in", "audit")),
    Noun("health", "Health", ("health",)),
    Noun("sources", "Settings of sources"),
    Noun("steps", "Settings of steps"),
    Noun("checks", "Settings of checks"),
    Noun("sinks", "Settings of sinks"),
    Noun("shared", "What all of them share", ("nodes", "pagination", "payloads")),
)
OF_KINDS = re.compile(r"(Source|Step|Check|Sink)Input$")
ROOTS = {"Query": Query, "Mutation": Mutation, "Subscription": Subscription}


@dataclass(frozen=True)
class Operation:
    """A field of a root; `role` is None where it is open to everybody."""

    root: str
    name: str
    field: GraphQLField
    module: str
    role: str | None


@dataclass
class Api:
    """What a schema holds, sorted by nouns."""

    schema: HeadgateSchema = field(default_factory=make_schema)

    @cached_property
    def types(self) -> Mapping[str, GraphQLNamedType]:
        """Every type but the roots and those of introspection."""
        return {
            name: each
            for name, each in sorted(self.schema._schema.type_map.items())
            if not name.startswith("__") and name not in ROOTS
        }

    @cached_property
    def operations(self) -> Sequence[Operation]:
        """Every field of the roots: queries, mutations and subscriptions, each by name."""
        return [
            operation for root in ROOTS for operation in sorted(self._of_root(root), key=lambda one: one.name)
        ]

    def of(self, noun: Noun) -> list[Operation]:
        """The operations of one page."""
        return [operation for operation in self.operations if operation.module in noun.modules]

    @cached_property
    def homes(self) -> Mapping[str, str]:
        """The page of each type: that of its module, or the first one that speaks of it."""
        found = {name: home for name, each in self.types.items() if (home := self._own_home(name, each))}
        for noun in NOUNS:
            asked = [name for operation in self.of(noun) for name in _of_field(operation.field)]
            own = [self.types[name] for name, home in found.items() if home == noun.name]
            self._settle([*asked, *(name for each in own for name in _spoken_of(each))], noun.name, found)
        return found

    def _settle(self, names: list[str], home: str, found: dict[str, str]) -> None:
        """Give this page to those of the types, and of those that they speak of, that have none yet."""
        while names:
            name = names.pop()
            if name not in found:
                found[name] = home
                names += _spoken_of(self.types[name])

    def _own_home(self, name: str, each: GraphQLNamedType) -> str | None:
        if isinstance(each, GraphQLScalarType):
            return "shared"
        if (node := name.removesuffix("Connection").removesuffix("Edge")) != name and node in self.types:
            return self._own_home(node, self.types[node])
        if kind := OF_KINDS.search(name):
            return f"{kind[1].lower()}s"
        module = self._module(name)
        return next((noun.name for noun in NOUNS if module in noun.modules), None)

    def _module(self, name: str) -> str:
        known = self.schema.schema_converter.type_map.get(name)
        origin = getattr(known.definition, "origin", None) if known else None
        package, _, module = getattr(origin, "__module__", "").rpartition(".")
        return module if package == "headgate.graphql" else ""

    def _of_root(self, root: str) -> Iterator[Operation]:
        graphql_type = self.schema._schema.type_map[root]
        assert isinstance(graphql_type, GraphQLObjectType)
        for each in get_object_definition(ROOTS[root], strict=True).fields:
            name = self.schema.config.name_converter.get_graphql_name(each)
            assert each.base_resolver is not None
            module = each.base_resolver.wrapped_func.__module__.rpartition(".")[2]
            role = required_role(each)
            yield Operation(
                root, name, graphql_type.fields[name], module, None if role in (ANYONE, None) else str(role)
            )


def _of_field(each: GraphQLField) -> Iterator[str]:
    yield get_named_type(each.type).name
    yield from (get_named_type(argument.type).name for argument in each.args.values())


def _spoken_of(each: GraphQLNamedType) -> Iterator[str]:
    if isinstance(each, GraphQLObjectType | GraphQLInterfaceType):
        for one in each.fields.values():
            yield from _of_field(one)
    elif isinstance(each, GraphQLInputObjectType):
        yield from (get_named_type(one.type).name for one in each.fields.values())
