"""What a spec says of how delimited text is written."""

from pydantic import Field

from headgate.pipelines.dialect import GivenDialect
from headgate.pipelines.kinds import Settings


class DialectSettings(Settings):
    """What is known of how delimited text is written; what is left out is found, what is given counts."""

    encoding: str | None = Field(
        default=None, description="Its encoding, by a name such as utf-8, utf-16, cp1252 or latin-1."
    )
    delimiter: str | None = Field(
        default=None,
        description="What sets values apart: one character, or two such as a comma and a blank.",
    )
    quote: str | None = Field(
        default=None,
        description="What surrounds values that hold delimiters or line ends; an empty text where nothing does.",
    )
    escape: str | None = Field(
        default=None,
        description="What stands before a quote inside a quoted value; an empty text where such quotes are doubled.",
    )
    newline: str | None = Field(
        default=None, description="What ends a line: a line feed, a carriage return, or both."
    )
    has_header: bool | None = Field(default=None, description="Whether the first row names the columns.")
    skip_rows: int | None = Field(
        default=None,
        ge=0,
        le=10_000,
        description="How many lines stand before the header or the first row: 0 to 10,000.",
    )

    def given(self) -> GivenDialect:
        """The same, for readers."""
        return GivenDialect(**self.model_dump())
