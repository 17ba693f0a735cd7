"""Dialects: how delimited text is written."""

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Self

import strawberry

from headgate.graphql.inputs import given
from headgate.graphql.kinds import input_of
from headgate.pipelines.dialect import GivenDialect
from headgate.pipelines.sources.dialect_settings import DialectSettings


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


if TYPE_CHECKING:

    class DialectInput: ...

else:
    DialectInput = input_of(DialectSettings, "DialectInput")


def read_dialect(input: DialectInput | None) -> GivenDialect | None:
    """Say a dialect as the domain does; None where nothing is given."""
    known = {name: value for name, value in given(input).items() if value is not strawberry.UNSET}
    return GivenDialect(**known) if known else None
