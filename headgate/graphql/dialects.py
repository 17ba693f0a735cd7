"""Dialects: how delimited text is written."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Self

import strawberry

from headgate.graphql.inputs import given
from headgate.pipelines.dialect import GivenDialect


@strawberry.type(description="How a text file was read.")
class Dialect:
    encoding: str = strawberry.field(description="Its encoding, such as utf-8.")
    delimiter: str | None = strawberry.field(description="What sets values apart.")
    quote: str | None = strawberry.field(
        description="What surrounds values that hold delimiters or line ends."
    )
    escape: str | None = strawberry.field(
        description="What stands before a quote inside a quoted value; null where such quotes are doubled."
    )
    newline: str | None = strawberry.field(description="What ends a line.")
    has_header: bool = strawberry.field(description="Whether the first row names the columns.")
    skip_rows: int = strawberry.field(description="How many lines stand before the header or the first row.")
    confidence: float = strawberry.field(description="How sure the detection is, from 0 to 1.")

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Make it of what is kept of a dialect, which is more than is shown."""
        return cls(**{field.name: data[field.name] for field in fields(cls)})


@strawberry.input(
    description="What is known of how delimited text is written; what is left out is found, what is given counts."
)
class DialectInput:
    encoding: str | None = strawberry.field(
        default=None, description="Its encoding, by a name such as utf-8, utf-16, cp1252 or latin-1."
    )
    delimiter: str | None = strawberry.field(
        default=None,
        description="What sets values apart: one character, or two such as a comma and a blank.",
    )
    quote: str | None = strawberry.field(
        default=None,
        description="What surrounds values that hold delimiters or line ends; an empty text where nothing does.",
    )
    escape: str | None = strawberry.field(
        default=None,
        description="What stands before a quote inside a quoted value; an empty text where such quotes are doubled.",
    )
    newline: str | None = strawberry.field(
        default=None, description="What ends a line: a line feed, a carriage return, or both."
    )
    has_header: bool | None = strawberry.field(
        default=None, description="Whether the first row names the columns."
    )
    skip_rows: int | None = strawberry.field(
        default=None, description="How many lines stand before the header or the first row: 0 to 10,000."
    )


def read_dialect(input: DialectInput | None) -> GivenDialect | None:
    """Say a dialect as the domain does; None where nothing is given."""
    known = given(input)
    return GivenDialect(**known) if known else None
