"""The scalars of the schema; `SCALARS` goes into `StrawberryConfig(scalar_map=SCALARS)`."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NewType

import orjson
import strawberry
from graphql import GraphQLError, ValueNode, value_from_ast_untyped
from strawberry.scalars import JSON
from strawberry.types.scalar import ScalarDefinition

from headgate.domain.incoming import IncomingFile
from headgate.storage.columns import MAX_SAFE_INTEGER

MAX_JSON_DEPTH = 64
# The encoder's own bound on nesting: what fits in once it is wrapped up to here fits in everywhere.
ENCODER_DEPTH = 254
RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)

BigInt = NewType("BigInt", int)
"""A count of rows or bytes in the schema: GraphQL's own Int ends at 2^31-1."""


def is_plain_json(value: object) -> bool:
    """Tell whether a value nests at most 64 levels deep and holds nothing that JSON cannot carry."""
    for _ in range(ENCODER_DEPTH - MAX_JSON_DEPTH):
        value = [value]
    try:
        orjson.dumps(value)
    except TypeError:
        return False
    return True


def _big_int(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise GraphQLError("BigInt takes an integer.")
    if abs(value) > MAX_SAFE_INTEGER:
        raise GraphQLError("BigInt takes an integer between -(2^53-1) and 2^53-1.")
    return value


def _moment(value: object) -> datetime:
    if not isinstance(value, str) or not RFC_3339.fullmatch(value):
        raise GraphQLError("DateTime takes an RFC 3339 text with a time zone, such as 2026-01-31T08:30:00Z.")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise GraphQLError("DateTime takes a moment that exists.") from error


def _utc_text(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError("a moment without a time zone")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


def _json(value: object) -> object:
    if not is_plain_json(value):
        raise GraphQLError(f"JSON takes at most {MAX_JSON_DEPTH} levels, and integers of 64 bits.")
    return value


def _json_literal(node: ValueNode, variables: dict[str, Any] | None = None) -> object:
    value = _json(value_from_ast_untyped(node, variables))
    try:
        json.dumps(value, allow_nan=False)
    except ValueError as error:
        raise GraphQLError("JSON takes finite numbers.") from error
    return value


def _incoming_file(value: object) -> IncomingFile:
    if not isinstance(value, IncomingFile):
        raise GraphQLError("Upload takes a file of a GraphQL multipart request.")
    return value


def _never_sent(value: object) -> object:
    raise TypeError("an Upload is only an input")


def _same(value: object) -> object:
    return value


SCALARS: Mapping[object, ScalarDefinition] = {
    BigInt: strawberry.scalar(
        name="BigInt",
        description="An integer between -(2^53-1) and 2^53-1, sent as a JSON number.",
        serialize=_big_int,
        parse_value=_big_int,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment as RFC 3339 writes it; answered in UTC, such as 2026-01-31T08:30:00Z.",
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
        serialize=_utc_text,
        parse_value=_moment,
    ),
    JSON: strawberry.scalar(
        name="JSON",
        description="Any JSON value, up to 64 levels deep.",
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc8259",
        serialize=_same,
        parse_value=_json,
        parse_literal=_json_literal,
    ),
    IncomingFile: strawberry.scalar(
        name="Upload",
        description="A file of a GraphQL multipart request.",
        specified_by_url="https://github.com/jaydenseric/graphql-multipart-request-spec",
        serialize=_never_sent,
        parse_value=_incoming_file,
    ),
}
"""Python type -> scalar: BigInt, datetime -> DateTime, strawberry's JSON, IncomingFile -> Upload."""
