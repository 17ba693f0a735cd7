"""What has changed between two versions of the API, and whom that concerns.

Which changes break clients is decided by graphql-core's `find_schema_changes`.
"""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from graphql import (
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLError,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    build_schema,
)
from graphql.utilities import BreakingChange, DangerousChange, SafeChange, find_schema_changes

from headgate.errors import UserFault


class Severity(StrEnum):
    """Whom a change concerns; the worst first."""

    BREAKING = "BREAKING"
    """Operations that worked fail."""
    DANGEROUS = "DANGEROUS"
    """Clients may meet what they didn't expect, such as a new value of an enum."""
    DEPRECATED = "DEPRECATED"
    """It works, and will go: its reason says what replaces it."""
    SAFE = "SAFE"


class Change(NamedTuple):
    """One change, in a sentence."""

    severity: Severity
    description: str


def changes_between(old: str, new: str) -> list[Change]:
    """Compare two schemas in SDL; the worst changes come first. Raises UserFault (INVALID_SCHEMA)."""
    before, after = _read(old), _read(new)
    found = [Change(_severity(change), change.description) for change in find_schema_changes(before, after)]
    known = dict(deprecations(before))
    found += [
        Change(Severity.DEPRECATED, f"{place} is deprecated: {reason}")
        for place, reason in deprecations(after)
        if place not in known
    ]
    return sorted(found, key=lambda change: (list(Severity).index(change.severity), change.description))


def deprecations(schema: GraphQLSchema) -> Iterator[tuple[str, str]]:
    """Yield every deprecated field, argument, input field and value, by its coordinate, with the reason."""
    for name, type_ in schema.type_map.items():
        for member, value in _members(type_):
            if value.deprecation_reason is not None:
                yield f"{name}.{member}", value.deprecation_reason
            for argument, known in value.args.items() if isinstance(value, GraphQLField) else ():
                if known.deprecation_reason is not None:
                    yield f"{name}.{member}({argument}:)", known.deprecation_reason


def _members(type_: object) -> Iterator[tuple[str, GraphQLField | GraphQLInputField | GraphQLEnumValue]]:
    if isinstance(type_, GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType):
        yield from type_.fields.items()
    elif isinstance(type_, GraphQLEnumType):
        yield from type_.values.items()


def _severity(change: BreakingChange | DangerousChange | SafeChange) -> Severity:
    if isinstance(change, BreakingChange):
        return Severity.BREAKING
    return Severity.DANGEROUS if isinstance(change, DangerousChange) else Severity.SAFE


def _read(sdl: str) -> GraphQLSchema:
    try:
        return build_schema(sdl)
    except (GraphQLError, TypeError) as error:
        raise UserFault("INVALID_SCHEMA", f"This is no GraphQL schema: {error}") from error
